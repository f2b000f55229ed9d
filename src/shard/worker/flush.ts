/**
 * Seals journal parts as segments, one after another.
 *
 * Invariants:
 * - Order of a flush: ids to the id log, segment sealed (its rename commits), journal files removed. After a kill
 *   between any two, the next start repeats the rest or finds it done.
 * - A part leaves the queue only when its segment is durable. A flush that fails is retried without limit, with pauses.
 * - A retry takes the same parts, whatever has arrived since: the failed try may have committed, and its segment is
 *   recognized by its range.
 * - A part whose file somebody removed before it was sealed is reported as missing and leaves the queue.
 */
import type { ShardId } from "../../base/brand.ts";
import { messageOf } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { Log } from "../../base/log.ts";
import type { ShardMetrics } from "../../base/metrics.ts";
import type { Time } from "../../base/time.ts";
import type { Journal, JournalPart } from "../../journal/journal.ts";
import type { KeeperForShards } from "../../keeper/protocol.ts";
import { type DataFolder, rangeName } from "../../store/folder/names.ts";
import type { SealedRows } from "../../store/segment/segment.ts";
import { IdList } from "../ids/id-list.ts";
import type { IdLog } from "../ids/id-log.ts";
import type { DiskWork } from "./disk-work.ts";
import { removedParts } from "./lost-events.ts";
import { Tally } from "./tally.ts";

/**
 * A part that waits for its flush, with its counts. `isLogged`: its ids are in the id log. `wasRemoved`: its file was
 * missing after the last try.
 */
export type PendingPart = {
  shard: ShardId;
  part: JournalPart;
  tally: Tally;
  isLogged?: boolean;
  wasRemoved?: boolean;
};

/** What the flusher needs, and its callbacks. */
type FlusherOptions = {
  folder: DataFolder;
  log: Log;
  metrics: ShardMetrics;
  time: Time;
  idLog: IdLog;
  journal: Pick<Journal, "drop" | "removedOf">;
  keeper: KeeperForShards;
  disk: Pick<DiskWork, "run" | "wait">;
  /** A segment is durable; `refused` of its lines are not in it. */
  onSealed(sealed: SealedRows & { tally: Tally }): void;
  /** The file of a part was removed before it was sealed: its events are gone. */
  onLost(tally: Tally): void;
  onFailed(error: unknown): void;
};

/**
 * A segment is made from about this much journal, so that DuckDB stays within its memory; one request alone may bring
 * more. Bytes.
 */
export const flushBytesMax = 24 * 1024 * 1024;

/** First and longest pause after a flush that failed. */
const retryPauseMs = { first: 200, longest: 5_000 };

/** `sealed` checks the queue this often. ms */
const sealedPauseMs = 5;

/** The queue of parts of one actor, and the loop that seals them. */
export class Flusher {
  readonly #options: FlusherOptions;
  readonly #queue: PendingPart[] = [];
  /** How many parts at the head of the queue the failed try took; 0 if the last try succeeded. */
  #triedParts = 0;
  #running: Promise<void> | undefined;
  #giveUpAtMs = Number.POSITIVE_INFINITY;

  constructor(options: FlusherOptions) {
    this.#options = options;
  }

  /** Parts that wait, including those being sealed. */
  get queue(): readonly PendingPart[] {
    return this.#queue;
  }

  /** Puts a part at the end of the queue and starts the loop if it does not run. */
  add(pending: PendingPart): void {
    this.#queue.push(pending);
    this.#run();
  }

