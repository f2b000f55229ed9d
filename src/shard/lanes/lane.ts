/**
 * The main thread's way to one shard: the requests in flight, how long they have waited, and whether it takes more.
 */
import { systemClock } from "../../base/clock.ts";
import { type Board, diskWorkMsMax } from "../board.ts";
import { Message } from "./message.ts";
import type { ShardLoad } from "./routing.ts";

/** A shard, as the main thread sees it. */
export type ShardLane = {
  readonly isReady: boolean;
  /**
   * Sends packed requests, whose memory moves to the shard's thread, and returns their answers, packed.
   * @throws ActorDied when no answer will come
   */
  append(requests: Uint8Array<ArrayBuffer>): Promise<string>;
};

/**
 * A shard processes this much in about 100 ms; requests queued behind it would wait too long for their callers. Bytes.
 */
const shardBytesInFlightMax = 4 * 1024 * 1024;

/** Small requests cost more than their bytes suggest: this many also take about 100 ms. */
const shardRequestsInFlightMax = 5_000;

/** A request is answered after this time whatever its shard does, so that the answer arrives within 5 s. ms */
export const waitMsMax = diskWorkMsMax - 200;

/**
 * Under load a queue whose head has waited this long takes no more: later requests would wait for a second. It must be
 * seen twice in a row, because after a pause of this thread there may be answers that are not read yet. ms
 */
const lateMs = 700;
const lateLooksMin = 2;

/**
 * If disk work runs this long, requests are late because of the disk, not because there are too many. Requests that
 * came meanwhile are as late when the next group begins, so this counts for a while. ms
 */
const slowDiskMsMin = 250;
const slowDiskCountsMs = 2_000;

/** The main thread's way to one shard. */
export class Lane implements ShardLoad {
  readonly shard: ShardLane;
  readonly board: Board;
  /** Takes the requests that will be sent next. */
  filling = new Message({ isAlone: false });
  /**
   * When each message was sent, the oldest first. One whose requests were answered here stays until the shard answers,
   * because it still takes the shard's memory.
   */
  readonly #sent = new Map<Message, number>();
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

  /** Whether the disk, or anything else, blocks the shard's thread. */
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

  /**
   * Checks how long the oldest request has waited, and answers those that have waited too long. `isParsing`: the
   * parser's thread has bodies, so that a request that went alone may wait for that thread and not for the shard.
   */
  look(nowMs: number, isParsing: boolean): void {
    const oldest = this.#sent.entries().find(([{ isAlone }]) => !(isAlone && isParsing));
    this.#oldestMs = oldest === undefined ? 0 : nowMs - oldest[1];
    if (this.board.diskWorkMs(systemClock.monotonicMs) >= slowDiskMsMin) this.#slowDiskAtMs = nowMs;
    const isLate = this.#oldestMs >= lateMs && nowMs - this.#slowDiskAtMs > slowDiskCountsMs;
    this.#lateLooks = isLate ? this.#lateLooks + 1 : 0;
    for (const [message, atMs] of this.#sent) {
      if (nowMs - atMs < waitMsMax) return;
      message.answerAll({ kind: "overloaded", reason: "commit_late" });
    }
  }

  /** A message goes to the shard now. */
  sends(message: Message): void {
    this.#sent.set(message, systemClock.monotonicMs());
  }

  /** The shard has answered, or will not. */
  done(message: Message): void {
    this.bytesInFlight -= message.bytes;
    this.requestsInFlight -= message.length;
    this.#sent.delete(message);
    if (this.#sent.size > 0) return;
    this.#oldestMs = 0;
    this.#lateLooks = 0;
  }
}
