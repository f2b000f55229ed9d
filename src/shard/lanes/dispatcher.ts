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
import { OldGarbage, YoungGarbage } from "../../base/release.ts";
import { Board } from "../board.ts";
import { type AppendAnswer, type AppendRequest, goesAlone, inflatedBytesLikely } from "../protocol.ts";
import { Lane, type ShardLane } from "./lane.ts";
import { Message } from "./message.ts";
import { chooseShard } from "./routing.ts";

/**
 * This many requests are sent at once, without waiting for the rest of the turn: the shard parses them while this
 * thread reads on. Fewer wake the shard too often (16: a tenth slower at 256 connections); more keep it waiting.
 * Requests.
 */
const messageRequestsMax = 64;

/** The age of requests in flight is checked, and garbage collected, this often. ms */
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
  readonly #oldGarbage = new OldGarbage();
  readonly #youngGarbage = new YoungGarbage();
  #isScheduled = false;

  /** Checks the age of requests in flight, and collects garbage, until it is disposed. */
  static open(options: DispatcherOptions): Dispatcher {
    const dispatcher = new Dispatcher(options);
    dispatcher.#ticker = setInterval(() => {
      const nowMs = systemClock.monotonicMs();
      for (const lane of dispatcher.#lanes) lane.look(nowMs, options.isParsing());
      if (!dispatcher.#oldGarbage.collectIfDue(nowMs)) dispatcher.#youngGarbage.collectIfDue();
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
    lane.bytesInFlight += inflatedBytesLikely(request);
    lane.requestsInFlight += 1;
    if (goesAlone(request)) {
      const message = new Message({ isAlone: true });
      const answer = message.add(request);
      void this.#send(lane, message);
      return answer;
    }
    const answer = lane.filling.add(request);
    if (lane.filling.length >= messageRequestsMax) this.#sendFilling(lane);
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#sendAll);
    }
    return answer;
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

  readonly #sendAll = (): void => {
    this.#isScheduled = false;
    for (const lane of this.#lanes) if (lane.filling.length > 0) this.#sendFilling(lane);
  };

  #sendFilling(lane: Lane): void {
    const message = lane.filling;
    lane.filling = new Message({ isAlone: false });
    void this.#send(lane, message);
  }

  async #send(lane: Lane, message: Message): Promise<void> {
    lane.sends(message);
    try {
      message.answer(await lane.shard.append(message.pack()));
    } catch (error) {
      message.fail(error);
    } finally {
      this.#oldGarbage.add(message.length);
      this.#youngGarbage.add(message.length);
      lane.done(message);
    }
  }
}
