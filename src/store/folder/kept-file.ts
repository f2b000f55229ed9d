/**
 * Every file of a data folder that is neither a segment nor a journal, read and written in one place, with a CRC-32.
 *
 * JSON {"a": 1,"crc32":"89abcdef"} one object, the checksum is its last member: `readKeptJson`, `keepJson` lines
 * {"a":1,"crc32":"89abcdef"} the same, one object a line: `readKeptLines`, `keptLine` text value, then a line
 * `crc32 89abcdef` `readKeptText`, `keepText`
 *
 * How to use it: write with `keepJson(path, value)`; read with `readKeptJson(path)` and switch over `kind`. "damaged"
 * is a value and not an error, because what a damaged file means differs: name it in a warning and go on wherever that
 * is safe. Add the file to `small-files.ts`, so that `verify` and health read it too.
 *
 * Invariants:
 * - The checksum is of all bytes before it. Whatever single byte of a file changes, the file (or its line) is damaged.
 * - Files of the release before have no checksum and are read; what is written has one. A file whose end resembles a
 *   checksum is not taken for one without.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Content, noteInPlace, replaceFile } from "../../base/durable.ts";
import { codeOf, DataFolderRefused } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { unfinishedSuffix } from "./names.ts";

/**
 * What a file holds: nothing because it is not there, a value, or what nobody may trust; `why` completes "the file …".
 */
export type Kept<Value> =
  | { kind: "missing" }
  | { kind: "sound"; value: Value; hasChecksum: boolean }
  | { kind: "damaged"; why: string };

/** Lines of a file that are sound, and the numbers (from 1) of those that are not. */
type KeptLines = {
  values: Record<string, unknown>[];
  damaged: { line: number; why: string; bytes: Buffer }[];
  /** Bytes before a last line that a crash cut; undefined where the file ends with a whole line. */
  wholeBytes: number | undefined;
};

const hex = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, "0");

/** What ends each form; `#` stands for a digit of the checksum. */
const jsonEnd = ',"crc32":"########"}';
const textEnd = "\ncrc32 ########\n";

const mismatch = "does not match its checksum";

/** A line of a file of lines, newline included. */
export function keptLine(value: Readonly<Record<string, unknown>>): string {
  return `${sealed(JSON.stringify(value).slice(0, -1))}\n`;
}

/** Writes a file of one object, durably and whole: readers see the one before or this one. */
export function keepJson(path: string, value: Readonly<Record<string, unknown>>): void {
  replaceDurably(path, `${sealed(JSON.stringify(value, null, 2).slice(0, -2))}\n`);
}

/** Writes a file of one line of text, durably and whole. */
export function keepText(path: string, text: string): void {
  invariant(!text.includes("\n"), "a kept text is one line");
  replaceDurably(path, text + textEnd.replace("########", hex(Buffer.from(text))));
}

/**
 * Writes a file of one line of text in its place and without a sync: for hints that must cost nothing. Texts of one
 * file have one length, far below a sector, so that a process that ends half-way and a power cut leave the text before
 * or this one; of a new file a power cut may leave the name alone, or zeros. REQUIRES: it is read with `readNotedText`.
 */
export function noteText(path: string, text: string): void {
  invariant(!text.includes("\n"), "a kept text is one line");
  noteInPlace(path, Buffer.from(text + textEnd.replace("########", hex(Buffer.from(text)))));
}

function sealed(body: string): string {
  invariant(body.length > 2, "a kept object has a member");
  return body + jsonEnd.replace("########", hex(Buffer.from(body)));
}

/** Replaces a file of a data folder, durably and whole. */
export function replaceDurably(path: string, content: Content): void {
  replaceFile({ path, unfinished: path + unfinishedSuffix }, content);
}

/** Reads a file of one object. */
export function readKeptJson(path: string): Kept<Record<string, unknown>> {
  const bytes = bytesIfThere(path);
  if (bytes === undefined) return { kind: "missing" };
  const isEnded = bytes.at(-1) === 0x0a;
  return objectOf(isEnded ? bytes.subarray(0, -1) : bytes, { isEnded });
}

/**
 * The object of a damaged file in which one byte alone is wrong: the checksum tells which. Undefined where no change of
 * one byte, or more than one, makes the file sound. For files of some hundred bytes that nothing else could replace.
 */
export function mendKeptJson(path: string): Record<string, unknown> | undefined {
  const mended = mendBytes(bytesIfThere(path) ?? Buffer.alloc(0), (bytes) => {
    const kept = objectOf(bytes.subarray(0, -1), { isEnded: bytes.at(-1) === 0x0a });
    return kept.kind === "sound" && kept.hasChecksum ? JSON.stringify(kept.value) : undefined;
  });
  return mended === undefined ? undefined : JSON.parse(mended);
}

/** What `read` gives for changes of one byte, if that is one and the same for all for which it gives anything. */
export function mendBytes(bytes: Buffer, read: (changed: Buffer) => string | undefined): string | undefined {
  const changed = Buffer.from(bytes);
  let found: string | undefined;
  for (const [at, before] of bytes.entries()) {
    for (let flips = 1; flips < 256; flips++) {
      changed[at] = before ^ flips;
      const value = read(changed);
      if (value === undefined || value === found) continue;
      if (found !== undefined) return undefined;
      found = value;
    }
    changed[at] = before;
  }
  return found;
}

