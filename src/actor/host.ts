/**
 * The main thread's side of an actor: a piscina pool of exactly one thread, because an actor owns what it touches. The
 * pool sees to the thread's birth and successor; requests go over a wire.
 *
 * Invariants:
 * - A request is answered or rejected, also when the thread dies with it.
 * - A dead thread is replaced; only after it has really ended is what it shared put right, and its successor is asked
 *   to recover before it is given anything else.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Piscina, transferableSymbol, valueSymbol } from "piscina";
import { ActorDied, ActorRefused, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type Connect, type Handlers, handle, type NoQuestion, type Recovery } from "./serve.ts";
import { answerOn, Wire } from "./wire.ts";

/** What an actor is made of. */
type ActorOptions<Question extends { kind: PropertyKey }, Answers extends Record<Question["kind"], unknown>> = {
  /** For the log. */
  name: string;
  /** The module that runs in the thread; it exports `handle`. */
  entry: URL;
  /** What the thread is born with. */
  options: unknown;
  log: Log;
  /** Answers what the thread asks over its door. */
  questions: Handlers<Question, Answers>;
  /** The thread has ended; its successor has not recovered yet. */
  onDied?: () => void;
};

/** Requests of one actor by kind, and the reply of each. */
type Reply<Replies, Request extends { kind: keyof Replies }> = Replies[Request["kind"]];

/** First and longest pause between tries of a recovery that fails. ms */
const recoverPauseMs = { first: 100, longest: 5_000 };

/** A running actor, as others see it. */
export class ActorHost<
  Request extends { kind: keyof Replies },
  Replies extends { recover: Recovery },
  Question extends { kind: string } = NoQuestion,
  Answers extends Record<Question["kind"], unknown> = Record<Question["kind"], undefined>,
