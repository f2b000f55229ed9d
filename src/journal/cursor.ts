/**
 * Reads the groups of one shard in order, beside the shard that writes them: from a sequence on, across files, also
 * while they are closed, sealed and removed. It changes nothing.
 *
 * Invariants:
 * - A group is returned only when all of its rows are known to be durable: a group that failed, or is not synced yet,
 *   has no row up to `to`.
 * - Nothing of a file is remembered past the last group that was returned, whole or in pieces, as all of it is durable:
 *   a failed group is cut and its bytes are written again.
 * - What is in memory at once does not depend on the size of a group: a large one is read in pieces.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type Sequence, sequence } from "../base/brand.ts";
import { codeOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { commitBytesMax, commitPrefix, parseCommitLine } from "./format.ts";
import type { JournalPlace } from "./journal.ts";

/** Rows of one group, all or some: the sequence of the first, and their lines with their newlines. */
export type CursorRows = { from: Sequence; rows: number; lines: Buffer };

/**
 * What a cursor finds. `rows`: groups, in order. `end`: everything up to `to` was returned. `gone`: no journal file has
 * the next event; a segment may.
 */
type CursorFound = { kind: "rows"; groups: CursorRows[] } | { kind: "end" } | { kind: "gone" };

/** Where the files of the shard are. */
type CursorOptions = {
  /** The shard's journal files as they are now, in order. */
  list: () => readonly JournalPlace[];
  /**
   * Whether a file that was removed is read to its end. Otherwise its events are looked for where they are now: in
   * segments, from which some may have been erased.
   */
  readsRemoved: boolean;
};

/** One read. A group that is larger is read in pieces; only a single line that is larger is read whole. Bytes. */
const chunkBytes = 64 * 1024;

/** One read while the end of a large group is looked for. Bytes. */
const windowBytes = 256 * 1024;

/** A group is at most 4 MiB and one request; other vendors' SDKs may send eight times 8 MiB after mapping. Bytes. */
const groupBytesMax = 128 * 1024 * 1024;

const newline = 0x0a;
const prefix = Buffer.from(commitPrefix);

/** A file that is read, up to where; and the durable group at that place if it is larger than one read. */
type OpenFile = { path: string; descriptor: number; offset: number; large: LargeGroup | undefined };

/** What is left of it: its next row, and where its lines and its commit line end. */
type LargeGroup = { from: number; linesEnd: number; end: number };

/** A place in the journal of one shard. */
export class JournalCursor implements Disposable {
  readonly #options: CursorOptions;
  #next: Sequence;
  #file: OpenFile | undefined;

  /** Starts before the event with the sequence `next`. */
  constructor(next: Sequence, options: CursorOptions) {
    this.#next = next;
    this.#options = options;
  }

  /** Sequence of the next event that will be returned. */
  get next(): Sequence {
    return this.#next;
  }

