/**
 * The main thread's side of an actor: a piscina pool of exactly one thread, because an actor owns what it touches.
 *
 * Invariants:
 * - A request is answered or rejected, also when the thread dies with it.
 * - A dead thread is replaced by the pool; its successor is asked to recover before it is given anything else.
 */
import { Piscina } from "piscina";
import { ActorDied, messageOf, revived } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import type { Question, Told } from "./serve.ts";

/** What an actor is made of. */
export type ActorOptions<Notice> = {
  /** For the log. */
  name: string;
  /** The module that runs in the thread; it exports `handle`. */
  entry: URL;
  /** What the thread is born with. */
  options: unknown;
  log: Log;
  /** Whatever the thread tells unasked. */
  onNotice?: (notice: Notice) => void;
  /** Finds the reply to a question of the thread. */
  onQuestion?: (request: unknown) => Promise<unknown>;
  /** The thread died; its successor has not recovered yet. */
  onDied?: () => void;
};

/** Requests of one actor by kind, and the reply of each. */
type Reply<Replies, Request extends { kind: keyof Replies }> = Replies[Request["kind"]];

/** Tasks that a thread may hold at once; requests are bounded before they come here. */
const tasksMax = 1_000_000;

/** First and longest pause between tries of a recovery that fails. ms */
const recoverPauseMs = { first: 100, longest: 5_000 };

/** A running actor, as others see it. */
export class ActorHost<Request extends { kind: keyof Replies }, Replies extends { recover: unknown }, Notice = never> {
  readonly #options: ActorOptions<Notice>;
  readonly #pool: Piscina;
  #isReady = false;
  #isStopping = false;
  #restarts = 0;
  #recovery: Promise<void> | undefined;

  constructor(options: ActorOptions<Notice>) {
    this.#options = options;
    this.#pool = new Piscina({
      filename: options.entry.href,
      name: "handle",
      workerData: options.options,
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: tasksMax,
      maxQueue: tasksMax,
      // The default parks an idle thread so that its timers stand still, and a flush never comes while no request does.
      atomics: "async",
    });
    // Without a listener an error outside a task would end the whole process; the thread ends, and that is seen below.
    this.#pool.on("error", (error: unknown) => {
      options.log.error({ actor: options.name, error: messageOf(error) }, "actor failed outside a request");
    });
    this.#pool.on("message", (message: Notice | Question) => {
      if (isQuestion(message)) this.#answer(message);
      else options.onNotice?.(message);
    });
    this.#pool.on("workerDestroy", () => this.#died());
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
   * @throws whatever its recovery throws: at start that is for a person to see
   */
  async start(): Promise<void> {
    try {
      await this.#run({ kind: "recover" });
    } catch (error) {
      throw revived(error);
    }
    this.#isReady = true;
  }

  /**
   * Sends a request. Its buffers are copied: moving them measured no better.
   * @throws ActorDied when no answer will come; whether the request was carried out is not known
   */
  async ask<Asked extends Request>(request: Asked): Promise<Reply<Replies, Asked>> {
    try {
      return await this.#run(request);
    } catch (error) {
      throw new ActorDied(`${this.#options.name}: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Ends the thread as a crash would. Its successor recovers. */
  async terminate(): Promise<void> {
    for (const thread of this.#pool.threads) await thread.terminate();
  }

  /** Ends the thread for good. Ask it to stop before. */
  async destroy(): Promise<void> {
    this.#isStopping = true;
    this.#isReady = false;
    await this.#recovery;
    await this.#pool.destroy();
  }

  // The reply's type follows from the request's kind; the thread's `handle` is checked against the same table.
  async #run(request: { kind: keyof Replies }) {
    return this.#pool.run(request);
  }

  async #answer({ id, request }: Question): Promise<void> {
    const restarts = this.#restarts;
    const told: Told = { kind: "told", id, reply: undefined, error: undefined };
    try {
      told.reply = await this.#options.onQuestion?.(request);
    } catch (error) {
      told.error = messageOf(error);
    }
    // Whoever asked may have died meanwhile; its successor knows nothing of the question.
    if (restarts !== this.#restarts) return;
    try {
      await this.#pool.run(told);
    } catch (error) {
      this.#options.log.debug({ actor: this.#options.name, error: messageOf(error) }, "a reply found nobody");
    }
  }

  #died(): void {
    this.#isReady = false;
    if (this.#isStopping) return;
    this.#restarts += 1;
    this.#options.log.error({ actor: this.#options.name }, "actor's thread died; its successor recovers");
    this.#options.onDied?.();
    this.#recovery ??= this.#recover().finally(() => {
      this.#recovery = undefined;
    });
  }

  async #recover(): Promise<void> {
    let pauseMs = recoverPauseMs.first;
    while (!this.#isStopping) {
      try {
        await this.start();
        return;
      } catch (error) {
        this.#options.log.error({ actor: this.#options.name, error: messageOf(error) }, "recovery failed; tried again");
        await Bun.sleep(pauseMs);
        pauseMs = Math.min(pauseMs * 2, recoverPauseMs.longest);
      }
    }
  }
}

const isQuestion = (message: unknown): message is Question =>
  typeof message === "object" && message !== null && "kind" in message && message.kind === "question";
