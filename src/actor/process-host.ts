/**
 * The main thread's side of an actor that has a process of its own. What aborts there, or runs out of memory or of
 * descriptors, ends that process and never the service.
 *
 * Invariants:
 * - A request is answered or rejected, also when the process ends under it.
 * - One process lives at a time. Its successor starts after it has really ended, and recovers before it is asked
 *   anything else.
 */
import { ActorDied, ActorRefused, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { type ActorProcess, spawnActor } from "./process.ts";
import type { Recovery } from "./serve.ts";
import { Wire } from "./wire.ts";

/** What such an actor is made of. */
type ProcessHostOptions<Notice> = {
  /** For the log. */
  name: string;
  /** The module that the process runs; it calls `serveProcess`. */
  entry: URL;
  /** What the process is born with. */
  options: unknown;
  log: Log;
  /** Whatever the process tells unasked. */
  onNotice?: (notice: Notice) => void;
};

/** Requests of one actor by kind, and the reply of each. */
type Reply<Replies, Request extends { kind: keyof Replies }> = Replies[Request["kind"]];

/**
 * A request whose process ends under it is asked again of the successor, this often in all. What was killed from
 * outside is answered by then. A request that itself ends the process goes back to who asked, who has pauses of its
 * own.
 */
const triesMax = 3;

/** Pause before a successor of a process that ended soon after its start; it doubles while that goes on. ms */
const successorPauseMs = { first: 50, longest: 5_000 };

/** A process that lived this long did its work: its successor comes at once. ms */
const livedMs = 10_000;

/** The process has ended or cannot be had; whether the request was carried out is not known. */
class ProcessEnded extends Error {}

/** A process that has recovered, and the wire to it. */
type Life = { child: ActorProcess; wire: Wire };

/**
 * A running actor in a process of its own, as others see it. REQUIRES: to carry out a request twice changes nothing
 * more.
 */
export class ProcessHost<
  Request extends { kind: keyof Replies },
  Replies extends { recover: Recovery },
  Notice = never,
> {
  readonly #options: ProcessHostOptions<Notice>;
  /** The process that takes requests, or the one that is going to; undefined only until `open` has begun the first. */
  #life: Promise<Life> | undefined;
  #child: ActorProcess | undefined;
  #isReady = false;
  #isStopping = false;
  #restarts = 0;
  #pauseMs = 0;

  /** Begins the process; `start` waits for it. */
  static open<Request extends { kind: keyof Replies }, Replies extends { recover: Recovery }, Notice = never>(
    options: ProcessHostOptions<Notice>,
  ): ProcessHost<Request, Replies, Notice> {
    const host = new ProcessHost<Request, Replies, Notice>(options);
    host.#life = host.#begin(0);
    return host;
  }

  private constructor(options: ProcessHostOptions<Notice>) {
    this.#options = options;
  }

  /** Whether the actor takes requests now. */
  get isReady(): boolean {
    return this.#isReady;
  }

  /** Processes that were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The process that lives now; undefined between two. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Waits until the actor has recovered for the first time.
   * @throws ActorRefused when it cannot go on without a person; ActorDied when its process cannot be had
   */
  async start(): Promise<void> {
    await this.#withLife(async () => undefined);
  }

  /**
   * Sends a request. Between two processes it waits for the next one.
   * @throws ActorDied when no answer will come; whether the request was carried out is not known
   */
  async ask<Asked extends Request>(request: Asked): Promise<Reply<Replies, Asked>> {
    // The reply's type follows from the request's kind; the process's handlers are checked against the same table.
    return (await this.#withLife(({ wire }) => wire.ask(request))) as Reply<Replies, Asked>;
  }

  /** Ends the process as a crash would. Its successor recovers. */
  async terminate(): Promise<void> {
    await this.#child?.kill();
  }

  /** Ends the process for good. Ask it to settle before. */
  async destroy(): Promise<void> {
    this.#isStopping = true;
    this.#isReady = false;
    await this.terminate();
  }

  async #withLife<Result>(use: (life: Life) => Promise<Result>): Promise<Result> {
    for (let tries = 1; ; tries++)
      try {
        const life = await this.#life;
        invariant(life !== undefined, "a process has begun before anything is asked of it");
        return await use(life);
      } catch (error) {
        if (error instanceof ActorRefused) throw error;
        if (error instanceof ProcessEnded && tries < triesMax && !this.#isStopping) continue;
        throw new ActorDied(`${this.#options.name}: ${messageOf(error)}`, { cause: error });
      }
  }

  /** A life that begins after a pause. Nobody may be waiting for it, so its failure counts as handled. */
  #begin(pauseMs: number): Promise<Life> {
    const life = this.#born(pauseMs);
    life.catch(() => undefined);
    return life;
  }

  async #born(pauseMs: number): Promise<Life> {
    if (pauseMs > 0) await Bun.sleep(pauseMs);
    if (this.#isStopping) throw new ProcessEnded("it has been ended");
    const bornMs = performance.now();
    const child = await this.#spawn(bornMs);
    this.#child = child;
    const wire = new Wire(child);
    child.ended.then((how) => {
      this.#succeed(how, bornMs);
      wire.end(new ProcessEnded(`its process ended with ${how}`));
    });
    try {
      const { refused } = (await wire.ask({ kind: "recover" })) as Recovery;
      if (refused !== undefined) throw new ActorRefused(refused);
    } catch (error) {
      // One that cannot recover is of no use: its successor may.
      await child.kill();
      throw error instanceof ActorRefused ? error : new ProcessEnded(messageOf(error), { cause: error });
    }
    this.#isReady = true;
    return { child, wire };
  }

  async #spawn(bornMs: number): Promise<ActorProcess> {
    const { entry, options, onNotice } = this.#options;
    try {
      return spawnActor({ entry, options, onNotice: (notice) => onNotice?.(notice as Notice) });
    } catch (error) {
      // No descriptor, no memory, no process to be had. The life before this one must have its place first.
      await Bun.sleep(0);
      this.#succeed(messageOf(error), bornMs);
      throw new ProcessEnded(`its process cannot be started: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Puts a successor in the place of a process that has ended or never began. */
  #succeed(how: string, bornMs: number): void {
    this.#isReady = false;
    this.#child = undefined;
    if (this.#isStopping) return;
    this.#restarts += 1;
    const { first, longest } = successorPauseMs;
    const hasLived = performance.now() - bornMs > livedMs;
    this.#pauseMs = hasLived ? 0 : Math.min(Math.max(first, this.#pauseMs * 2), longest);
    this.#options.log.error({ actor: this.#options.name, how }, "actor's process ended; its successor recovers");
    this.#life = this.#begin(this.#pauseMs);
  }
}
