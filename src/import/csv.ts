/**
 * Reads CSV as in RFC 4180: a header, cells in quotes where they need them, a quote within them doubled. Nothing is
 * guessed, so row numbers, short rows and stray quotes are reported exactly. Lines end in LF or CRLF; blank lines are
 * skipped.
 *
 * An empty cell is absent; `""` is the empty string.
 */
import { isUtf8 } from "node:buffer";
import { ImportRefused } from "./refused.ts";
import { neverEmpty, rowBytesMax, type SourceRow } from "./row.ts";

/** Delimiters that are recognised without an option, in this order. */
export const csvDelimiters = [",", ";", "\t", "|"] as const;

const quote = 0x22;
const newline = 0x0a;
const carriageReturn = 0x0d;

/** A line of the file, or several where a quoted cell spans them. */
type CsvRecord = { bytes: Buffer; line: number };

/** The state of the scan of a record. */
type Scan = "cell start" | "in cell" | "in quotes" | "quote in quotes";

/**
 * Splits bytes into records, in one pass whatever their length.
 * @throws ImportRefused for a record longer than `rowBytesMax`, and for a quoted cell that never ends
 */
async function* csvRecords(
  chunks: AsyncIterable<Buffer>,
  delimiterOf: (header: Buffer) => string,
  given: string | undefined,
): AsyncGenerator<CsvRecord[]> {
  let delimiter = given?.charCodeAt(0);
  let parts: Buffer[] = [];
  let partsBytes = 0;
  let scan: Scan = "cell start";
  let line = 1;
  let recordLine = 1;
  const take = (rest: Buffer) => {
    const whole = parts.length === 0 ? rest : Buffer.concat([...parts, rest]);
    parts = [];
    partsBytes = 0;
    return { bytes: whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole, line: recordLine };
  };
  for await (const chunk of chunks) {
    const records: CsvRecord[] = [];
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (byte === newline) line++;
      if (scan === "in quotes") {
        if (byte === quote) scan = "quote in quotes";
        continue;
      }
      if (byte === newline) {
        const record = take(chunk.subarray(start, at));
        start = at + 1;
        recordLine = line;
        scan = "cell start";
        if (record.bytes.length === 0) continue;
        delimiter ??= delimiterOf(record.bytes).charCodeAt(0);
        records.push(record);
      } else if (byte === quote && scan !== "in cell") scan = "in quotes";
      // Before the header has been read, any delimiter starts a cell: a quote means the same after each of them.
      else if (delimiter === undefined ? isDelimiter(byte) : byte === delimiter) scan = "cell start";
      else scan = "in cell";
    }
    if (start < chunk.length) {
      parts.push(chunk.subarray(start));
      partsBytes += chunk.length - start;
    }
    if (partsBytes > rowBytesMax)
      throw new ImportRefused(`the row that begins in line ${recordLine} is longer than ${rowBytesMax} bytes`);
    if (records.length > 0) yield records;
  }
  if (scan === "in quotes")
    throw new ImportRefused(`the row that begins in line ${recordLine} has a quoted cell that is never closed`);
  const last = take(Buffer.alloc(0));
  if (last.bytes.length > 0) yield [last];
}

const isDelimiter = (byte: number | undefined) => byte !== undefined && delimiterBytes.has(byte);
const delimiterBytes = new Set(csvDelimiters.map((each) => each.charCodeAt(0)));

/** A cell: its string, and whether it was in quotes. */
type Cell = { text: string; isQuoted: boolean };

/** Cells of a record, or what is wrong with it. */
type Cells = { ok: true; cells: Cell[] } | { ok: false; problem: string };

function cellsOf(record: Buffer, delimiter: string): Cells {
  if (!isUtf8(record)) return { ok: false, problem: `${placeOfFault(record, delimiter)}is not UTF-8` };
  const text = record.toString("utf8");
  if (!text.includes('"')) {
    if (text.includes("\r")) return { ok: false, problem: "a carriage return stands outside of quotes" };
    return { ok: true, cells: text.split(delimiter).map((each) => ({ text: each, isQuoted: false })) };
  }
  const cells: Cell[] = [];
  let at = 0;
  for (;;) {
    const isQuoted = text[at] === '"';
    const end = isQuoted ? endOfQuoted(text, at) : endOfCell(text, at, delimiter);
    const cell = isQuoted ? text.slice(at + 1, end - 1).replaceAll('""', '"') : text.slice(at, end);
    const place = `cell ${cells.length + 1}`;
    if (!isQuoted && cell.includes('"'))
      return { ok: false, problem: `${place} has a quote and does not begin with one: put it in quotes and double it` };
    if (!isQuoted && cell.includes("\r"))
      return { ok: false, problem: `${place} has a carriage return outside of quotes` };
    if (end < text.length && text[end] !== delimiter)
      return { ok: false, problem: `${place} goes on after its closing quote: a quote within quotes is doubled` };
    cells.push({ text: cell, isQuoted });
    if (end >= text.length) return { ok: true, cells };
    at = end + 1;
  }
}

