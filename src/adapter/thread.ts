/** The adapters' thread, as the main thread sees it. It is started by the first request that needs it. */
import { ActorHost } from "../actor/host.ts";
import { systemClock } from "../base/clock.ts";
import { Overloaded } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { within } from "../base/within.ts";
import { openedBytesLikely } from "./body-text.ts";
import { Handover, type TakeBatch } from "./handover.ts";
import type { RequestFacts } from "./mapped.ts";
import type { AdapterOptions, AdapterReplies, AdapterRequest, Fetched, RawBody, Unreadable } from "./protocol.ts";

type Host = ActorHost<AdapterRequest, AdapterReplies>;

/** The thread maps this much in about a second; requests queued behind it would wait too long. Bytes. */
const bytesInFlightMax = 16 * 1024 * 1024;

/** Small requests cost more than their bytes suggest: this many also take about a second. */
const requestsInFlightMax = 5_000;

/** While a request has waited this long for the thread, it takes no more. ms */
const lateMs = 1_000;

/** A request is given up after this time, so that its answer arrives within 5 s. ms */
const waitMsMax = 4_500;

/** The result of mapping a body: all of its messages were taken, or it cannot be read. */
type MappedAll = { ok: true } | Unreadable;

/** Maps bodies in the thread. */
export class AdapterThread {
  readonly #options: AdapterOptions;
  readonly #log: Log;
  #host: Host | undefined;
  #bytesInFlight = 0;
  #requestsInFlight = 0;
  #hasAnswered = false;
  /** When each question that is not answered was asked, oldest first. ms of the monotonic clock */
  readonly #asked = new Map<symbol, number>();

  constructor(options: AdapterOptions, log: Log) {
    this.#options = options;
    this.#log = log;
  }

  /** The most bytes that a body may have after inflation. */
  get bytesMax(): number {
    return this.#options.bytesMax;
  }

  /**
   * Maps the body of a sender that is known, and passes its messages on, a few at a time.
   * @throws Overloaded when too much waits; ActorDied when the thread died with it; whatever `take` throws
   */
  async map(raw: RawBody, facts: RequestFacts, take: TakeBatch): Promise<MappedAll> {
    using _ = this.#place(raw);
    return await this.#takeAll(await this.#ask({ kind: "map", ...raw, facts }, movedOf(raw.body)), take);
  }

  /**
   * Maps the body of a sender that only its body names. `factsOf` checks the key in the body, undefined if it has none,
   * and throws to refuse it.
   * @throws Overloaded when too much waits; ActorDied when the thread died with it; whatever `factsOf` and `take` throw
   */
  async mapByKey(
    raw: RawBody,
    factsOf: (key: string | undefined) => Promise<RequestFacts>,
    take: TakeBatch,
  ): Promise<MappedAll> {
    using _ = this.#place(raw);
    const opened = await this.#ask({ kind: "open", ...raw }, movedOf(raw.body));
    if (!opened.ok) return opened;
    const { ticket, key } = opened;
    return await this.#orForget(ticket, async () => {
      const facts = await factsOf(key);
      return await this.#takeAll(await this.#ask({ kind: "map opened", ticket, facts }), take);
    });
  }

  /** The thread's actor, for tests that end it; undefined before the first request. */
  get host(): Host | undefined {
    return this.#host;
  }

  /** Ends the thread, if it was started. */
  async close(): Promise<void> {
    await this.#host?.destroy();
  }

  async #takeAll(first: Fetched | Unreadable, take: TakeBatch): Promise<MappedAll> {
    if (!first.ok) return first;
    const handover = new Handover(take);
    for (let fetched: Fetched | undefined = first; fetched?.batch !== undefined; ) {
      const { batch, rest }: Fetched = fetched;
      fetched = undefined;
      if (rest === undefined) await handover.add(batch);
      else
        fetched = await this.#orForget(rest, async () => {
          await handover.add(batch);
          return await this.#ask({ kind: "next", ticket: rest });
        });
    }
    await handover.done();
    return { ok: true };
  }

  /** Does something with a ticket; if it fails, the thread forgets what the ticket stands for. */
  async #orForget<Result>(ticket: string, step: () => Promise<Result>): Promise<Result> {
    try {
      return await step();
    } catch (error) {
      await this.#forget(ticket);
      throw error;
    }
  }

  /** @throws Overloaded; ActorDied */
  async #ask<Asked extends AdapterRequest>(
    request: Asked,
    moved: ArrayBuffer[] = [],
  ): Promise<AdapterReplies[Asked["kind"]]> {
    const host = this.#started();
    const place = Symbol();
    this.#asked.set(place, systemClock.monotonicMs());
    let isGivenUp = false;
    const answer = host.ask(request, moved).then(
      (reply) => {
        this.#asked.delete(place);
        this.#hasAnswered = true;
        // Nobody fetches what the thread keeps for this request any more.
        if (isGivenUp) for (const ticket of ticketsIn(reply)) this.#forget(ticket);
        return { reply };
      },
      (error: unknown) => {
        this.#asked.delete(place);
        throw error;
      },
    );
    const answered = await within(answer, waitMsMax);
    if (answered === undefined) {
      isGivenUp = true;
      throw new Overloaded("queue_full");
    }
    return answered.reply;
  }

  async #forget(ticket: string): Promise<void> {
    // A thread that has died keeps nothing any more.
    await Promise.allSettled([this.#started().ask({ kind: "forget", ticket })]);
  }

  #started(): Host {
    this.#host ??= ActorHost.open<AdapterRequest, AdapterReplies>({
      name: "adapters",
      entry: new URL("./actor.ts", import.meta.url),
      options: this.#options,
      log: this.#log,
      questions: {},
    });
    return this.#host;
  }

  /** @throws Overloaded */
  #place({ body }: RawBody): Disposable {
    const [oldest] = this.#asked.values();
    // A thread that starts is not late.
    const isLate = this.#hasAnswered && oldest !== undefined && systemClock.monotonicMs() - oldest > lateMs;
    const isFull = this.#requestsInFlight >= requestsInFlightMax || this.#bytesInFlight >= bytesInFlightMax;
    if (isLate || isFull) throw new Overloaded("queue_full");
    const bytes = openedBytesLikely(body, this.#options.bytesMax);
    this.#bytesInFlight += bytes;
    this.#requestsInFlight += 1;
    return {
      [Symbol.dispose]: () => {
        this.#bytesInFlight -= bytes;
        this.#requestsInFlight -= 1;
      },
    };
  }
}

/** What the thread keeps for the asker of a question. */
function ticketsIn(reply: AdapterReplies[keyof AdapterReplies]): string[] {
  const held = reply === undefined ? [] : "ticket" in reply ? [reply.ticket] : "rest" in reply ? [reply.rest] : [];
  return held.filter((ticket) => ticket !== undefined);
}

/** The memory of a body, where nothing else is in it. */
const movedOf = ({ buffer, byteLength }: Uint8Array): ArrayBuffer[] =>
  buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
