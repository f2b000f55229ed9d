/**
 * An accepting thread's way to one shard: what is under way on it, how long that has waited, and whether it takes more.
 */
import { systemClock } from "../../base/clock.ts";
import { type Board, diskWorkMsMax } from "../board.ts";
import type { AppendAnswer, AppendRequest } from "../protocol.ts";
import type { ShardLoad } from "./routing.ts";

/** A shard, as whoever accepts requests sees it. */
export type ShardLane = {
  readonly isReady: boolean;
  /**
   * Hands over packed requests, whose memory is gone afterwards, and gives their answers, packed.
   * @throws ActorDied when no answer will come
   */
  append(requests: Uint8Array<ArrayBuffer>): Promise<string>;
};

/** A request and whoever waits for its answer. */
type Waiting = { request: AppendRequest; answer: PromiseWithResolvers<AppendAnswer> };

/** A shard works this off in about 100 ms; what is behind it waits longer than a caller would. Bytes. */
const shardBytesInFlightMax = 4 * 1024 * 1024;

/** Small requests cost more than their bytes suggest: this many also take about 100 ms. */
const shardRequestsInFlightMax = 5_000;

/** A request is answered after this long whatever its shard does, so that the answer is there within 5 s. ms */
const waitMsMax = diskWorkMsMax - 200;

/**
 * Under load a queue whose head waits this long takes no more: what came behind it would wait for a second. Seen twice
 * in a row, because after a pause of this thread answers may be there that are not read yet. ms
 */
const lateMs = 700;
const lateLooksMin = 2;

/**
 * Disk work that runs this long is the disk's fault: requests wait for it, and not because there are too many. Those
 * that came meanwhile are as late when the next group begins, so it counts for a while. ms
 */
const slowDiskMsMin = 250;
const slowDiskCountsMs = 2_000;

/** Requests that went in one message. */
export type Sent = { atMs: number; waiting: Waiting[] };

/** An accepting thread's way to one shard. */
export class Lane implements ShardLoad {
  readonly shard: ShardLane;
  readonly board: Board;
  waiting: Waiting[] = [];
  /** Oldest first; those that were answered here stay until the shard answers, because they still take its memory. */
  readonly sent = new Set<Sent>();
  bytesInFlight = 0;
  requestsInFlight = 0;
  #oldestMs = 0;
  #lateLooks = 0;
  #slowDiskAtMs = Number.NEGATIVE_INFINITY;

  constructor(shard: ShardLane, board: Board) {
    this.shard = shard;
    this.board = board;
  }

  get isAccepting(): boolean {
    return this.shard.isReady && this.board.peek("journalFailed") === 0 && !this.isStuck;
  }

  /** Whether the disk, or whatever else, holds the shard's thread. */
  get isStuck(): boolean {
    return this.#oldestMs >= waitMsMax || this.board.diskWorkMs(systemClock.monotonicMs) >= diskWorkMsMax;
  }

  get isFull(): boolean {
    return (
      this.bytesInFlight >= shardBytesInFlightMax ||
      this.requestsInFlight >= shardRequestsInFlightMax ||
      this.#lateLooks >= lateLooksMin
    );
  }

  /** Looks how long the oldest request has waited, and answers those that waited too long. */
  look(nowMs: number): void {
    const [oldest] = this.sent;
    this.#oldestMs = oldest === undefined ? 0 : nowMs - oldest.atMs;
    if (this.board.diskWorkMs(systemClock.monotonicMs) >= slowDiskMsMin) this.#slowDiskAtMs = nowMs;
    const isLate = this.#oldestMs >= lateMs && nowMs - this.#slowDiskAtMs > slowDiskCountsMs;
    this.#lateLooks = isLate ? this.#lateLooks + 1 : 0;
    for (const sent of this.sent) {
      if (nowMs - sent.atMs < waitMsMax) return;
      for (const { answer } of sent.waiting.splice(0)) answer.resolve({ kind: "overloaded", reason: "commit_late" });
    }
  }

  /** The shard has answered, or will not. */
  done(sent: Sent): void {
    this.sent.delete(sent);
    if (this.sent.size > 0) return;
    this.#oldestMs = 0;
    this.#lateLooks = 0;
  }
}