function endOfCell(text: string, at: number, delimiter: string): number {
  const end = text.indexOf(delimiter, at);
  return end === -1 ? text.length : end;
}

/** The offset after the closing quote of a quoted cell. */
function endOfQuoted(text: string, at: number): number {
  let end = text.indexOf('"', at + 1);
  while (end !== -1 && text[end + 1] === '"') end = text.indexOf('"', end + 2);
  return end === -1 ? text.length : end + 1;
}

/** Which cell is not UTF-8, as far as that can be determined. */
function placeOfFault(record: Buffer, delimiter: string): string {
  const cells = record.toString("latin1").split(delimiter);
  const index = cells.findIndex((cell) => !isUtf8(Buffer.from(cell, "latin1")));
  return index === -1 ? "" : `cell ${index + 1} `;
}

/**
 * The delimiter of a header: the first of the usual ones with which it has a column `event_name`; otherwise a comma.
 */
function delimiterOfHeader(header: Buffer): string {
  const found = csvDelimiters.find((each) => {
    const read = cellsOf(header, each);
    return read.ok && read.cells.some(({ text }) => text === "event_name");
  });
  return found ?? ",";
}

/** The names in a header, which must be unique. */
function namesOf(header: Buffer, delimiter: string): string[] {
  const read = cellsOf(header, delimiter);
  if (!read.ok) throw new ImportRefused(`the header: ${read.problem}`);
  const names = read.cells.map(({ text }) => text);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new ImportRefused(`the header has the column ${JSON.stringify(twice)} twice`);
  if (names.includes("event_name")) return names;
  throw new ImportRefused(
    `the header has no column event_name; it has ${names.map((name) => JSON.stringify(name)).join(", ")}`,
  );
}

/** `delimiter`: if undefined, the header decides. `onColumns` is called with the names in the header. */
type CsvOptions = { delimiter: string | undefined; onColumns: (names: readonly string[]) => void };

/**
 * The rows of a CSV file, without the header.
 * @throws ImportRefused when the rest cannot be split into rows
 */
export async function* csvRows(
  chunks: AsyncIterable<Buffer>,
  { delimiter, onColumns }: CsvOptions,
): AsyncGenerator<SourceRow[]> {
  let used = delimiter ?? ",";
  let names: string[] | undefined;
  let row = 0;
  const decide = (header: Buffer) => {
    used = delimiterOfHeader(header);
    return used;
  };
  for await (const records of csvRecords(chunks, decide, delimiter)) {
    const rows: SourceRow[] = [];
    for (const record of records) {
      if (names === undefined) {
        names = namesOf(record.bytes, used);
        onColumns(names);
        continue;
      }
      row += 1;
      rows.push(rowOf(record, { names, row, delimiter: used }));
    }
    yield rows;
  }
  if (names === undefined) throw new ImportRefused("is empty; a CSV file begins with a header");
}

type RowOptions = { names: readonly string[]; row: number; delimiter: string };

function rowOf({ bytes, line }: CsvRecord, { names, row, delimiter }: RowOptions): SourceRow {
  const read = cellsOf(bytes, delimiter);
  const raw = bytes.toString("utf8");
  if (!read.ok) return { ok: false, row, line, problem: read.problem, raw };
  const { cells } = read;
  if (cells.length !== names.length) {
    const counted = `${cells.length} ${cells.length === 1 ? "cell" : "cells"}`;
    return { ok: false, row, line, problem: `has ${counted}, the header has ${names.length}`, raw };
  }
  const value = Object.fromEntries(
    cells.flatMap(({ text, isQuoted }, index) => {
      const name = names[index] ?? "";
      const isAbsent = text === "" && (!isQuoted || neverEmpty.has(name));
      return isAbsent ? [] : [[name, text] as const];
    }),
  );
  return { ok: true, row, line, value, exact: value };
}
