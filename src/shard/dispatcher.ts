/**
 * An accepting thread's side of all shards: requests of one turn of the event loop travel together, a few messages a shard.
 *
 * Invariants:
 * - What is in flight is bounded in bytes and requests; past that a request is refused at once, before it costs anything.
 * - Every submitted request is answered, also when its shard dies with it.
 */
import { Overloaded } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { release } from "../base/release.ts";
import { Board } from "./board.ts";
import { packRequests, unpackAnswers } from "./bundle.ts";
import { type AppendAnswer, type AppendRequest, inflatedBytesLikely } from "./protocol.ts";
import { chooseShard, type ShardLoad } from "./routing.ts";

/** A shard, as whoever accepts requests sees it. */
export type ShardLane = {
  readonly isReady: boolean;
  /**
   * Hands over packed requests, whose memory is gone afterwards, and gives their answers, packed.
   * @throws ActorDied when no answer will come
   */
  append(requests: Uint8Array<ArrayBuffer>): Promise<string>;
};

type Waiting = { request: AppendRequest; answer: PromiseWithResolvers<AppendAnswer> };

/** A shard works this off in about 100 ms; what is behind it waits longer than a caller would. Bytes. */
const shardBytesInFlightMax = 4 * 1024 * 1024;

/**
 * So many requests go at once, without waiting for the rest of the turn: the shard parses them while this thread reads on.
 * Fewer wake the shard too often (16: a tenth slower at 256 connections), more keep it waiting. Requests.
 */
const messageRequestsMax = 64;

/** So many small requests take longer than their bytes tell: about 100 ms, too. */
const shardRequestsInFlightMax = 5_000;

/** What the dispatcher needs to know at each request. */
type DispatcherOptions = {
  shards: readonly ShardLane[];
  boards: readonly SharedArrayBuffer[];
  bufferEventsMax: number;
};

class Lane implements ShardLoad {
  readonly shard: ShardLane;
  readonly board: Board;
  waiting: Waiting[] = [];
  bytesInFlight = 0;
  requestsInFlight = 0;

  constructor(shard: ShardLane, board: Board) {
    this.shard = shard;
    this.board = board;
  }

  get isAccepting(): boolean {
    return this.shard.isReady && this.board.peek("journalFailed") === 0;
  }

  get isFull(): boolean {
    return this.bytesInFlight >= shardBytesInFlightMax || this.requestsInFlight >= shardRequestsInFlightMax;
  }
}

/** Hands requests to shards and brings their answers back. */
export class Dispatcher {
  readonly #lanes: readonly Lane[];
  readonly #bufferEventsMax: number;
  #isScheduled = false;

  constructor(options: DispatcherOptions) {
    this.#bufferEventsMax = options.bufferEventsMax;
    this.#lanes = options.shards.map((shard, index) => {
      const memory = options.boards[index];
      invariant(memory !== undefined, "a board for each shard");
      return new Lane(shard, new Board(memory));
    });
  }

  /** Requests handed over and not yet answered. */
  get requestsInFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.requestsInFlight, 0);
  }

  /**
   * Looks whether there is room for a request, before its body costs anything.
   * @throws Overloaded when the buffer, the queue or every shard is not there for it
   */
  requireRoom(): void {
    let buffered = 0;
    for (const lane of this.#lanes) buffered += lane.board.reserved;
    if (buffered >= this.#bufferEventsMax) throw new Overloaded("buffer_full");
    this.#choose();
  }

  /**
   * Hands a request to a shard and resolves with its answer.
   * @throws Overloaded at once when there is no room any more; ActorDied when its shard died
   */
  submit(request: AppendRequest): Promise<AppendAnswer> {
    const lane = this.#choose();
    const answer = Promise.withResolvers<AppendAnswer>();
    lane.waiting.push({ request, answer });
    lane.bytesInFlight += inflatedBytesLikely(request);
    lane.requestsInFlight += 1;
    if (lane.waiting.length >= messageRequestsMax) this.#send(lane);
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => this.#sendAll());
    }
    return answer.promise;
  }

  #choose(): Lane {
    const shard = chooseShard(this.#lanes);
    const lane = shard === undefined ? undefined : this.#lanes[shard];
    if (lane === undefined) {
      const isFailed = this.#lanes.some((each) => each.board.peek("journalFailed") === 1);
      throw new Overloaded(isFailed ? "journal_failed" : "no_shard");
    }
    if (lane.isFull) throw new Overloaded("queue_full");
    return lane;
  }

  #sendAll(): void {
    this.#isScheduled = false;
    for (const lane of this.#lanes) if (lane.waiting.length > 0) this.#send(lane);
  }

  async #send(lane: Lane): Promise<void> {
    const waiting = lane.waiting;
    lane.waiting = [];
    let bytes = 0;
    for (const { request } of waiting) bytes += inflatedBytesLikely(request);
    try {
      const requests = packRequests(waiting.map(({ request }) => request));
      for (const { request } of waiting) release(request.body);
      const packed = await lane.shard.append(requests);
      const answers = unpackAnswers(packed);
      invariant(answers.length === waiting.length, "an answer for each request");
      for (const [index, answer] of answers.entries()) waiting[index]?.answer.resolve(answer);
    } catch (error) {
      for (const { answer } of waiting) answer.reject(error);
    } finally {
      lane.bytesInFlight -= bytes;
      lane.requestsInFlight -= waiting.length;
    }
  }
}
