/** Memory in which lines are put together, and which is used again: what makes no garbage is collected by nobody. */

import { backslash, quote } from "./ascii.ts";

/** Room that a new buffer has. Bytes. */
const bytesAtFirst = 256 * 1024;

/** A buffer that had to grow larger gives its memory back when it is emptied. Bytes. */
const bytesKeptMax = 16 * 1024 * 1024;

/** Up to this many bytes a loop copies faster than a call does. */
const shortBytesMax = 20;

/** A growing stretch of bytes that is written at its end. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  #end = 0;

  /** Bytes that were written. */
  get end(): number {
    return this.#end;
  }

  /** What was written from a place on, until the next write. */
  view(from = 0): Buffer<ArrayBuffer> {
    return this.#bytes.subarray(from, this.#end);
  }

  /** Makes room for this many more bytes: before each `text` and each `copy`. */
  reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.byteLength * 2));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  /** Writes a text in UTF-8. REQUIRES: three bytes reserved for each of its UTF-16 units. */
  text(text: string): void {
    this.#end += this.#bytes.write(text, this.#end, "utf8");
  }

  /** Writes a text of ASCII. REQUIRES: a byte reserved for each of its characters. */
  ascii(text: string): void {
    this.#bytes.write(text, this.#end, "latin1");
    this.#end += text.length;
  }

  /** Writes the bytes of another buffer from `from` to before `to`. REQUIRES: as many reserved. */
  copy(source: Buffer, from: number, to: number): void {
    const bytes = this.#bytes;
    let end = this.#end;
    if (to - from > shortBytesMax) end += source.copy(bytes, end, from, to);
    else for (let at = from; at < to; at++) bytes[end++] = source[at] ?? 0;
    this.#end = end;
  }

  /** Writes one byte. REQUIRES: it is reserved. */
  byte(byte: number): void {
    this.#bytes[this.#end++] = byte;
  }

  /** Writes a text of ASCII over what stands at a place. */
  over(at: number, text: string): void {
    this.#bytes.write(text, at, "latin1");
  }

  /** Makes a JSON string of the JSON that was written from a place on, which has no control characters. */
  quoteFrom(from: number): void {
    let more = 2;
    for (let at = from; at < this.#end; at++) if (isEscaped(this.#bytes[at])) more += 1;
    this.reserve(more);
    const bytes = this.#bytes;
    let at = this.#end;
    let to = at + more;
    this.#end = to;
    bytes[--to] = quote;
    while (at > from) {
      const byte = bytes[--at] ?? 0;
      bytes[--to] = byte;
      if (isEscaped(byte)) bytes[--to] = backslash;
    }
    bytes[from] = quote;
  }

  /** Takes away what was written from a place on. */
  cut(end: number): void {
    this.#end = end;
  }

  /** Takes everything away. */
  clear(): void {
    this.#end = 0;
    if (this.#bytes.byteLength > bytesKeptMax) this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  }
}

const isEscaped = (byte: number | undefined) => byte === quote || byte === backslash;
