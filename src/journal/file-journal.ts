/** The journal of a shard as local files: one open for appending, each closed one a part that waits for its flush. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Sequence, sequence } from "../base/brand.ts";
import { codeOf, JournalNotWritten, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { type DiskSteps, diskSteps } from "./disk-steps.ts";
import { type JournalFiles, recoverFiles } from "./file-recovery.ts";
import { commitLine } from "./format.ts";
import type { Group, Journal, JournalPart, RecoveredJournal, RecoveryDecisions } from "./journal.ts";
import { readJournal } from "./reader.ts";

/** Whether a file is not there while its folder is. */
const isRemoved = (path: string) => !existsSync(path) && existsSync(dirname(path));

/** Takes away what a failed append left, and reads back what stays. */
function cutToLastDurable(file: OpenFile, steps: DiskSteps): void {
  // Removed by somebody: there is nothing to cut, and the flush of the part tells that its events are missing.
  if (file.rows > 0 && isRemoved(file.path)) return;
  if (file.rows === 0) {
    steps.remove(file.path);
    return;
  }
  steps.cutDurably(file.path, file.bytes);
  const content = readJournal(file.path, file.from);
  if (content.soundBytes !== file.bytes || content.corrupt.length > 0 || content.mend !== undefined)
    throw new JournalNotWritten(`${file.path} does not read back as it was written`);
}

/**
 * Zeros written ahead of small groups: a sync into what is written already changes no size, so the file system has
 * nothing to commit but the data (182 us and 99 us). Bytes.
 */
const zeros = new Uint8Array(512 * 1024);

/** A larger group spends its time on its own bytes. Bytes. */
const reserveFor = 64 * 1024;

/**
 * A repair proves with a write and a sync of what failed, and of at most this much, that small groups can be written
 * again. A larger group may still be refused, by a limit on the size of files: that must not keep the small ones out.
 * Bytes.
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

/** Where a journal's files are, and how they are written. */
type FileJournalOptions = {
  files: JournalFiles;
  /** Whether `append` syncs; without, its rows outlive the process and not the machine. */
  isSynced: boolean;
  log: Log;
  /** A new file has its first rows, which are durable and not acknowledged yet; this is the sequence of the first. */
  onBegun?: (first: Sequence) => void;
  steps?: DiskSteps;
};

/**
 * A `Journal` in files. Not for use by two threads. Everything happens within the call, and only the answer comes
 * later: asynchronous syncs wait for one of few threads, which all of the process share.
 */
export class FileJournal implements Journal {
  readonly #options: FileJournalOptions;
  readonly #steps: DiskSteps;
  #isRecovered = false;
  #next = sequence(1);
  #openFrom = sequence(1);
  #file: OpenFile | undefined;
  #broken = false;
  /** Bytes of the group that failed. */
  #failedBytes = 0;
  /** What a repair closed that has not come to its end yet. */
  #repaired: JournalPart | undefined;

  constructor(options: FileJournalOptions) {
    this.#options = options;
    this.#steps = options.steps ?? diskSteps;
  }

  get openBytes(): number {
    return this.#file?.bytes ?? 0;
  }

  get openFrom(): Sequence {
    return this.#openFrom;
  }

  get isRemoved(): boolean {
    const file = this.#file;
    return file !== undefined && file.rows > 0 && isRemoved(file.path);
  }

