/** The journal of a shard as local files: one open for appending, each closed one a part that waits for its flush. */
import { closeSync, existsSync, fdatasyncSync, ftruncateSync } from "node:fs";
import { dirname } from "node:path";
import { type Sequence, sequence } from "../base/brand.ts";
import { openKept } from "../base/descriptors.ts";
import { removeIfThere, syncFolder, truncateDurably, writeAll } from "../base/durable.ts";
import { codeOf, JournalNotWritten, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { commitLine } from "./format.ts";
import type { Group, Journal, JournalPart } from "./journal.ts";
import { readJournal } from "./reader.ts";

/** Whether a file is not there while its folder is. */
const isRemoved = (path: string) => !existsSync(path) && existsSync(dirname(path));

/** Takes away what a failed append left, and reads back what stays. */
function cutToLastDurable(file: OpenFile): void {
  // Removed by somebody: there is nothing to cut, and the flush of the part tells that its events are missing.
  if (file.rows > 0 && isRemoved(file.path)) return;
  if (file.rows === 0) {
    removeIfThere(file.path);
    return;
  }
  truncateDurably(file.path, file.bytes);
  const content = readJournal(file.path, file.from);
  if (content.soundBytes !== file.bytes || content.corrupt.length > 0 || content.mend !== undefined)
    throw new JournalNotWritten(`${file.path} does not read back as it was written`);
}

/**
 * Zeros written ahead of small groups: a sync into what is written already changes no size, so the file system has nothing to
 * commit but the data (182 us and 99 us). Bytes.
 */
const zeros = new Uint8Array(512 * 1024);

/** A larger group spends its time on its own bytes. Bytes. */
const reserveFor = 64 * 1024;

/**
 * A repair proves with a write and a sync of what failed, and of at most this much, that small groups can be written again.
 * A larger group may still be refused, by a limit on the size of files: that must not keep the small ones out. Bytes.
 */
const proofBytesMax = 64 * 1024;

/**
 * A file that takes appends: `bytes` are groups, `reserved` is its size, with the zeros that stand ready for more.
 * `isTight`: the disk refused zeros once, and is not asked for them again.
 */
type OpenFile = {
  path: string;
  descriptor: number;
  from: Sequence;
  rows: number;
  bytes: number;
  reserved: number;
  isTight: boolean;
};

/** Where a journal starts, and how its files are called. */
type FileJournalOptions = {
  /** Sequence of the first row that will be appended. */
  next: Sequence;
  /** Whether `append` syncs; without, its rows outlive the process and not the machine. */
  isSynced: boolean;
  /** Path of the file whose first row has this sequence. */
  pathOf: (first: Sequence) => string;
  /** A new file has its first rows, which are durable and not acknowledged yet; this is the sequence of the first. */
  onBegun?: (first: Sequence) => void;
};

/** A `Journal` in files. Not for use by two threads. */
export class FileJournal implements Journal {
  readonly #isSynced: boolean;
  readonly #pathOf: (first: Sequence) => string;
  readonly #onBegun: ((first: Sequence) => void) | undefined;
  #next: Sequence;
  #file: OpenFile | undefined;
  #broken = false;
  /** Bytes of the group that failed. */
  #failedBytes = 0;
  /** What a repair closed that has not come to its end yet. */
  #repaired: JournalPart | undefined;

  constructor(options: FileJournalOptions) {
    this.#next = options.next;
    this.#isSynced = options.isSynced;
    this.#pathOf = options.pathOf;
    this.#onBegun = options.onBegun;
  }

  get next(): Sequence {
    return this.#next;
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  /** Bytes in the file that takes appends now. */
  get openBytes(): number {
    return this.#file?.bytes ?? 0;
  }

  /** Sequence of the first row in the file that takes appends, or of the next row when there is none. */
  get openFrom(): Sequence {
    return this.#file?.from ?? this.#next;
  }

  /** Whether somebody removed the file that takes appends: what is appended to it would be lost, what goes into the next would not. */
  get isRemoved(): boolean {
    const file = this.#file;
    return file !== undefined && file.rows > 0 && isRemoved(file.path);
  }

  append(group: Group): number {
    invariant(group.rows > 0, "a group holds at least one row");
    if (this.#broken) throw new JournalNotWritten("the journal waits for its repair");
    const bytes = this.#encode(group);
    try {
      const file = this.#file ?? this.#create();
      this.#write(file, bytes);
      if (this.#isSynced) fdatasyncSync(file.descriptor);
      // A new file's name must be durable before anything in it is acknowledged.
      if (file.rows === 0) syncFolder(dirname(file.path));
      file.rows += group.rows;
      file.bytes += bytes.byteLength;
    } catch (error) {
      throw this.#failed(error, bytes.byteLength);
    }
    this.#next = sequence(this.#next + group.rows);
    if (this.#file?.rows === group.rows) this.#onBegun?.(this.#file.from);
    return bytes.byteLength;
  }

  repair(): JournalPart | undefined {
    if (!this.#broken) return undefined;
    try {
      const file = this.#file;
      if (file !== undefined) {
        cutToLastDurable(file);
        closeSync(file.descriptor);
        this.#file = undefined;
        if (file.rows > 0) this.#repaired = partOf(file);
      }
      // A cut says nothing about the next append: only a write and a sync do.
      this.#prove(this.#create());
    } catch (error) {
      throw new JournalNotWritten(`journal not repaired: ${messageOf(error)}`, { cause: error });
    }
    this.#broken = false;
    const part = this.#repaired;
    this.#repaired = undefined;
    return part;
  }

  rotate(): JournalPart | undefined {
    const file = this.#file;
    if (file === undefined || this.#broken || file.rows === 0) return undefined;
    try {
      // DuckDB reads the file as it is: without the zeros. Should a crash bring them back, recovery cuts them again.
      ftruncateSync(file.descriptor, file.bytes);
    } catch (error) {
      throw this.#failed(error, 0);
    }
    this.#file = undefined;
    closeSync(file.descriptor);
    return partOf(file);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  /** Writes a group where the last one ends. A small one that does not fit in what is reserved brings new zeros with it. */
  #write(file: OpenFile, bytes: Uint8Array): void {
    const end = file.bytes + bytes.byteLength;
    writeAll(file.descriptor, bytes, file.bytes);
    if (end <= file.reserved) return;
    file.reserved = end;
    if (!this.#isSynced || bytes.byteLength > reserveFor || file.isTight) return;
    try {
      writeAll(file.descriptor, zeros, end);
      file.reserved = end + zeros.byteLength;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      // The group is written; zeros are optional, so whatever refused them (space, quota, a limit on the size of files) is no
      // error. What the disk thinks of the group itself the sync tells.
      file.isTight = true;
      ftruncateSync(file.descriptor, end);
    }
  }

  /** Shows that an append can go well: writes and syncs as much as failed, within a limit, and takes it away again. */
  #prove(file: OpenFile): void {
    writeAll(file.descriptor, zeros.subarray(0, Math.min(Math.max(this.#failedBytes, 1), proofBytesMax)), 0);
    if (this.#isSynced) fdatasyncSync(file.descriptor);
    ftruncateSync(file.descriptor, 0);
  }

  /** The journal takes nothing until it is repaired. */
  #failed(error: unknown, bytes: number): JournalNotWritten {
    this.#broken = true;
    this.#failedBytes = bytes;
    return new JournalNotWritten(`journal not written: ${messageOf(error)}`, { cause: error });
  }

  /** The bytes of a group with its commit line. */
  #encode({ lines, rows }: Group): Uint8Array {
    const commit = commitLine({ sequence: this.#next, rows, lines: lines.view() });
    lines.reserve(commit.length * 3);
    lines.text(commit);
    return lines.view();
  }

  #create(): OpenFile {
    const path = this.#pathOf(this.#next);
    const file = {
      path,
      descriptor: openKept(path, "wx"),
      from: this.#next,
      rows: 0,
      bytes: 0,
      reserved: 0,
      isTight: false,
    };
    this.#file = file;
    return file;
  }
}

const partOf = ({ path, from, rows, bytes }: OpenFile): JournalPart => ({
  path,
  from,
  to: sequence(from + rows - 1),
  rows,
  bytes,
});
