/**
 * Keeps events that other vendors' SDKs sent and that were refused: files of lines in the folder `refused/`, with one
 * writer, the main thread of the service.
 *
 * Invariants:
 * - An event is on disk, synced, before its request is answered. Requests that come while one write is synced go into
 *   the next one.
 * - The files together have at most `bytesMax`: past it the oldest file is removed, and its events are counted.
 * - There is always a file, since the catalog's view reads the files by a pattern, which must match one.
 * - Whatever rewrites or removes files waits for its turn, so no line is lost between a read and a rewrite.
 */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { createDurably, removeIfThere, syncFile, syncFolder } from "../base/durable.ts";
import { messageOf, Overloaded } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { type DataFolder, refusedEventsName } from "../store/folder/names.ts";
import {
  countEvents,
  cutTornEnd,
  type KeptEvent,
  type KeptLine,
  listRefusedFiles,
  type RefusedFile,
  readRefusedFile,
  rewriteRefusedFile,
  spanOf,
} from "./refused-file.ts";

/** Enough for 60,000 events of a kilobyte: a fault is noticed before its first events are gone. Bytes. */
const bytesMaxByDefault = 64 * 1024 * 1024;

/** A file is read and rewritten in some 10 ms; this much is lost at a time when the oldest is removed. Bytes. */
const fileBytesMaxByDefault = 1024 * 1024;

/** The time that one file spans where events expire: a share of the retention time, at most a day. ms */
const spanShare = 0.1;
const spanMsMaxByDefault = 86_400_000;

/** Every removed file is counted, but at most one is logged in this time. ms */
const droppedLogMs = 60_000;

/** What a store needs; the sizes can be smaller, in tests for example. */
type RefusedStoreOptions = { folder: DataFolder; log: Log; clock: Clock; bytesMax?: number; fileBytesMax?: number };

/** Lines that wait for a write, and the promise that their request waits for. */
type Waiting = { lines: readonly string[]; kept: PromiseWithResolvers<void> };

/** The refused events of one data folder. */
export class RefusedStore implements AsyncDisposable {
  readonly #options: RefusedStoreOptions;
  readonly #bytesMax: number;
  readonly #fileBytesMax: number;
  /** Oldest first; the last one takes the next events. */
  readonly #files: RefusedFile[];
  #handle: FileHandle | undefined;
  /** A write to the last file failed, so what it holds is not known. */
  #isSpoilt = false;
  #waiting: Waiting[] = [];
  #turn: Promise<unknown> = Promise.resolve();
  #keptEvents = 0;
  #droppedEvents = 0;
  #droppedLoggedMs = Number.NEGATIVE_INFINITY;

  /**
   * Opens the store of a folder. REQUIRES: the folder's lock.
   * @throws the system's error
   */
  static open(options: RefusedStoreOptions): RefusedStore {
    const store = new RefusedStore(options);
    const last = store.#files.at(-1);
    if (last !== undefined) cutTornEnd(last);
    else {
      const first = fileNumbered(options.folder, 1);
      createDurably(first.path, "");
      syncFolder(options.folder.refusedEvents);
      store.#files.push(first);
    }
    return store;
  }

  private constructor(options: RefusedStoreOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? bytesMaxByDefault;
    this.#fileBytesMax = options.fileBytesMax ?? fileBytesMaxByDefault;
    this.#files = listRefusedFiles(options.folder);
  }

