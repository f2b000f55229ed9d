/** One file of refused events: found, read, cut, rewritten. What is done on the disk; the store decides when. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { truncateDurably } from "../base/durable.ts";
import { codeOf } from "../base/errors.ts";
import { readKeptLine, readKeptLines, replaceDurably } from "../store/folder/kept-file.ts";
import { listNames, refusedEventsIn } from "../store/folder/layout.ts";
import { type DataFolder, parseRefusedEventsName } from "../store/folder/names.ts";
import { type RefusedRecord, refusedRecordOf } from "./record.ts";

/** When the first and the last event of a file were refused, ms since 1970; infinite for a file without events. */
type RefusedSpan = { earliestMs: number; latestMs: number };

/** A file of refused events. */
export type RefusedFile = {
  path: string;
  number: number;
  bytes: number;
  /** Undefined: not read yet. */
  span: RefusedSpan | undefined;
};

const newline = 0x0a;

/** The files of a folder, oldest first. */
export const listRefusedFiles = (folder: DataFolder): RefusedFile[] =>
  listNames(folder.refusedEvents, parseRefusedEventsName).map(({ file, name: number }) => {
    const path = join(folder.refusedEvents, file);
    return { path, number, bytes: statSync(path).size, span: undefined };
  });

/** Cuts a line that a crash left unfinished: nothing was promised about it. */
export function cutTornEnd(file: RefusedFile): void {
  const bytes = readFileSync(file.path);
  const wholeBytes = bytes.lastIndexOf(newline) + 1;
  if (wholeBytes === bytes.byteLength) return;
  truncateDurably(file.path, wholeBytes);
  file.bytes = wholeBytes;
}

/** A refused event in its file. */
export type KeptEvent = {
  /** Its id and the checksum of its line, with a space between them: equal for no two events that differ. */
  key: string;
  record: RefusedRecord;
};

/** A line of a file, newline included, and its event; undefined for a damaged line. */
export type KeptLine = { line: Buffer; kept: KeptEvent | undefined };

/** The whole lines of a file; none if it does not exist. */
export function readRefusedFile(path: string): KeptLine[] {
  return linesOf(path).map((line) => {
    const value = readKeptLine(line);
    const record = value === undefined ? undefined : refusedRecordOf(value);
    if (record === undefined) return { line, kept: undefined };
    // A line ends in its checksum, a quote, a bracket and a newline.
    const checksum = line.toString("latin1", line.byteLength - 11, line.byteLength - 3);
    return { line, kept: { key: `${record.event_id} ${checksum}`, record } };
  });
}

/** How many events a file has. */
export const countEvents = (path: string): number => linesOf(path).length;

function linesOf(path: string): Buffer[] {
  const bytes = bytesIfThere(path);
  const lines: Buffer[] = [];
  let from = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, from)) {
    lines.push(bytes.subarray(from, at + 1));
    from = at + 1;
  }
  return lines;
}

function bytesIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    // A person removed it.
    if (codeOf(error) === "ENOENT") return Buffer.alloc(0);
    throw error;
  }
}

/** The span of a file's events; read once. */
export function spanOf(file: RefusedFile): RefusedSpan {
  file.span ??= spanOfTimes(readRefusedFile(file.path).flatMap(({ kept }) => kept?.record.refused_at ?? []));
  return file.span;
}

function spanOfTimes(times: readonly string[]): RefusedSpan {
  const span = { earliestMs: Number.POSITIVE_INFINITY, latestMs: Number.NEGATIVE_INFINITY };
  for (const time of times) {
    const ms = Date.parse(time);
    span.earliestMs = Math.min(span.earliestMs, ms);
    span.latestMs = Math.max(span.latestMs, ms);
  }
  return span;
}

/** Makes a file hold these lines, durably: a reader sees all of the old ones or all of the new ones. */
export function rewriteRefusedFile(file: RefusedFile, lines: readonly Buffer[]): void {
  const content = Buffer.concat(lines);
  replaceDurably(file.path, content);
  file.bytes = content.byteLength;
  file.span = undefined;
}

/** What is wrong with the files of a folder, a sentence for each damaged line. */
export const damagedRefused = (folder: DataFolder): { file: string; text: string }[] =>
  refusedEventsIn(folder).flatMap((file) => {
    const path = join(folder.refusedEvents, file);
    return readKeptLines(path).damaged.map(({ line, why }) => ({
      file: path,
      text: `line ${line} ${why}, and is left out of the view "refused"; remove the line`,
    }));
  });