  removedOf(parts: readonly JournalPart[]): JournalPart[] {
    const there = new Set(readdirSync(this.#options.files.folder));
    return parts.filter(({ path }) => !there.has(basename(path)));
  }

  async recover(decisions: RecoveryDecisions): Promise<RecoveredJournal> {
    invariant(!this.#isRecovered, "a journal recovers once");
    const recovered = await recoverFiles(this.#options, decisions);
    this.#next = decisions.nextAfter(recovered);
    this.#openFrom = this.#next;
    this.#isRecovered = true;
    return recovered;
  }

  async append(group: Group): Promise<number> {
    invariant(this.#isRecovered && group.rows > 0, "a group holds at least one row, and comes after the recovery");
    this.#refuseWhileBroken();
    const bytes = this.#encode(group);
    try {
      const file = this.#file ?? this.#create();
      this.#write(file, bytes);
      if (this.#options.isSynced) this.#steps.sync(file.descriptor);
      // A new file's name must be durable before anything in it is acknowledged.
      if (file.rows === 0) this.#steps.syncFolder(dirname(file.path));
      file.rows += group.rows;
      file.bytes += bytes.byteLength;
    } catch (error) {
      throw this.#failed(error, bytes.byteLength);
    }
    this.#next = sequence(this.#next + group.rows);
    if (this.#file?.rows === group.rows) this.#options.onBegun?.(this.#file.from);
    return bytes.byteLength;
  }

  async repair(): Promise<JournalPart | undefined> {
    if (!this.#broken) return undefined;
    try {
      const file = this.#file;
      if (file !== undefined) {
        cutToLastDurable(file, this.#steps);
        if (file.rows > 0) this.#repaired = partOf(file);
        this.#letGo(file);
      }
      // A cut says nothing about the next append: only a write and a sync do.
      this.#prove(this.#create());
    } catch (error) {
      throw new JournalNotWritten(`journal not repaired: ${messageOf(error)}`, { cause: error });
    }
    this.#broken = false;
    const part = this.#repaired;
    this.#repaired = undefined;
    return this.#given(part);
  }

  async rotate(): Promise<JournalPart | undefined> {
    this.#refuseWhileBroken();
    const file = this.#file;
    if (file === undefined || file.rows === 0) return undefined;
    try {
      // DuckDB reads the file as it is: without the zeros. Should a crash bring them back, recovery cuts them again.
      this.#steps.cut(file.descriptor, file.bytes);
    } catch (error) {
      throw this.#failed(error, 0);
    }
    this.#letGo(file);
    return this.#given(partOf(file));
  }

  async drop(part: JournalPart): Promise<void> {
    this.#steps.remove(part.path);
  }

  async close(): Promise<void> {
    if (this.#file !== undefined) this.#letGo(this.#file);
  }

  /** Closes the file that takes appends. What is in it was synced, so a close that fails takes nothing back. */
  #letGo({ path, descriptor }: OpenFile): void {
    // A descriptor is closed once: after a failure its number may be that of another file.
    this.#file = undefined;
    try {
      this.#steps.close(descriptor);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      this.#options.log.warn({ journal: basename(path), error: messageOf(error) }, "journal file not closed cleanly");
    }
  }

  #refuseWhileBroken(): void {
    if (this.#broken) throw new JournalNotWritten("the journal waits for its repair");
  }

  #given(part: JournalPart | undefined): JournalPart | undefined {
    if (part !== undefined) this.#openFrom = sequence(part.to + 1);
    return part;
  }

  /**
   * Writes a group where the last one ends. A small one that does not fit in what is reserved brings new zeros with it.
   */
  #write(file: OpenFile, bytes: Uint8Array): void {
    const end = file.bytes + bytes.byteLength;
    this.#steps.write(file.descriptor, bytes, file.bytes);
    if (end <= file.reserved) return;
    file.reserved = end;
    if (!this.#options.isSynced || bytes.byteLength > reserveFor || file.isTight) return;
    try {
      this.#steps.write(file.descriptor, zeros, end);
      file.reserved = end + zeros.byteLength;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      // The group is written; zeros are optional, so whatever refused them (space, quota, a limit on the size of files)
      // is not an error. What the disk thinks of the group itself the sync tells.
      file.isTight = true;
      this.#steps.cut(file.descriptor, end);
    }
  }

  /** Shows that an append can go well: writes and syncs as much as failed, within a limit, and takes it away again. */
  #prove(file: OpenFile): void {
    this.#steps.write(file.descriptor, zeros.subarray(0, Math.min(Math.max(this.#failedBytes, 1), proofBytesMax)), 0);
    if (this.#options.isSynced) this.#steps.sync(file.descriptor);
    this.#steps.cut(file.descriptor, 0);
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
    const path = this.#options.files.pathOf(this.#next);
    const file = {
      path,
      descriptor: this.#steps.create(path),
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