  /** Resolves when the queue is empty. */
  async drained(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  /** Resolves when everything that is in the queue now is sealed. */
  async sealed(): Promise<void> {
    const parts = [...this.#queue];
    while (parts.some((part) => this.#queue.includes(part))) await this.#options.time.sleep(sealedPauseMs);
  }

  /**
   * After this time of the monotonic clock, a flush that fails ends the loop; the rest stays in the journal for the
   * next start.
   */
  giveUpAt(timeMs: number): void {
    this.#giveUpAtMs = timeMs;
  }

  #run(): void {
    this.#running ??= this.#loop().finally(() => {
      this.#running = undefined;
    });
  }

  async #loop(): Promise<void> {
    let pauseMs = retryPauseMs.first;
    while (this.#queue.length > 0) {
      try {
        await this.#sealNext();
        pauseMs = retryPauseMs.first;
      } catch (error) {
        const removed = await this.#takeRemoved();
        if (removed === "lost") continue;
        if (removed === "none") {
          this.#options.log.error({ error: messageOf(error) }, "flush failed; the journal keeps its events");
          this.#options.onFailed(error);
        }
        if (this.#options.time.monotonicMs() + pauseMs > this.#giveUpAtMs) return;
        await this.#options.time.sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, retryPauseMs.longest);
      }
    }
  }

  async #sealNext(): Promise<void> {
    const { disk, idLog, keeper, metrics } = this.#options;
    const parts = this.#takeable();
    const [first, last] = [parts[0], parts.at(-1)];
    invariant(first !== undefined && last !== undefined, "a flush has at least one part");
    const startMs = performance.now();
    const tally = tallyOf(parts);
    this.#triedParts = parts.length;
    disk.run(() => this.#log(idLog, parts));
    const { to, refused } = await keeper.seal({
      shard: first.shard,
      from: first.part.from,
      to: last.part.to,
      rows: tally.rows,
      files: parts.map(({ part }) => part.path),
      lineBytesMax: tally.lineBytesMax,
      clientIds: tally.ids.count,
    });
    // From here on the segment covers the files, so they may be removed now or at the next start.
    const sealed = parts.filter(({ part }) => part.to <= to);
    invariant(sealed.length > 0, "what is sealed is at least one part");
    this.#queue.splice(0, sealed.length);
    this.#triedParts = 0;
    const dropped = Promise.all(sealed.map(({ part }) => this.#drop(part)));
    const sealedTally = sealed.length === parts.length ? tally : tallyOf(sealed);
    metrics.flushSeconds.observe((performance.now() - startMs) / 1000);
    metrics.flushEvents.observe(sealedTally.rows);
    this.#options.onSealed({ tally: sealedTally, to, refused });
    this.#options.log.debug({ events: sealedTally.rows, parts: sealed.length }, "segment sealed");
    await dropped;
  }

  /**
   * After a failed try: removes parts from the queue whose files somebody removed, because no later try can seal them.
   * Returns "lost" if a part was missing after two tries in a row, "noticed" after the first of them, and "none"
   * otherwise or if the loss could not be noted.
   */
  async #takeRemoved(): Promise<"none" | "noticed" | "lost"> {
    const { disk, folder, journal, keeper, log, onLost } = this.#options;
    const tried = this.#queue.slice(0, this.#triedParts);
    let found: "none" | "noticed" | "lost" = "none";
    try {
      const removed = disk.run(() => removedParts(folder, journal, tried));
      for (const pending of tried) {
        const isLost = removed.includes(pending) && pending.wasRemoved === true;
        pending.wasRemoved = removed.includes(pending);
        if (pending.wasRemoved && found === "none") found = "noticed";
        if (!isLost) continue;
        const range = { shard: pending.shard, from: pending.part.from, to: pending.part.to };
        await keeper.noteLost(range);
        this.#queue.splice(this.#queue.indexOf(pending), 1);
        this.#triedParts = 0;
        found = "lost";
        onLost(pending.tally);
        log.error(
          { events: pending.tally.rows, stretch: rangeName(range) },
          "a journal file was removed before it was sealed: its events are missing; the shard goes on with the next ones",
        );
      }
    } catch (error) {
      log.warn({ error: messageOf(error) }, "a removed journal file could not be noted as missing; tried again");
      return found === "lost" ? "lost" : "none";
    }
    return found;
  }

  /**
   * Logs the ids of each part once, however often its flush is tried: the log counts ids to know which files it may
   * remove.
   */
  #log(idLog: IdLog, parts: readonly PendingPart[]): void {
    const ids = new IdList();
    const unlogged = parts.filter(({ isLogged }) => isLogged !== true);
    for (const { tally } of unlogged) ids.addAll(tally.ids);
    const last = unlogged.at(-1);
    if (last !== undefined)
      idLog.append({ ids, shard: last.shard, to: last.part.to, nowMs: this.#options.time.nowMs() });
    for (const part of unlogged) part.isLogged = true;
  }

  async #drop(part: JournalPart): Promise<void> {
    const { disk, journal } = this.#options;
    try {
      await disk.wait(() => journal.drop(part));
    } catch (error) {
      this.#options.log.warn({ error: messageOf(error) }, "sealed journal file not removed; the next start does it");
    }
  }

  /**
   * The parts of the failed try, or those at the head of the queue that fit into one segment: one shard, no gap, not
   * too large.
   */
  #takeable(): PendingPart[] {
    if (this.#triedParts > 0) return this.#queue.slice(0, this.#triedParts);
    const taken: PendingPart[] = [];
    let bytes = 0;
    for (const pending of this.#queue) {
      const before = taken.at(-1);
      bytes += pending.part.bytes;
      const follows = before?.shard === pending.shard && before.part.to + 1 === pending.part.from;
      if (before !== undefined && (!follows || bytes > flushBytesMax)) break;
      taken.push(pending);
    }
    return taken;
  }
}

function tallyOf(parts: readonly PendingPart[]): Tally {
  const tally = new Tally();
  for (const each of parts) tally.addAll(each.tally);
  return tally;
}
