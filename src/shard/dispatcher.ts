/**
 * The main thread's side of all shards: requests of one turn of the event loop travel together, one message a shard.
 *
 * Invariants:
 * - What is in flight is bounded in bytes and requests; past that a request is refused at once, before it costs anything.
 * - Every submitted request is answered, also when its shard dies with it.
 */
import type { ActorHost } from "../actor/host.ts";
import { Overloaded } from "../base/errors.ts";
import { Board } from "./board.ts";
import type {
  AppendAnswer,
  BodyEncoding,
  BodyForm,
  Bundle,
  ShardNotice,
  ShardReplies,
  ShardRequest,
} from "./protocol.ts";
import { chooseShard, type ShardLoad } from "./routing.ts";

/** A shard's actor, as the main thread sees it. */
export type ShardHost = ActorHost<ShardRequest, ShardReplies, ShardNotice>;

/** One request's body, and who sent it. */
export type Submission = { body: Uint8Array; form: BodyForm; encoding: BodyEncoding; subject: string | null };

type Waiting = Submission & { resolve: (answer: AppendAnswer) => void; reject: (error: unknown) => void };

/** A shard works this off in about 50 ms; what is behind it waits longer than a caller would. Bytes. */
const shardBytesInFlightMax = 16 * 1024 * 1024;

/** So many small requests take longer than their bytes tell. */
const shardRequestsInFlightMax = 20_000;

/** What the dispatcher needs to know at each request. */
export type DispatcherOptions = {
  hosts: readonly ShardHost[];
  boards: readonly SharedArrayBuffer[];
  bufferEventsMax: number;
};

class Lane implements ShardLoad {
  readonly host: ShardHost;
  readonly board: Board;
  waiting: Waiting[] = [];
  bytesInFlight = 0;
  requestsInFlight = 0;

  constructor(host: ShardHost, board: Board) {
    this.host = host;
    this.board = board;
  }

  get isAccepting(): boolean {
    return this.host.isReady && this.board.peek("journalFailed") === 0;
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
    this.#lanes = options.hosts.map((host, index) => {
      const memory = options.boards[index];
      if (memory === undefined) throw new RangeError("a board for each shard");
      return new Lane(host, new Board(memory));
    });
  }

  /** Requests handed over and not yet answered. */
  get requestsInFlight(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.requestsInFlight, 0);
  }

  /**
   * Hands a request to a shard and resolves with its answer.
   * @throws Overloaded at once when the buffer, the queue or every shard is not there for it; ActorDied when its shard died
   */
  submit(submission: Submission): Promise<AppendAnswer> {
    let buffered = 0;
    for (const lane of this.#lanes) buffered += lane.board.reserved;
    if (buffered >= this.#bufferEventsMax) throw new Overloaded("buffer_full");
    const lane = this.#choose();
    const { promise, resolve, reject } = Promise.withResolvers<AppendAnswer>();
    lane.waiting.push({ ...submission, resolve, reject });
    lane.bytesInFlight += submission.body.byteLength;
    lane.requestsInFlight += 1;
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(() => this.#send());
    }
    return promise;
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

  #send(): void {
    this.#isScheduled = false;
    for (const lane of this.#lanes) {
      if (lane.waiting.length === 0) continue;
      const waiting = lane.waiting;
      lane.waiting = [];
      this.#deliver(lane, waiting);
    }
  }

  async #deliver(lane: Lane, waiting: readonly Waiting[]): Promise<void> {
    const bundle = bundleOf(waiting);
    const bytes = bundle.bodies.byteLength;
    try {
      const answers = await lane.host.ask({ kind: "append", bundle });
      for (const [index, each] of waiting.entries()) {
        const answer = answers[index];
        if (answer === undefined) each.reject(new RangeError("an answer for each request"));
        else each.resolve(answer);
      }
    } catch (error) {
      for (const each of waiting) each.reject(error);
    } finally {
      lane.bytesInFlight -= bytes;
      lane.requestsInFlight -= waiting.length;
    }
  }
}

function bundleOf(waiting: readonly Waiting[]): Bundle {
  let bytes = 0;
  for (const each of waiting) bytes += each.body.byteLength;
  const bodies = new Uint8Array(bytes);
  const bundle: Bundle = { bodies, sizes: [], forms: [], encodings: [], subjects: [] };
  let at = 0;
  for (const each of waiting) {
    bodies.set(each.body, at);
    at += each.body.byteLength;
    bundle.sizes.push(each.body.byteLength);
    bundle.forms.push(each.form);
    bundle.encodings.push(each.encoding);
    bundle.subjects.push(each.subject);
  }
  return bundle;
}
