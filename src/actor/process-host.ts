/**
 * The main thread's side of an actor in a process of its own. An abort there, or running out of memory or descriptors,
 * ends that process and never the service.
 *
 * Invariants:
 * - A request is always answered or rejected, even if the process ends meanwhile.
 * - One process lives at a time. Its successor starts after it has ended, and recovers before it gets any other
 *   request.
 */
import { ActorDied, ActorRefused, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import { type ActorProcess, spawnActor } from "./process.ts";
import type { Recovery } from "./serve.ts";
import { Wire } from "./wire.ts";

/** What such an actor needs. */
type ProcessHostOptions<Notice> = {
  /** For the log. */
  name: string;
  /** The module that the process runs; it calls `serveProcess`. */
  entry: URL;
  /** Passed to the process at its start. */
  options: unknown;
  /** Variables of its environment, beside those with which programs and libraries are found. Default: none. */
  environment?: Readonly<Record<string, string>>;
  log: Log;
  /** Called for each notice from the process. */
  onNotice?: (notice: Notice) => void;
};

/** Requests of one actor by kind, and the reply of each. */
type Reply<Replies, Request extends { kind: keyof Replies }> = Replies[Request["kind"]];

/**
 * A request whose process ends meanwhile is sent again to the successor, up to this many tries in all. That is enough
 * if the process was killed from outside. A request that itself ends the process is rejected; its caller retries with
 * its own pauses.
 */
const triesMax = 3;

/**
 * Pause before the successor of a process that ended soon after its start; it doubles each time that happens in a row.
 * ms
 */
const successorPauseMs = { first: 50, longest: 5_000 };

/** The successor of a process that lived this long starts at once. ms */
const livedMs = 10_000;

/** The process has ended or cannot start; the request may have been carried out or not. */
class ProcessEnded extends Error {}

/** A process that has recovered, and the wire to it. */
type Life = { child: ActorProcess; wire: Wire };

/** A running actor in a process of its own, as others see it. REQUIRES: requests are idempotent. */
export class ProcessHost<
  Request extends { kind: keyof Replies },
  Replies extends { recover: Recovery },
  Notice = never,
> {
  readonly #options: ProcessHostOptions<Notice>;
  /** The process that takes requests, or will take them; undefined only until `open` has started the first. */
  #life: Promise<Life> | undefined;
  #child: ActorProcess | undefined;
  #isReady = false;
  #isStopping = false;
  #restarts = 0;
  #pauseMs = 0;

  /** Starts the process; `start` waits for it. */
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

  /** How many processes were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The id of the current process; undefined between two. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /**
   * Waits until the actor has recovered for the first time.
   * @throws ActorRefused when it needs a person; ActorDied when its process cannot start
   */
  async start(): Promise<void> {
    await this.#withLife(async () => undefined);
  }

  /**
   * Sends a request. Between two processes it waits for the next one.
   * @throws ActorDied when no answer will come; the request may have been carried out or not
   */
  async ask<Asked extends Request>(request: Asked): Promise<Reply<Replies, Asked>> {
    // The reply's type follows from the request's kind; the process's handlers are checked against the same table.
    return (await this.#withLife(({ wire }) => wire.ask(request))) as Reply<Replies, Asked>;
  }

  /** Ends the process as a crash would. Its successor recovers. */
  async terminate(): Promise<void> {
    await this.#child?.kill();
  }

  /** Ends the process for good. Send it a settle request before. */
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

  /** Starts a process after a pause. Perhaps nobody waits for the promise, so its rejection is marked as handled. */
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
      // This process cannot recover; its successor may.
      await child.kill();
      throw error instanceof ActorRefused ? error : new ProcessEnded(messageOf(error), { cause: error });
    }
    this.#isReady = true;
    return { child, wire };
  }

  async #spawn(bornMs: number): Promise<ActorProcess> {
    const { entry, options, environment = {}, onNotice } = this.#options;
    try {
      return spawnActor({ entry, options, environment, onNotice: (notice) => onNotice?.(notice as Notice) });
    } catch (error) {
      // No descriptor, memory or process is available. `#life` must be set to this promise before `#succeed` replaces
      // it.
      await Bun.sleep(0);
      this.#succeed(messageOf(error), bornMs);
      throw new ProcessEnded(`its process cannot be started: ${messageOf(error)}`, { cause: error });
    }
  }

  /** Replaces a process that has ended or could not start. */
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
