/**
 * Processes that wait for a query: starting one and loading DuckDB take more than ten times as long as a small query.
 *
 * Invariants:
 * - A spare runs one query and is then replaced. It has opened nothing of the data folder.
 * - A spare that has ended, or whose scratch folder is gone, is given to nobody.
 */
import { availableParallelism, loadavg } from "node:os";
import type { QueryProcess } from "./process.ts";

/** For this long after a query as many wait as may; after that, this many. A spare takes 14 MB. */
const busyMs = 60_000;
const idleSparesMax = 2;

/** A service that has just started has the processor for itself for this long. ms */
const preparePauseMs = 5_000;

/** On a busy machine the first spares wait longer, for a core that is free, and at most this long. ms */
const prepareMsMax = 30_000;

/** Before a spare that ended by itself is replaced. ms */
const replacePauseMs = 2_000;

/**
 * A query that has just begun has the processor for itself for this long, as long as a spare is left for each core
 * after it, and otherwise for this long. A page asks its questions one after the other. ms
 */
const queryPauseMs = { spared: 100, needed: 10 };

/** The spare processes of a service. */
export class Spares {
  readonly #prepare: () => Promise<void>;
  readonly #spawn: () => QueryProcess | undefined;
  readonly #sparesMax: number;
  /** Resolves when spares can be started. */
  #prepared: Promise<void> | undefined;
  #waiting: QueryProcess[] = [];
  #wanted = 0;
  #fillTimer: Timer | undefined;
  #replaceTimer: Timer | undefined;
  #idleTimer: Timer | undefined;
  #isStopped = false;

  /**
   * `prepare` is called once, before the first spare. `spawn` starts a process, or returns undefined if there is no
   * room for one. `sparesMax` wait at most. Nothing is started before `prepare` or `take`.
   */
  constructor(on: { prepare: () => Promise<void>; spawn: () => QueryProcess | undefined; sparesMax: number }) {
    this.#prepare = on.prepare;
    this.#spawn = on.spawn;
    this.#sparesMax = on.sparesMax;
  }

  get #idleSpares(): number {
    return Math.min(idleSparesMax, this.#sparesMax);
  }

  /** Starts the first ones, a moment later. */
  prepare(): void {
    if (this.#isStopped || this.#wanted > 0) return;
    this.#wanted = this.#idleSpares;
    this.#fillOnceQuiet(performance.now() + prepareMsMax);
  }

  /** Half a second of processor time is better spent on what the machine is busy with. */
  #fillOnceQuiet(latestMs: number): void {
    this.#fillTimer = setTimeout(() => {
      const [load = 0] = loadavg();
      if (load > availableParallelism() && performance.now() < latestMs) this.#fillOnceQuiet(latestMs);
      else this.#fill();
    }, preparePauseMs);
  }

  /** The spare that can begin first; undefined if there is none. */
  take(): QueryProcess | undefined {
    this.#dropUnusable();
    const taken = this.#waiting.find(({ isReady }) => isReady) ?? this.#waiting[0];
    this.#waiting = this.#waiting.filter((each) => each !== taken);
    this.#wanted = this.#sparesMax;
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => this.#becomeIdle(), busyMs);
    const isSpared = this.#waiting.filter(({ isReady }) => isReady).length >= availableParallelism();
    this.#fillAfter(isSpared ? queryPauseMs.spared : queryPauseMs.needed);
    return taken;
  }

  /** Ends all spares and starts no more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#fillTimer);
    clearTimeout(this.#replaceTimer);
    clearTimeout(this.#idleTimer);
    const left = this.#waiting.splice(0);
    for (const each of left) each.end("gone");
    await Promise.all(left.map(({ ended }) => ended));
  }

  #becomeIdle(): void {
    this.#wanted = this.#idleSpares;
    for (const each of this.#waiting.splice(this.#wanted)) each.end("gone");
  }

  #dropUnusable(): void {
    for (const each of this.#waiting) if (!each.isUsable) each.end("gone");
    this.#waiting = this.#waiting.filter(({ isUsable }) => isUsable);
  }

  /** A spare that ended by itself is replaced after a pause: its successor may end, too. */
  #replace(ended: QueryProcess): void {
    if (this.#isStopped || !this.#waiting.includes(ended)) return;
    this.#dropUnusable();
    this.#replaceTimer ??= setTimeout(() => {
      this.#replaceTimer = undefined;
      this.#fill();
    }, replacePauseMs);
  }

  #fillAfter(ms: number): void {
    clearTimeout(this.#fillTimer);
    this.#fillTimer = setTimeout(() => this.#fill(), ms);
  }

  /** Starts what is missing, on each core one at a time. */
  async #fill(): Promise<void> {
    if (this.#wanted === 0) return;
    this.#prepared ??= this.#prepare();
    await this.#prepared;
    this.#dropUnusable();
    const starting = () => this.#waiting.filter(({ isReady }) => !isReady).length;
    while (!this.#isStopped && this.#waiting.length < this.#wanted && starting() < availableParallelism()) {
      const spare = this.#spawn();
      if (spare === undefined) return;
      this.#waiting.push(spare);
      spare.ready.then(() => {
        if (spare.isReady) this.#fill();
      });
      spare.ended.then(() => this.#replace(spare));
    }
  }
}