/** Reads a file of one line of text. */
export function readKeptText(path: string): Kept<string> {
  const bytes = bytesIfThere(path);
  return bytes === undefined ? { kind: "missing" } : textOf(bytes);
}

/**
 * Reads a file that `noteText` writes: one whose bytes never reached the disk before the power went is as good as
 * missing.
 */
export function readNotedText(path: string): Kept<string> {
  const bytes = bytesIfThere(path);
  return bytes === undefined || bytes.every((byte) => byte === 0) ? { kind: "missing" } : textOf(bytes);
}

function textOf(bytes: Buffer): Kept<string> {
  const body = bytes.subarray(0, -textEnd.length);
  const end = bytes.subarray(-textEnd.length).toString("latin1");
  const likeness = likenessTo(textEnd, end);
  if (likeness === 1 && end.includes(hex(body)))
    return { kind: "sound", value: body.toString("utf8"), hasChecksum: true };
  if (likeness > 0.5) return { kind: "damaged", why: mismatch };
  const text = bytes.toString("utf8");
  const line = text.endsWith("\n") ? text.slice(0, -1) : text;
  if (line === "" || line.includes("\n")) return { kind: "damaged", why: "is not one line of text" };
  return { kind: "sound", value: line, hasChecksum: false };
}

/** Reads a file of objects, one a line; of a file that is not there, no lines. */
export function readKeptLines(path: string): KeptLines {
  const read: KeptLines = { values: [], damaged: [], wholeBytes: undefined };
  const bytes = bytesIfThere(path) ?? Buffer.alloc(0);
  let line = 0;
  for (let at = 0; at < bytes.byteLength; ) {
    const newline = bytes.indexOf(0x0a, at);
    const end = newline === -1 ? bytes.byteLength : newline;
    line += 1;
    addLine(bytes.subarray(at, end), { isEnded: newline !== -1 });
    at = end + 1;
  }
  return read;

  function addLine(piece: Buffer, { isEnded }: { isEnded: boolean }): void {
    const kept = objectOf(piece, { isEnded });
    if (kept.kind === "sound") {
      if (isEnded || kept.hasChecksum) read.values.push(kept.value);
      else read.wholeBytes = bytes.byteLength - piece.byteLength;
      return;
    }
    // A newline that is damaged joins two lines: each of them is still told by its own checksum.
    const parts = partsOf(piece);
    if (!isEnded && parts.length === 0) read.wholeBytes = bytes.byteLength - piece.byteLength;
    else read.damaged.push({ line, why: kept.kind === "damaged" ? kept.why : mismatch, bytes: piece });
    for (const part of parts) {
      const one = objectOf(part, { isEnded: true });
      if (one.kind === "sound" && one.hasChecksum) read.values.push(one.value);
    }
  }
}

/** Pieces of a damaged line that end in a checksum. */
function partsOf(piece: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (const match of piece.toString("latin1").matchAll(/,"crc32":"[0-9a-f]{8}"\}/g)) {
    const end = match.index + jsonEnd.length;
    parts.push(piece.subarray(from, end));
    from = end + 1;
  }
  return parts;
}

function objectOf(bytes: Buffer, { isEnded }: { isEnded: boolean }): Kept<Record<string, unknown>> {
  const body = bytes.subarray(0, -jsonEnd.length);
  const end = bytes.subarray(-jsonEnd.length).toString("latin1");
  const hasChecksum = likenessTo(jsonEnd, end) === 1 && end.includes(hex(body));
  // The last byte may be the damaged one, and then stands behind what ends the object.
  const shifted = bytes.subarray(-jsonEnd.length - 1, -1).toString("latin1");
  if (!hasChecksum && Math.max(likenessTo(jsonEnd, end), likenessTo(jsonEnd, shifted)) > 0.5)
    return { kind: "damaged", why: mismatch };
  if (hasChecksum && !isEnded) return { kind: "damaged", why: "does not end in a newline" };
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return { kind: "damaged", why: "is not a JSON object" };
    const { crc32: _checksum, ...members } = value as Record<string, unknown>;
    return { kind: "sound", value: members, hasChecksum };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "damaged", why: "is not a JSON object" };
  }
}

/**
 * Share of the characters of a form that stand at their places; 1 only where the digits of the checksum are digits too.
 */
function likenessTo(form: string, text: string): number {
  if (text.length !== form.length) return 0;
  const fixed = [...form].filter((character) => character !== "#").length;
  let alike = 0;
  let areDigits = true;
  for (const [index, character] of [...form].entries())
    if (character === "#") areDigits &&= /[0-9a-f]/.test(text[index] ?? "");
    else if (text[index] === character) alike += 1;
  return areDigits || alike < fixed ? alike / fixed : (fixed - 1) / fixed;
}

/**
 * The bytes of a file; undefined when there is none. The open does not wait, as it would on a named pipe.
 * @throws DataFolderRefused where a folder or a special file has the name
 */
function bytesIfThere(path: string): Buffer | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = codeOf(error);
    if (code === "ENOENT") return undefined;
    throw code === "ENXIO" ? new DataFolderRefused(`${path} is a special file ${mustBeRegular}`) : error;
  }
  try {
    const found = fstatSync(descriptor);
    if (!found.isFile())
      throw new DataFolderRefused(`${path} is a ${found.isDirectory() ? "folder" : "special file"} ${mustBeRegular}`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

const mustBeRegular = "and must be a regular file; move it elsewhere, or restore the file from a snapshot";
