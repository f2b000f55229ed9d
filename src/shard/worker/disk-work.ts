import { systemClock } from "../../base/clock.ts";
import { createDurably, removeIfThere } from "../../base/durable.ts";
import { codeOf } from "../../base/errors.ts";
import { type Board, diskWorkMsMax } from "../board.ts";

/** A write and a sync that end within this show that the disk is well again. ms */
const wellMsMax = 1_000;

/** Between two tries whether the disk is well again. ms */
const tryEveryMs = 500;

/** What is written to learn whether the disk answers at all. Bytes. */
const trialBytesMin = 4_096;

/** Marks the disk work of one shard, and finds out when a disk that hung or refused is well again. */
export class DiskWork {
  readonly #board: Board;
  readonly #trialPath: string;
  readonly #clock: () => number;
  /** Oldest first. */
  readonly #running = new Set<{ startMs: number }>();
  #isSuspect = false;
  #unprovenBytes = 0;
  #triedMs = 0;

  /** `trialPath`: an unfinished file of this shard's own; `clock`: one that nobody sets, in ms. */
  constructor(board: Board, trialPath: string, clock = systemClock.monotonicMs) {
    this.#board = board;
    this.#trialPath = trialPath;
    this.#clock = clock;
  }

  /** Runs work that touches the disk. */
  run<Result>(work: () => Result): Result {
    const end = this.#begin();
    try {
      return work();
    } finally {
      end();
    }
  }

  /** Asks for work that may take long, and marks it until its answer is there. The call itself is made at once. */
  async wait<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    const end = this.#begin();
    try {
      return await ask();
    } finally {
      end();
    }
  }

  /** Marks work that begins; what it gives ends it. Of several the oldest stands on the board. */
  #begin(): () => void {
    const work = { startMs: this.#clock() };
    this.#running.add(work);
    if (this.#running.size === 1 && !this.#isSuspect) this.#board.markDiskWork(work.startMs);
    return () => {
      this.#running.delete(work);
      if (this.#clock() - work.startMs >= diskWorkMsMax) this.#isSuspect = true;
      if (!this.#isSuspect) this.#tell();
    };
  }

  /** Puts the oldest work on the board, or that there is none. */
  #tell(): void {
    const [oldest] = this.#running;
    if (oldest === undefined) this.#board.endDiskWork();
    else this.#board.markDiskWork(oldest.startMs);
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

  /** Tries now and then, after the disk hung or refused, whether it is well again. */
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
      // The system refused: what was unproven stays so, and health tells it.
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
