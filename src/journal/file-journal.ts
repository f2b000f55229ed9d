/** The journal of a shard as local files: one open for appending, each closed one a part that waits for its flush. */
import { existsSync, readdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { type Sequence, sequence } from "../base/brand.ts";
import { codeOf, JournalNotWritten, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { type DiskSteps, diskSteps } from "./disk-steps.ts";
import { type JournalFiles, recoverFiles } from "./file-recovery.ts";
import { appendCommitLine } from "./format.ts";
import type { Group, Journal, JournalPart, RecoveredJournal, RecoveryDecisions } from "./journal.ts";
import { readJournal } from "./reader.ts";

/** Whether a file is missing although its folder exists. */
const isRemoved = (path: string) => !existsSync(path) && existsSync(dirname(path));

/** Removes what a failed append left, and reads back what stays. */
function cutToLastDurable(file: OpenFile, steps: DiskSteps): void {
  // Removed by somebody: there is nothing to cut, and the flush of the part reports its events as missing.
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
 * Zeros written ahead of small groups: a sync of bytes that overwrite zeros does not change the file's size, so the
 * file system commits only the data (99 us instead of 182 us). Bytes.
 */
const zeros = new Uint8Array(512 * 1024);

/** Zeros are not written ahead of a larger group: its own bytes take most of its time. Bytes. */
const reserveFor = 64 * 1024;

/**
 * A repair's test write has the size of the group that failed, up to this limit. It shows that small groups can be
 * written again. A limit on file size may still refuse a larger group; that must not block the small ones. Bytes.
 */
const proofBytesMax = 64 * 1024;

/**
 * A file open for appends. `bytes`: size of its groups. `reserved`: size of the file, with the zeros after them.
 * `isTight`: the disk refused zeros once, so none are written to this file again.
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
  /** Whether `append` syncs. Without a sync its rows survive the end of the process but not of the machine. */
  isSynced: boolean;
  log: Log;
  /**
   * Called when the first rows of a new file are durable and not yet acknowledged; `first` is the sequence of the
   * first.
   */
  onBegun?: (first: Sequence) => void;
  steps?: DiskSteps;
};

/**
 * A `Journal` in files, for one thread. Calls write and sync synchronously, although they return promises: asynchronous
 * syncs would wait for one of the few threads that the whole process shares.
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
  /** The part that a repair has closed; kept until a repair succeeds and returns it. */
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
      // DuckDB reads the file as it is, so the zeros must go. If a crash brings them back, recovery cuts them again.
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

  /** Closes the open file. Its rows were synced, so a close that fails loses nothing. */
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

  /** Writes a group after the last one. If a small one goes past the reserved zeros, new zeros are written after it. */
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
      // is not an error. The sync reports whether the group itself is on disk.
      file.isTight = true;
      this.#steps.cut(file.descriptor, end);
    }
  }

  /**
   * Checks that an append can succeed: writes and syncs as many bytes as failed, up to a limit, and cuts them again.
   */
  #prove(file: OpenFile): void {
    this.#steps.write(file.descriptor, zeros.subarray(0, Math.min(Math.max(this.#failedBytes, 1), proofBytesMax)), 0);
    if (this.#options.isSynced) this.#steps.sync(file.descriptor);
    this.#steps.cut(file.descriptor, 0);
  }

  /** Marks the journal as broken: it accepts nothing until it is repaired. */
  #failed(error: unknown, bytes: number): JournalNotWritten {
    this.#broken = true;
    this.#failedBytes = bytes;
    return new JournalNotWritten(`journal not written: ${messageOf(error)}`, { cause: error });
  }

  /** The bytes of a group with its commit line. */
  #encode({ lines, rows }: Group): Uint8Array {
    appendCommitLine(lines, { sequence: this.#next, rows });
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
