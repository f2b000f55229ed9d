/** Reusable memory for building lines: it makes no garbage. */

import { backslash, digit0, quote } from "./ascii.ts";

/** Initial capacity. Bytes. */
const bytesAtFirst = 256 * 1024;

/** A buffer that has grown larger frees its memory when it is emptied. Bytes. */
const bytesKeptMax = 16 * 1024 * 1024;

/** Up to this many bytes, a loop copies faster than a call. */
const shortBytesMax = 20;

/** A growing buffer to whose end bytes are appended. */
export class LineBuffer {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  #end = 0;

  /** How many bytes were written. */
  get end(): number {
    return this.#end;
  }

  /** The bytes from an offset to the end; valid until the next write. */
  view(from = 0): Buffer<ArrayBuffer> {
    return this.#bytes.subarray(from, this.#end);
  }

  /** Makes room for this many more bytes. Must precede whatever appends. */
  reserve(more: number): void {
    const needed = this.#end + more;
    if (needed <= this.#bytes.byteLength) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.byteLength * 2));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
  }

  /**
   * The memory itself, to write into from `end` on; `moveEnd` then says how far. It is another one after the next
   * `reserve`.
   */
  get memory(): Buffer {
    return this.#bytes;
  }

  /** Moves the end behind what was written into `memory`. REQUIRES: it was reserved. */
  moveEnd(end: number): void {
    this.#end = end;
  }

  /** Appends a string in UTF-8. REQUIRES: three bytes reserved for each of its UTF-16 units. */
  text(text: string): void {
    this.#end += this.#bytes.write(text, this.#end, "utf8");
  }

  /** Appends an ASCII string. REQUIRES: a byte reserved for each of its characters. */
  ascii(text: string): void {
    this.#bytes.write(text, this.#end, "latin1");
    this.#end += text.length;
  }

  /** Appends the bytes of another buffer from `from` to before `to`. REQUIRES: as many reserved. */
  copy(source: Buffer, from: number, to: number): void {
    const bytes = this.#bytes;
    let end = this.#end;
    if (to - from > shortBytesMax) end += source.copy(bytes, end, from, to);
    else for (let at = from; at < to; at++) bytes[end++] = source[at] ?? 0;
    this.#end = end;
  }

  /** Appends one byte. REQUIRES: it is reserved. */
  byte(byte: number): void {
    this.#bytes[this.#end++] = byte;
  }

  /** Appends a whole number, not below 0, in decimal digits. REQUIRES: 16 bytes reserved. */
  digits(value: number): void {
    let length = 1;
    for (let limit = 10; value >= limit; limit *= 10) length += 1;
    this.#end += length;
    this.digitsBefore(this.#end, value);
  }

  /** Appends a whole number of 32 bits, not below 0, as eight hexadecimal digits. REQUIRES: 8 bytes reserved. */
  hex(value: number): void {
    for (let shift = 28; shift >= 0; shift -= 4) this.#bytes[this.#end++] = hexDigits[(value >>> shift) & 0xf] ?? 0;
  }

  /** Overwrites the bytes before an offset with the decimal digits of a whole number, not below 0. */
  digitsBefore(end: number, value: number): void {
    let at = end;
    let rest = value;
    do {
      const digit = rest % 10;
      this.#bytes[--at] = digit0 + digit;
      rest = (rest - digit) / 10;
    } while (rest > 0);
  }

  /** Turns the JSON from an offset to the end into a JSON string. REQUIRES: that JSON has no control characters. */
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

  /** Removes the bytes from an offset on. */
  cut(end: number): void {
    this.#end = end;
  }

  /** Removes everything. */
  clear(): void {
    this.#end = 0;
    if (this.#bytes.byteLength > bytesKeptMax) this.#bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
  }
}

const hexDigits = Buffer.from("0123456789abcdef");

const isEscaped = (byte: number | undefined) => byte === quote || byte === backslash;
