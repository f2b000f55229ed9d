import { systemClock } from "../../base/clock.ts";
import { createDurably, removeIfThere } from "../../base/durable.ts";
import { codeOf } from "../../base/errors.ts";
import { type Board, diskWorkMsMax } from "../board.ts";

/** If a write and a sync end within this time, the disk counts as healthy again. ms */
const wellMsMax = 1_000;

/** Pause between two trial writes. ms */
const tryEveryMs = 500;

/** Smallest trial write. Bytes. */
const trialBytesMin = 4_096;

/** Marks the disk work of one shard on its board, and detects when a disk that hung or refused is healthy again. */
export class DiskWork {
  readonly #board: Board;
  readonly #trialPath: string;
  readonly #clock: () => number;
  /** When each work began that runs, oldest first. ms */
  readonly #running: number[] = [];
  #isSuspect = false;
  #unprovenBytes = 0;
  #triedMs = 0;

  /** `trialPath`: an unfinished file of this shard's own. `clock`: a monotonic clock, in ms. */
  constructor(board: Board, trialPath: string, clock = systemClock.monotonicMs) {
    this.#board = board;
    this.#trialPath = trialPath;
    this.#clock = clock;
  }

  /** Runs work that touches the disk. */
  run<Result>(work: () => Result): Result {
    const startMs = this.begin();
    try {
      return work();
    } finally {
      this.end(startMs);
    }
  }

  /** Starts work that may take long, at once, and marks it until its promise settles. */
  async wait<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const startMs = this.begin();
    try {
      return await ask();
    } finally {
      this.end(startMs);
    }
  }

  /** Marks work as begun, and returns when it began, for `end`. The board shows the oldest work that runs. ms */
  begin(): number {
    const startMs = this.#clock();
    this.#running.push(startMs);
    if (this.#running.length === 1 && !this.#isSuspect) this.#board.markDiskWork(startMs);
    return startMs;
  }

  /** Ends work that began at this time, and returns how long it took. ms */
  end(startMs: number): number {
    const at = this.#running.indexOf(startMs);
    // Most work is the only one that runs; `splice` would leave a list as garbage.
    if (at === 0) this.#running.shift();
    else this.#running.splice(at, 1);
    const tookMs = this.#clock() - startMs;
    if (tookMs >= diskWorkMsMax) this.#isSuspect = true;
    if (!this.#isSuspect) this.#tell();
    return tookMs;
  }

  /** Puts the oldest work on the board, or clears it if there is none. */
  #tell(): void {
    const oldestMs = this.#running[0];
    if (oldestMs === undefined) this.#board.endDiskWork();
    else this.#board.markDiskWork(oldestMs);
  }

  /** A group of this many bytes could not be written. */
  refused(bytes: number): void {
    this.#setUnproven(Math.max(this.#unprovenBytes, bytes));
  }

  /** A group of this many bytes is durable, and took this long. */
  written({ bytes, ms }: { bytes: number; ms: number }): void {
    if (this.#isSuspect && ms < wellMsMax) this.#clear();
    if (this.#unprovenBytes > 0 && bytes >= this.#unprovenBytes) this.#setUnproven(0);
  }

  /** After the disk hung or refused, checks now and then with a trial write whether it is healthy again. */
  tick(): void {
    if (!this.#isSuspect && this.#unprovenBytes === 0) return;
    const startMs = this.#clock();
    if (startMs - this.#triedMs < tryEveryMs) return;
    const isWritten = this.run(() => this.#isWritten(Math.max(this.#unprovenBytes, trialBytesMin)));
    this.#triedMs = this.#clock();
    if (this.#isSuspect && this.#triedMs - startMs < wellMsMax) this.#clear();
    if (isWritten) this.#setUnproven(0);
  }

  #isWritten(bytes: number): boolean {
    try {
      removeIfThere(this.#trialPath);
      try {
        createDurably(this.#trialPath, new Uint8Array(bytes));
      } finally {
        removeIfThere(this.#trialPath);
      }
      return true;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      // The system refused: `unprovenBytes` stays on the board, and health reports it.
      return false;
    }
  }

  #clear(): void {
    this.#isSuspect = false;
    this.#tell();
  }

  #setUnproven(bytes: number): void {
    if (bytes === this.#unprovenBytes) return;
    this.#unprovenBytes = bytes;
    this.#board.write((edit) => edit.set("unprovenBytes", bytes));
  }
}
