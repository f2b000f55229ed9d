/**
 * Reads JSON as rows: one value a line, an array of values, or values one after another over several lines each. It
 * streams, one row at a time; `parseJson` parses each row, so digits are kept.
 */
import { problemOf } from "../event/line/imported.ts";
import { parseJson } from "../event/parse/parse.ts";
import { ImportRefused } from "./refused.ts";
import { rowBytesMax, type SourceRow } from "./row.ts";

/** How the values of a file follow each other. */
type JsonForm = "lines" | "array" | "values";

/** The form is recognised from at most this much of a file. Bytes. */
const sniffedBytesMax = 64 * 1024;

const [newline, quote, backslash, comma] = [0x0a, 0x22, 0x5c, 0x2c];
const isSpace = (byte: number | undefined) => byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d;
const isOpening = (byte: number | undefined) => byte === 0x7b || byte === 0x5b;
const isClosing = (byte: number | undefined) => byte === 0x7d || byte === 0x5d;
const closeList = 0x5d;

/** A value's bytes, and the line where it begins. */
type JsonValue = { bytes: Buffer; line: number };

/**
 * The rows of a JSON file; blank lines are skipped.
 * @throws ImportRefused when the rest cannot be split into rows
 */
export async function* jsonRows(chunks: AsyncIterable<Buffer>): AsyncGenerator<SourceRow[]> {
  const { form, all } = await sniffed(chunks);
  let row = 0;
  for await (const values of form === "lines" ? linesOf(all) : valuesOf(all, form)) {
    yield values.map(({ bytes, line }): SourceRow => {
      row += 1;
      const place = line === row ? { row } : { row, line };
      const parsed = parseJson(bytes);
      if (parsed.ok) return { ok: true, ...place, value: parsed.value, exact: parsed.exact };
      return { ok: false, ...place, problem: parsed.issues.map(problemOf).join("; "), raw: bytes.toString("utf8") };
    });
  }
}