  /** Events kept, and events removed because there were too many, since the start; and the bytes of all files. */
  get counts(): { keptEvents: number; droppedEvents: number; bytes: number } {
    const bytes = this.#files.reduce((sum, file) => sum + file.bytes, 0);
    return { keptEvents: this.#keptEvents, droppedEvents: this.#droppedEvents, bytes };
  }

  /** Sentences for a person, where events were lost. */
  get warnings(): readonly string[] {
    if (this.#droppedEvents === 0) return [];
    return [
      `refused/ is full: ${this.#droppedEvents} refused events were dropped since the start, the oldest first; ` +
        `read the reasons in the view "refused", and run "millrace redrive" once they are mended`,
    ];
  }

  /**
   * Keeps lines that `refusedLine` made; resolves once they are durable.
   * @throws Overloaded when the disk refused; some of them may be kept all the same
   */
  keep(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return Promise.resolve();
    const kept = Promise.withResolvers<void>();
    this.#waiting.push({ lines, kept });
    // The first of those that wait takes the others with it.
    if (this.#waiting.length === 1) void this.#inTurn(() => this.#write());
    return kept.promise;
  }

  /** Paths of the files, oldest first. */
  get paths(): readonly string[] {
    return this.#files.map(({ path }) => path);
  }

  /** The whole lines of a file; none once it is removed. */
  read(path: string): Promise<KeptLine[]> {
    return this.#inTurn(async () => readRefusedFile(path));
  }

  /**
   * Removes the events of a file for which `isGone` holds, durably, and returns how many there were. A damaged line
   * stays: nobody can tell what it was.
   */
  removeFrom(path: string, isGone: (event: KeptEvent) => boolean): Promise<number> {
    return this.#inTurn(async () => {
      const file = this.#files.find((each) => each.path === path);
      if (file === undefined) return 0;
      const lines = readRefusedFile(path);
      const left = lines.filter(({ kept }) => kept === undefined || !isGone(kept));
      if (left.length === lines.length) return 0;
      if (file === this.#last) await this.#close();
      if (left.length > 0 || file === this.#last)
        rewriteRefusedFile(
          file,
          left.map(({ line }) => line),
        );
      else this.#removeFile(file);
      return lines.length - left.length;
    });
  }

  /**
   * Removes the files whose events were all refused before `cutoffMs` (ms since 1970). The last file takes no more
   * events once its first one has a share of the retention time, so an event is kept at most that much longer.
   */
  dropExpired({ cutoffMs, retentionMs }: { cutoffMs: number; retentionMs: number }): Promise<void> {
    return this.#inTurn(async () => {
      const last = this.#last;
      const spanMsMax = Math.min(retentionMs * spanShare, spanMsMaxByDefault);
      if (last.bytes > 0 && spanOf(last).earliestMs < this.#options.clock.nowMs() - spanMsMax) await this.#begin();
      for (const file of this.#files.slice(0, -1)) if (spanOf(file).latestMs < cutoffMs) this.#removeFile(file);
    });
  }

  /** Writes what waits, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(() => this.#close());
  }

  get #last(): RefusedFile {
    const last = this.#files.at(-1);
    invariant(last !== undefined, "a store has a file");
    return last;
  }

  /** Runs work while nobody else writes, rewrites or removes a file. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work);
    // A failure is its caller's to handle; the next in turn works all the same.
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #write(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    const lines = waiting.flatMap((each) => each.lines);
    try {
      await this.#append(Buffer.from(lines.join("")));
      this.#keptEvents += lines.length;
      for (const { kept } of waiting) kept.resolve();
    } catch (error) {
      this.#isSpoilt = true;
      this.#options.log.error({ error: messageOf(error) }, "refused events not kept; their requests are refused");
      for (const { kept } of waiting) kept.reject(new Overloaded("commit_failed"));
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    this.#makeRoom(bytes.byteLength);
    const isFull = this.#last.bytes > 0 && this.#last.bytes + bytes.byteLength > this.#fileBytesMax;
    if (isFull || this.#isSpoilt) await this.#begin();
    this.#handle ??= await open(this.#last.path, "r+");
    // A person may have removed the file: what is written to it would be gone with it.
    if ((await this.#handle.stat()).nlink === 0) await this.#begin();
    const file = this.#last;
    const at = file.bytes;
    // Counted before it is written: if the write fails, some of it may be there.
    file.bytes += bytes.byteLength;
    const nowMs = this.#options.clock.nowMs();
    if (at === 0) file.span = { earliestMs: nowMs, latestMs: nowMs };
    else if (file.span !== undefined) file.span.latestMs = nowMs;
    for (let written = 0; written < bytes.byteLength; )
      written += (await this.#handle.write(bytes, written, bytes.byteLength - written, at + written)).bytesWritten;
    await this.#handle.datasync();
  }

  /** Begins the next file, durably. */
  async #begin(): Promise<void> {
    await this.#close();
    const file = fileNumbered(this.#options.folder, this.#last.number + 1);
    this.#handle = await open(file.path, "wx");
    this.#files.push(file);
    await syncFile(this.#options.folder.refusedEvents);
    this.#isSpoilt = false;
  }

  async #close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  #makeRoom(bytes: number): void {
    while (this.#files.length > 1 && this.counts.bytes + bytes > this.#bytesMax) {
      const [oldest] = this.#files;
      invariant(oldest !== undefined, "there are at least two files");
      const events = countEvents(oldest.path);
      this.#removeFile(oldest);
      this.#droppedEvents += events;
      const { clock, log } = this.#options;
      if (clock.monotonicMs() - this.#droppedLoggedMs < droppedLogMs) continue;
      this.#droppedLoggedMs = clock.monotonicMs();
      log.warn({ events: this.#droppedEvents }, "refused/ is full: its oldest events were dropped");
    }
  }

  #removeFile(file: RefusedFile): void {
    removeIfThere(file.path);
    this.#files.splice(this.#files.indexOf(file), 1);
  }
}

const fileNumbered = (folder: DataFolder, number: number): RefusedFile => ({
  path: join(folder.refusedEvents, refusedEventsName(number)),
  number,
  bytes: 0,
  span: { earliestMs: Number.POSITIVE_INFINITY, latestMs: Number.NEGATIVE_INFINITY },
});