  /** Continues before another event. */
  moveTo(next: Sequence): void {
    if (next === this.#next) return;
    this.#next = next;
    this[Symbol.dispose]();
  }

  /**
   * The next groups, about 64 KiB of them. `to`: sequence of the last event that is durable.
   * @throws the system's error when a file cannot be read
   */
  take(to: number): CursorFound {
    if (this.#next > to) return { kind: "end" };
    if (this.#file !== undefined && !this.#options.readsRemoved && isRemoved(this.#file.descriptor))
      this[Symbol.dispose]();
    const isNew = this.#file === undefined;
    const here = this.#takeHere(to);
    if (here.length > 0) return { kind: "rows", groups: here };
    // The file has ended: the next event is in another one, or was in this one, which was read from its start.
    this[Symbol.dispose]();
    const there = isNew ? [] : this.#takeHere(to);
    if (there.length > 0) return { kind: "rows", groups: there };
    this[Symbol.dispose]();
    return { kind: "gone" };
  }

  /** Closes the file if it was removed: until then its bytes take space on the disk. */
  releaseRemoved(): void {
    if (this.#file !== undefined && isRemoved(this.#file.descriptor)) this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) closeSync(file.descriptor);
  }

  #takeHere(to: number): CursorRows[] {
    const file = this.#file ?? this.#open();
    if (file === undefined) return [];
    for (;;) {
      if (file.large !== undefined) {
        const piece = this.#takePiece(file, file.large);
        if (piece !== undefined) return [piece];
        continue;
      }
      const chunk = readAt(file, file.offset, Buffer.allocUnsafe(chunkBytes));
      const { groups, end, isCut } = this.#groupsIn(chunk, to);
      file.offset += end;
      if (groups.length > 0) return groups;
      // Groups before the next event were skipped: what follows them is read.
      if (end > 0) continue;
      if (!isCut || chunk.byteLength < chunkBytes) return [];
      file.large = this.#largeAt(file, to);
      if (file.large === undefined) return [];
    }
  }

  /** The durable group at the file's place, which is larger than one read; undefined if there is none. */
  #largeAt(file: OpenFile, to: number): LargeGroup | undefined {
    const found = commitAfter(file);
    if (found === undefined) return undefined;
    const { commit, linesEnd, end } = found;
    // Not durable yet; or events between are missing from a file that was damaged.
    if (commit.sequence + commit.rows - 1 > to || commit.sequence > this.#next) return undefined;
    return { from: commit.sequence, linesEnd, end };
  }

  /** The next lines of a large group; undefined if the next event is not in them. */
  #takePiece(file: OpenFile, large: LargeGroup): CursorRows | undefined {
    const lines = linesAt(file, large);
    const rows = newlinesIn(lines);
    const { from } = large;
    file.offset += lines.byteLength;
    large.from += rows;
    if (file.offset >= large.linesEnd) {
      file.offset = large.end;
      file.large = undefined;
    }
    if (large.from <= this.#next) return undefined;
    const piece = rowsFrom(this.#next, { from: sequence(from), rows, lines });
    this.#next = sequence(large.from);
    return piece;
  }

  /**
   * The durable groups in a chunk that begins with a group, from the next event on. `end`: where the last group that is
   * done with ends; `isCut`: the chunk ends within a group.
   */
  #groupsIn(chunk: Buffer, to: number): { groups: CursorRows[]; end: number; isCut: boolean } {
    const groups: CursorRows[] = [];
    let end = 0;
    for (;;) {
      const group = groupAt(chunk, end);
      if (group === undefined) return { groups, end, isCut: chunk.byteLength > end && chunk[end] !== 0 };
      const { commit, lines } = group;
      const last = commit.sequence + commit.rows - 1;
      // Not durable yet; or events between are missing from a file that was damaged.
      if (last > to || commit.sequence > this.#next) return { groups, end, isCut: false };
      end = group.end;
      if (last < this.#next) continue;
      groups.push(rowsFrom(this.#next, { from: commit.sequence, rows: commit.rows, lines }));
      this.#next = sequence(last + 1);
    }
  }

  /** Opens the file that should have the next event; undefined if there is none. */
  #open() {
    const place = this.#options.list().findLast(({ from }) => from <= this.#next);
    if (place === undefined) return undefined;
    try {
      this.#file = { path: place.path, descriptor: openSync(place.path, "r"), offset: 0, large: undefined };
    } catch (error) {
      // It was sealed and removed since it was listed.
      if (codeOf(error) !== "ENOENT") throw error;
    }
    return this.#file;
  }
}

const isRemoved = (descriptor: number) => fstatSync(descriptor).nlink === 0;

/** Fills a buffer from a place in a file on, as far as the file goes. */
function readAt({ descriptor }: OpenFile, offset: number, bytes: Buffer): Buffer {
  return bytes.subarray(0, readSync(descriptor, bytes, 0, bytes.byteLength, offset));
}

/** The commit line of the group at a file's place, and where it is; undefined if that group is not whole. */
function commitAfter(file: OpenFile) {
  const window = Buffer.allocUnsafe(windowBytes);
  // Windows overlap, so that each commit line is whole in one of them.
  for (let at = file.offset; at - file.offset < groupBytesMax; at += windowBytes - commitBytesMax) {
    const bytes = readAt(file, at, window);
    for (let found = bytes.indexOf(prefix); found !== -1; found = bytes.indexOf(prefix, found + 1)) {
      const lineEnd = bytes.indexOf(newline, found);
      // Inside a line it is what a client sent.
      if (lineEnd === -1 || bytes[found - 1] !== newline) continue;
      const commit = parseCommitLine(bytes.toString("latin1", found, lineEnd));
      const linesEnd = at + found;
      if (commit?.bytes === linesEnd - file.offset) return { commit, linesEnd, end: at + lineEnd + 1 };
    }
    // Zeros follow the last group.
    if (bytes.byteLength < windowBytes || bytes.at(-1) === 0) return undefined;
  }
  return undefined;
}

/** Whole lines at the file's place, about as many bytes as one read. */
function linesAt(file: OpenFile, { linesEnd }: LargeGroup): Buffer {
  const left = linesEnd - file.offset;
  for (let bytesMax = chunkBytes; ; bytesMax *= 4) {
    const bytes = readAt(file, file.offset, Buffer.allocUnsafe(Math.min(bytesMax, left)));
    const end = bytes.lastIndexOf(newline) + 1;
    if (end > 0) return bytes.subarray(0, end);
    invariant(bytes.byteLength === bytesMax && bytesMax < left, "a group's lines end with a newline");
  }
}

function newlinesIn(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(newline); at !== -1; at = bytes.indexOf(newline, at + 1)) lines++;
  return lines;
}

/** The group that begins at an offset; undefined if its commit line is not in these bytes, or does not match. */
function groupAt(bytes: Buffer, start: number) {
  for (let at = bytes.indexOf(prefix, start); at !== -1; at = bytes.indexOf(prefix, at + 1)) {
    // Inside a line it is what a client sent.
    if (at !== start && bytes[at - 1] !== newline) continue;
    const lineEnd = bytes.indexOf(newline, at);
    if (lineEnd === -1) return undefined;
    const commit = parseCommitLine(bytes.toString("latin1", at, lineEnd));
    if (commit === undefined || commit.bytes !== at - start) return undefined;
    return { commit, lines: bytes.subarray(start, at), end: lineEnd + 1 };
  }
  return undefined;
}

/** The rows of a group from a sequence on. */
function rowsFrom(first: Sequence, group: CursorRows): CursorRows {
  let at = 0;
  for (let skipped = group.from; skipped < first; skipped++) at = group.lines.indexOf(newline, at) + 1;
  const rows = group.rows - (first - group.from);
  return { from: sequence(group.from + group.rows - rows), rows, lines: group.lines.subarray(at) };
}