/** Reads ahead to recognise the form, and returns all chunks again. */
async function sniffed(chunks: AsyncIterable<Buffer>): Promise<{ form: JsonForm; all: AsyncIterable<Buffer> }> {
  const iterator = chunks[Symbol.asyncIterator]();
  const ahead: Buffer[] = [];
  let bytes = 0;
  while (bytes < sniffedBytesMax) {
    const next = await iterator.next();
    if (next.done === true) break;
    ahead.push(next.value);
    bytes += next.value.length;
  }
  async function* all() {
    try {
      yield* ahead;
      for (;;) {
        const next = await iterator.next();
        if (next.done === true) return;
        yield next.value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { form: formOf(Buffer.concat(ahead)), all: all() };
}

/**
 * An array begins with a bracket. If the first line ends inside a value, and the next does not begin an object, the
 * values take several lines.
 */
function formOf(head: Buffer): JsonForm {
  const start = head.findIndex((byte) => !isSpace(byte));
  if (start === -1) return "lines";
  if (head[start] === 0x5b) return "array";
  const end = head.indexOf(newline, start);
  if (end === -1 || endOfValue(head.subarray(start, end)) !== undefined) return "lines";
  const next = head.subarray(end).find((byte) => !isSpace(byte));
  return next === undefined || next === 0x7b ? "lines" : "values";
}

function endOfValue(bytes: Buffer): number | undefined {
  const scan = new ValueScan();
  for (let at = 0; at < bytes.length; at++) if (scan.step(bytes[at])) return at;
  return undefined;
}

/** The state of a scan within an object or an array. */
class ValueScan {
  depth = 0;
  #isInString = false;
  #isEscaped = false;

  get isOutside(): boolean {
    return this.depth === 0 && !this.#isInString;
  }

  /** Takes a byte. Returns true when it ends an outermost object or array. */
  step(byte: number | undefined): boolean {
    if (this.#isInString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === backslash) this.#isEscaped = true;
      else if (byte === quote) this.#isInString = false;
      return false;
    }
    if (byte === quote) this.#isInString = true;
    else if (isOpening(byte)) this.depth += 1;
    else if (isClosing(byte) && this.depth > 0) {
      this.depth -= 1;
      return this.depth === 0;
    }
    return false;
  }
}

/** Bytes of a value that spans several chunks, joined once when it is complete. */
class Parts {
  #parts: Buffer[] = [];
  #bytes = 0;

  add(part: Buffer, line: number): void {
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes > rowBytesMax)
      throw new ImportRefused(`the row that begins in line ${line} is longer than ${rowBytesMax} bytes`);
  }

  take(): Buffer {
    const [only] = this.#parts;
    const whole = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    return whole;
  }
}

/** Splits bytes into lines: readline would also split at U+2028, which may be in a JSON string. */
async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<JsonValue[]> {
  const parts = new Parts();
  let line = 1;
  for await (const chunk of chunks) {
    const lines: JsonValue[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      parts.add(chunk.subarray(start, end), line);
      lines.push({ bytes: parts.take(), line });
      line += 1;
      start = end + 1;
    }
    parts.add(chunk.subarray(start), line);
    yield lines.filter(({ bytes }) => !bytes.every(isSpace));
  }
  const bytes = parts.take();
  if (!bytes.every(isSpace)) yield [{ bytes, line }];
}

/** The state of reading values. */
type ListState = "before list" | "before value" | "in value" | "in scalar" | "after value" | "after list";

/** Values of an array, or values one after another. Only values of an array have commas between them. */
async function* valuesOf(chunks: AsyncIterable<Buffer>, form: "array" | "values"): AsyncGenerator<JsonValue[]> {
  const parts = new Parts();
  // A member of an object: TypeScript would not see that a function changes a variable.
  const reading: { state: ListState } = { state: form === "array" ? "before list" : "before value" };
  let scan = new ValueScan();
  let [line, valueLine, count] = [1, 1, 0];
  let isFirst = true;
  const fault = (expected: string) =>
    new ImportRefused(`line ${line}, after row ${count}: ${expected} is expected; the rest cannot be told into rows`);
  for await (const chunk of chunks) {
    const values: JsonValue[] = [];
    let start = 0;
    const take = (end: number) => {
      parts.add(chunk.subarray(start, end), valueLine);
      values.push({ bytes: parts.take(), line: valueLine });
      count += 1;
      isFirst = false;
      reading.state = form === "array" ? "after value" : "before value";
    };
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === newline) line++;
      if (reading.state === "in value") {
        if (scan.step(byte)) take(at + 1);
        continue;
      }
      if (reading.state === "in scalar") {
        if (!scan.isOutside || (!isSpace(byte) && byte !== comma && !isClosing(byte) && !isOpening(byte))) {
          scan.step(byte);
          continue;
        }
        take(at);
      }
      if (isSpace(byte)) continue;
      if (reading.state === "before list") reading.state = "before value";
      else if (reading.state === "after list") throw fault("the end of the file");
      else if (reading.state === "after value") {
        if (byte !== comma && byte !== closeList) throw fault("a comma or a closing bracket");
        reading.state = byte === comma ? "before value" : "after list";
      } else if (byte === closeList && form === "array" && isFirst) reading.state = "after list";
      else if (byte === comma || isClosing(byte)) throw fault("a value");
      else {
        scan = new ValueScan();
        scan.step(byte);
        reading.state = isOpening(byte) ? "in value" : "in scalar";
        [start, valueLine] = [at, line];
      }
    }
    if (reading.state === "in value" || reading.state === "in scalar") {
      parts.add(chunk.subarray(start), valueLine);
    }
    if (values.length > 0) yield values;
  }
  if (reading.state === "in scalar" && form === "values") {
    yield [{ bytes: parts.take(), line: valueLine }];
    return;
  }
  const isWhole = form === "array" ? reading.state === "after list" : reading.state === "before value";
  if (!isWhole)
    throw fault(
      `the end of ${reading.state === "in value" ? `the value that begins in line ${valueLine}` : "the array"}`,
    );
}