> {
  readonly #options: ActorOptions<Question, Answers>;
  #pool: Piscina;
  /** To the thread that lives now, once it has loaded. */
  #wire: Wire | undefined;
  /** Where the questions of that thread come in. */
  #door: MessagePort | undefined;
  #connecting: Promise<Wire> | undefined;
  #isReady = false;
  #isStopping = false;
  #restarts = 0;
  #recovery: Promise<void> | undefined;

  /** Begins the thread; `start` waits for it. */
  static open<
    Request extends { kind: keyof Replies },
    Replies extends { recover: Recovery },
    Question extends { kind: string } = NoQuestion,
    Answers extends Record<Question["kind"], unknown> = Record<Question["kind"], undefined>,
  >(options: ActorOptions<Question, Answers>): ActorHost<Request, Replies, Question, Answers> {
    const pool = openPool(options);
    const host = new ActorHost<Request, Replies, Question, Answers>(options, pool);
    host.#watch(pool);
    return host;
  }

  private constructor(options: ActorOptions<Question, Answers>, pool: Piscina) {
    this.#options = options;
    this.#pool = pool;
  }

  #watch(pool: Piscina): void {
    pool.on("workerDestroy", () => {
      this.#isReady = false;
    });
    pool.threads[0]?.once("exit", () => this.#died());
  }

  /** Whether the actor takes requests now. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Threads that were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Asks the actor to recover for the first time.
   * @throws ActorRefused when it cannot go on without a person; ActorDied when its thread cannot be had or fails
   */
  async start(): Promise<void> {
    const { refused } = await this.#recovered();
    if (refused !== undefined) throw new ActorRefused(refused);
    this.#isReady = true;
  }

  async #recovered(): Promise<Recovery> {
    try {
      return (await (await this.#connected()).ask({ kind: "recover" })) as Recovery;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /**
   * Sends a request. What stands in `moved` is gone from this thread afterwards; other buffers are copied.
   * @throws ActorDied when no answer will come; whether the request was carried out is not known
   */
  async ask<Asked extends Request>(request: Asked, moved: ArrayBuffer[] = []): Promise<Reply<Replies, Asked>> {
    try {
      const wire = this.#wire ?? (await this.#connected());
      // The reply's type follows from the request's kind; the thread's handlers are checked against the same table.
      return (await wire.ask(request, moved)) as Reply<Replies, Asked>;
    } catch (error) {
      throw this.#failed(error);
    }
  }

  #failed(error: unknown): ActorDied {
    return new ActorDied(`${this.#options.name}: ${messageOf(error)}`, { cause: error });
  }

  /** Ends the thread as a crash would. Its successor recovers. */
  async terminate(): Promise<void> {
    for (const thread of this.#pool.threads) await thread.terminate();
  }

  /** Ends the thread for good. Ask it to stop before. */
  async destroy(): Promise<void> {
    this.#isStopping = true;
    this.#isReady = false;
    // First: a recovery that waits for its answer would wait for ever where the answer does not come.
    this.#endWire();
    await this.#recovery;
    await this.#pool.destroy();
  }

  #connected(): Promise<Wire> {
    if (this.#connecting !== undefined) return this.#connecting;
    const connecting = this.#connect().catch((error: unknown) => {
      // Whoever asks next tries again, unless somebody has already.
      if (this.#connecting === connecting) this.#connecting = undefined;
      throw error;
    });
    this.#connecting = connecting;
    return connecting;
  }

  async #connect(): Promise<Wire> {
    // Not within the event that told of a death: the pool is still putting itself in order there.
    if (this.#restarts > 0) await Bun.sleep(0);
    const [requests, questions] = [new MessageChannel(), new MessageChannel()];
    const connect: Connect = { port: requests.port2, door: questions.port2 };
    // Before the thread has its end: a question may come as soon as it has.
    this.#door?.close();
    this.#door = questions.port1;
    // Both ends are this program: what comes is a question of this actor.
    answerOn(questions.port1, (question) => handle(this.#options.questions, question as Question));
    await this.#pool.run(Piscina.move({ [valueSymbol]: connect, [transferableSymbol]: Object.values(connect) }));
    const wire = new Wire(requests.port1);
    this.#wire = wire;
    return wire;
  }

  #endWire(): void {
    this.#wire?.end(new Error("the thread has ended"));
    this.#wire = undefined;
    this.#connecting = undefined;
    // Whoever asked has ended; its successor knows nothing of the question, and has a door of its own.
    this.#door?.close();
    this.#door = undefined;
  }

  #died(): void {
    this.#isReady = false;
    this.#endWire();
    if (this.#isStopping) return;
    this.#restarts += 1;
    this.#options.log.error({ actor: this.#options.name }, "actor's thread died; its successor recovers");
    this.#options.onDied?.();
    // The pool has put a successor in its place, unless the thread died before it was ready: such a pool starts no
    // more.
    const [successor] = this.#pool.threads;
    if (successor === undefined) this.#replacePool();
    else successor.once("exit", () => this.#died());
    this.#recovery ??= this.#recover().finally(() => {
      this.#recovery = undefined;
    });
  }

  /** A pool that starts no more threads is ended, which rejects what waits in it. */
  #replacePool(): void {
    const ended = this.#pool.destroy();
    ended.catch((error: unknown) =>
      this.#options.log.debug({ actor: this.#options.name, error: messageOf(error) }, "a pool did not end well"),
    );
    this.#pool = openPool(this.#options);
    this.#watch(this.#pool);
  }

  async #recover(): Promise<void> {
    let pauseMs = recoverPauseMs.first;
    while (!this.#isStopping) {
      try {
        await this.start();
        return;
      } catch (error) {
        if (this.#isStopping) return;
        this.#options.log.error({ actor: this.#options.name, error: messageOf(error) }, "recovery failed; tried again");
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, recoverPauseMs.longest);
      }
    }
  }
}

function openPool({
  name,
  entry,
  options,
  log,
}: Pick<ActorOptions<NoQuestion, Record<never, undefined>>, "name" | "entry" | "options" | "log">): Piscina {
  const pool = new Piscina({
    filename: entry.href,
    name: "handle",
    workerData: options,
    minThreads: 1,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    // The default parks an idle thread so that its timers stand still, and a flush never comes while no request does.
    atomics: "async",
  });
  // Without a listener an error outside a task would end the whole process. The thread ends, and its host sees that.
  pool.on("error", (error: unknown) => log.error({ actor: name, error: messageOf(error) }, "actor failed"));
  return pool;
}
