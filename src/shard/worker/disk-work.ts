/**
 * The disk work of a shard's thread. It is synchronous, so a disk that hangs holds the thread: a mark on the board tells the
 * others how long it has run, and they answer in its place.
 *
 * Invariants:
 * - While work runs its start stands on the board.
 * - After work that took too long the mark stays, until a write and a sync are quick again: with a disk that takes 45 s for
 *   each sync the shard must not look well in between.
 * - A group that could not be written is told until this many bytes could: a service must not look well while it refuses.
 */
import { closeSync, fdatasyncSync, openSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { removeIfThere, writeAll } from "../../base/durable.ts";
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
  #isRunning = false;
  #isSuspect = false;
  #unprovenBytes = 0;
  #triedMs = 0;

  /** `trialPath`: an unfinished file of this shard's own; `clock`: one that nobody sets, in ms. */
  constructor(board: Board, trialPath: string, clock = systemClock.monotonicMs) {
    this.#board = board;
    this.#trialPath = trialPath;
    this.#clock = clock;
  }

  /** Runs work that touches the disk; what runs within other work is part of that. */
  run<Result>(work: () => Result): Result {
    if (this.#isRunning) return work();
    const startMs = this.#clock();
    this.#isRunning = true;
    if (!this.#isSuspect) this.#board.markDiskWork(startMs);
    try {
      return work();
    } finally {
      this.#isRunning = false;
      const tookMs = this.#clock() - startMs;
      if (tookMs >= diskWorkMsMax) this.#isSuspect = true;
      if (!this.#isSuspect) this.#board.endDiskWork();
    }
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
      const descriptor = openSync(this.#trialPath, "w");
      try {
        writeAll(descriptor, new Uint8Array(bytes));
        fdatasyncSync(descriptor);
      } finally {
        closeSync(descriptor);
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
    this.#board.endDiskWork();
  }

  #setUnproven(bytes: number): void {
    if (bytes === this.#unprovenBytes) return;
    this.#unprovenBytes = bytes;
    this.#board.write((edit) => edit.set("unprovenBytes", bytes));
  }
}
