/**
 * Every file of a data folder that is neither a segment nor a journal, read and written in one place, with a CRC-32.
 *
 * - JSON, `{"a": 1,"crc32":"89abcdef"}`: one object, the checksum is its last member. `readKeptJson`, `keepJson`
 * - lines, `{"a":1,"crc32":"89abcdef"}`: the same, one object a line. `readKeptLines`, `keptLine`
 * - text: a one-line value, then a line `crc32 89abcdef`. `readKeptText`, `keepText`
 *
 * How to use it: write with `keepJson(path, value)`; read with `readKeptJson(path)` and switch over `kind`. "damaged"
 * is a value and not an error, because what a damaged file means differs: name it in a warning, and continue wherever
 * that is safe. Add the file to `small-files.ts`, so that `verify` and health read it too.
 *
 * Invariants:
 * - The checksum covers all bytes before it. A change of any single byte makes the file (or its line) damaged.
 * - Files of the previous release have no checksum and are accepted; every file written now has one. A file whose end
 *   resembles a checksum is never accepted as a file without one.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { crc32 } from "../../base/crc32.ts";
import { type Content, noteInPlace, replaceFile } from "../../base/durable.ts";
import { codeOf, DataFolderRefused } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { unfinishedSuffix } from "./names.ts";

/**
 * What was read: no file, a value, or content that must not be trusted. `why` completes the sentence "the file …".
 */
export type Kept<Value> =
  | { kind: "missing" }
  | { kind: "sound"; value: Value; hasChecksum: boolean }
  | { kind: "damaged"; why: string };

/** The sound lines of a file, and the damaged ones with their numbers (from 1). */
type KeptLines = {
  values: Record<string, unknown>[];
  damaged: { line: number; why: string; bytes: Buffer }[];
  /** Bytes before a last line that a crash cut short; undefined if the file ends with a whole line. */
  wholeBytes: number | undefined;
};

const hex = (bytes: Uint8Array) => crc32(bytes).toString(16).padStart(8, "0");

/** How each form ends. Each `#` becomes a hex digit of the checksum. */
const jsonEnd = ',"crc32":"########"}';
const textEnd = "\ncrc32 ########\n";

const mismatch = "does not match its checksum";

/** A line of a file of lines, newline included. */
export function keptLine(value: Readonly<Record<string, unknown>>): string {
  return `${sealed(JSON.stringify(value).slice(0, -1))}\n`;
}

/** Writes a file of one object, durably and atomically: readers see the old file or the new one. */
export function keepJson(path: string, value: Readonly<Record<string, unknown>>): void {
  replaceDurably(path, `${sealed(JSON.stringify(value, null, 2).slice(0, -2))}\n`);
}

/** Writes a file of one line of text, durably and atomically. */
export function keepText(path: string, text: string): void {
  invariant(!text.includes("\n"), "a kept text is one line");
  replaceDurably(path, text + textEnd.replace("########", hex(Buffer.from(text))));
}

/**
 * Overwrites a file of one line of text in place, without a sync: for hints that must cost nothing. All texts of one
 * file have the same length, far below a sector, so a crash or a power cut leaves the old text or the new one. After a
 * power cut a new file may be empty or hold zeros. REQUIRES: it is read with `readNotedText`.
 */
export function noteText(path: string, text: string): void {
  invariant(!text.includes("\n"), "a kept text is one line");
  noteInPlace(path, Buffer.from(text + textEnd.replace("########", hex(Buffer.from(text)))));
}

function sealed(body: string): string {
  invariant(body.length > 2, "a kept object has a member");
  return body + jsonEnd.replace("########", hex(Buffer.from(body)));
}

/** Replaces a file of a data folder, durably and atomically. */
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
 * Repairs a damaged file in which only one byte is wrong, using the checksum, and returns its object. Undefined if no
 * change of one byte makes the file sound, or if different changes give different objects. For files of a few hundred
 * bytes that cannot be recreated from anything else.
 */
export function mendKeptJson(path: string): Record<string, unknown> | undefined {
  const mended = mendBytes(bytesIfThere(path) ?? Buffer.alloc(0), (bytes) => {
    const kept = objectOf(bytes.subarray(0, -1), { isEnded: bytes.at(-1) === 0x0a });
    return kept.kind === "sound" && kept.hasChecksum ? JSON.stringify(kept.value) : undefined;
  });
  return mended === undefined ? undefined : JSON.parse(mended);
}

/**
 * Calls `read` with every change of one byte, and returns its result if all changes for which it returns one agree.
 */
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
 * Reads a file that `noteText` wrote. One whose bytes did not reach the disk before a power cut counts as missing.
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

/** Reads a file of objects, one a line. A file that does not exist has no lines. */
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
    // A damaged newline joins two lines: each can still be recognized by its own checksum.
    const parts = partsOf(piece);
    if (!isEnded && parts.length === 0) read.wholeBytes = bytes.byteLength - piece.byteLength;
    else read.damaged.push({ line, why: kept.kind === "damaged" ? kept.why : mismatch, bytes: piece });
    for (const part of parts) {
      const one = objectOf(part, { isEnded: true });
      if (one.kind === "sound" && one.hasChecksum) read.values.push(one.value);
    }
  }
}

/** Reads one line of a file of lines, newline included; undefined for a damaged one. */
export function readKeptLine(line: Buffer): Record<string, unknown> | undefined {
  const kept = objectOf(line.subarray(0, -1), { isEnded: true });
  return kept.kind === "sound" && kept.hasChecksum ? kept.value : undefined;
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
  // If the file's newline is the damaged byte, the object ends one byte earlier.
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
 * Share of a form's fixed characters that are in their places; 1 only if the checksum consists of hex digits, too.
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
 * The bytes of a file; undefined if it does not exist. The file is opened without blocking, in case it is a named pipe.
 * @throws DataFolderRefused when it is a folder or a special file
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
