/**
 * Sends requests to the shards: those of one turn of the event loop go together, in a few messages a shard.
 *
 * Invariants:
 * - Requests in flight are bounded in bytes and number; past the bound a request is refused at once, before it costs
 *   anything.
 * - Every submitted request is answered, even if its shard dies, and within 5 s even if the disk blocks the shard's
 *   thread. In that case the answer is given here, and the shard's later answer is ignored.
 * - A shard gets no new events while its disk work or its oldest request takes that long.
 */
import { systemClock } from "../../base/clock.ts";
import { Overloaded } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { OldGarbage, release } from "../../base/release.ts";
import { Board } from "../board.ts";
import { packRequests, unpackAnswers } from "../bundle.ts";
import { type AppendAnswer, type AppendRequest, goesAlone, inflatedBytesLikely } from "../protocol.ts";
import { Lane, type Sent, type ShardLane } from "./lane.ts";
import { chooseShard } from "./routing.ts";

/**
 * This many requests are sent at once, without waiting for the rest of the turn: the shard parses them while this
 * thread reads on. Fewer wake the shard too often (16: a tenth slower at 256 connections); more keep it waiting.
 * Requests.
 */
const messageRequestsMax = 64;

/** The age of requests in flight is checked this often. ms */
const lookEveryMs = 50;

/** What the dispatcher needs. */
type DispatcherOptions = {
  shards: readonly ShardLane[];
  boards: readonly SharedArrayBuffer[];
  bufferEventsMax: number;
  /** Whether bodies are being parsed outside of the shards now. */
  isParsing: () => boolean;
};

/** Hands requests to shards and brings their answers back. */
export class Dispatcher implements Disposable {
  readonly #lanes: readonly Lane[];
  #ticker: NodeJS.Timeout | undefined;
  readonly #bufferEventsMax: number;
  readonly #garbage = new OldGarbage();
  #isScheduled = false;

  /** Checks the age of requests in flight until it is disposed. */
  static open(options: DispatcherOptions): Dispatcher {
    const dispatcher = new Dispatcher(options);
    dispatcher.#ticker = setInterval(() => {
      const nowMs = systemClock.monotonicMs();
      for (const lane of dispatcher.#lanes) lane.look(nowMs, options.isParsing());
      dispatcher.#garbage.collectIfDue(nowMs);
    }, lookEveryMs);
    return dispatcher;
  }

  private constructor(options: DispatcherOptions) {
    this.#bufferEventsMax = options.bufferEventsMax;
    this.#lanes = options.shards.map((shard, index) => {
      const memory = options.boards[index];
      invariant(memory !== undefined, "a board for each shard");
      return new Lane(shard, new Board(memory));
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticker);
  }

  /** Numbers of the shards that have held requests for too long. */
  get stuck(): number[] {
    return this.#lanes.flatMap(({ isStuck }, shard) => (isStuck ? [shard] : []));
  }

  /** Requests handed over and not yet answered. */
  get requestsInFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.requestsInFlight, 0);
  }

  /**
   * Checks that there is room for a request, before its body costs anything.
   * @throws Overloaded when the buffer or the queue is full, or no shard accepts
   */
  requireRoom(): void {
    let buffered = 0;
    for (const lane of this.#lanes) buffered += lane.board.reserved;
    if (buffered >= this.#bufferEventsMax) throw new Overloaded("buffer_full");
    this.#choose();
  }

  /**
   * Hands a request to a shard and resolves with its answer.
   * @throws Overloaded at once when there is no room; ActorDied when its shard died
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
      if (this.#lanes.some(({ isStuck }) => isStuck)) throw new Overloaded("disk_slow");
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

  #send(lane: Lane): void {
    const { waiting } = lane;
    lane.waiting = [];
    const alone = waiting.filter(({ request }) => goesAlone(request));
    const together = alone.length === 0 ? waiting : waiting.filter((each) => !alone.includes(each));
    if (together.length > 0) void this.#sendMessage(lane, { waiting: together, isAlone: false });
    for (const each of alone) void this.#sendMessage(lane, { waiting: [each], isAlone: true });
  }

  async #sendMessage(lane: Lane, { waiting, isAlone }: Pick<Sent, "waiting" | "isAlone">): Promise<void> {
    const { length } = waiting;
    const sent: Sent = { atMs: systemClock.monotonicMs(), waiting, isAlone };
    lane.sent.add(sent);
    let bytes = 0;
    for (const { request } of waiting) bytes += inflatedBytesLikely(request);
    try {
      const requests = packRequests(waiting.map(({ request }) => request));
      for (const { request } of waiting) release(request.body);
      const packed = await lane.shard.append(requests);
      const answers = unpackAnswers(packed);
      invariant(answers.length === length, "an answer for each request");
      // Empty if the requests were answered here because they waited too long.
      for (const [index, answer] of answers.entries()) waiting[index]?.answer.resolve(answer);
    } catch (error) {
      for (const { answer } of waiting) answer.reject(error);
    } finally {
      lane.bytesInFlight -= bytes;
      lane.requestsInFlight -= length;
      this.#garbage.add(length);
      lane.done(sent);
    }
  }
}
