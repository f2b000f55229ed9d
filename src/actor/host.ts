/**
 * The main thread's side of an actor: a piscina pool of exactly one thread, because an actor owns what it touches. The
 * pool starts the thread and its successors; requests go over a wire.
 *
 * Invariants:
 * - A request is always answered or rejected, even if the thread dies meanwhile.
 * - A dead thread is replaced. Its shared memory is repaired only after it has ended, and its successor recovers before
 *   it gets any other request.
 */
import { MessageChannel, type MessagePort } from "node:worker_threads";
import { Piscina, transferableSymbol, valueSymbol } from "piscina";
import { ActorDied, ActorRefused, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { type Connect, type Handlers, handle, type NoQuestion, type Recovery } from "./serve.ts";
import { answerOn, Wire } from "./wire.ts";

/** What an actor needs. */
type ActorOptions<Question extends { kind: PropertyKey }, Answers extends Record<Question["kind"], unknown>> = {
  /** For the log. */
  name: string;
  /** The module that runs in the thread; it exports `handle`. */
  entry: URL;
  /** Passed to the thread at its start. */
  options: unknown;
  log: Log;
  /** Handlers for the thread's questions. */
  questions: Handlers<Question, Answers>;
  /** Called when the thread has ended and its successor has not recovered yet. */
  onDied?: () => void;
};

/** Requests of one actor by kind, and the reply of each. */
type Reply<Replies, Request extends { kind: keyof Replies }> = Replies[Request["kind"]];

/** First and longest pause between tries of a failing recovery. ms */
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
  /** The wire to the current thread, once it has loaded. */
  #wire: Wire | undefined;
  /** Receives that thread's questions. */
  #door: MessagePort | undefined;
  #connecting: Promise<Wire> | undefined;
  #isReady = false;
  #isStopping = false;
  #restarts = 0;
  #recovery: Promise<void> | undefined;

  /** Starts the thread; `start` waits for it. */
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

  /** How many threads were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * Asks the actor to recover for the first time.
   * @throws ActorRefused when it needs a person; ActorDied when its thread cannot start or fails
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
   * Sends a request. Buffers in `moved` are transferred and no longer usable in this thread; others are copied.
   * @throws ActorDied when no answer will come; the request may have been carried out or not
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

  /** Ends the thread for good. Send it a stop request before. */
  async destroy(): Promise<void> {
    this.#isStopping = true;
    this.#isReady = false;
    // Close the wire first. Otherwise a recovery could wait without end for an answer.
    this.#endWire();
    await this.#recovery;
    await this.#pool.destroy();
  }

  #connected(): Promise<Wire> {
    if (this.#connecting !== undefined) return this.#connecting;
    const connecting = this.#connect().catch((error: unknown) => {
      // The next request tries again, unless another already has.
      if (this.#connecting === connecting) this.#connecting = undefined;
      throw error;
    });
    this.#connecting = connecting;
    return connecting;
  }

  async #connect(): Promise<Wire> {
    // Not within the event that reports a death: the pool is still replacing the thread there.
    if (this.#restarts > 0) await Bun.sleep(0);
    const [requests, questions] = [new MessageChannel(), new MessageChannel()];
    const connect: Connect = { port: requests.port2, door: questions.port2 };
    // Before the thread gets its end of the door: a question may come as soon as it has it.
    this.#door?.close();
    this.#door = questions.port1;
    // Both ends are this program, so the message is a question of this actor.
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
    // The thread that asked has ended; its successor does not know the question, and has its own door.
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
    // The pool has started a successor, unless the thread died before it was ready: then the pool starts no more
    // threads.
    const [successor] = this.#pool.threads;
    if (successor === undefined) this.#replacePool();
    else successor.once("exit", () => this.#died());
    this.#recovery ??= this.#recover().finally(() => {
      this.#recovery = undefined;
    });
  }

  /** Replaces a pool that starts no more threads. Ending the old one rejects its pending tasks. */
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
    // The default parks an idle thread, and its timers stop: without requests there would be no flush.
    atomics: "async",
  });
  // Without a listener, an error outside a task would end the whole process. With it only the thread ends, and its host
  // replaces it.
  pool.on("error", (error: unknown) => log.error({ actor: name, error: messageOf(error) }, "actor failed"));
  return pool;
}
