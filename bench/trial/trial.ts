/** One service under loads, from its start to its audit, which looks for everything that was acknowledged. */
import { countText } from "../core/figures.ts";
import type { Bench } from "../core/scenario.ts";
import { ledgerOf, runClosedLoop } from "../load/closed-loop.ts";
import { type OpenExtent, runAtRate } from "../load/fixed-rate.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { type Requests, textOf, writeBodies } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { Service, type StartOptions } from "../system/service.ts";
import { auditService, type Sent } from "./ledger.ts";

/** The service and its load. */
export type TrialWish = Pick<StartOptions, "env" | "launcher"> & {
  requests: Requests;
  /** Bodies that exist already, such as another side's. Default: they are written now. */
  bodiesPath?: string;
};

/** How long a closed loop runs, and what ends it early, with an error. */
export type ClosedExtent = { seconds: number; signal?: AbortSignal };

/** The capacity is measured for two flush intervals, so that the flush is in it; less in a quick look. s */
const capacitySeconds = { usual: 5, quick: 2 };

/** A service that takes longer to seal what it holds is twice as slow as a stop allows. ms */
const settleMsMax = 20_000;

/** A service that is being measured, and the ledger of what it acknowledged. */
export class Trial {
  readonly service: Service;
  readonly requests: Requests;
  /** Warnings about the loads so far. */
  readonly warnings: string[] = [];
  readonly #bench: Bench;
  readonly #bodiesPath: string;
  /** Events. */
  readonly #ledger = { acknowledged: 0, unansweredMax: 0 };
  #openLoops = 0;

  /** The bodies are in the file already. */
  constructor(bench: Bench, given: { service: Service; requests: Requests; bodiesPath: string }) {
    this.#bench = bench;
    this.service = given.service;
    this.requests = given.requests;
    this.#bodiesPath = given.bodiesPath;
  }

  /** Ends everything. */
  get signal(): AbortSignal {
    return this.#bench.signal;
  }

  /** Runs a closed loop. */
  async closedLoop({ seconds, signal }: ClosedExtent): Promise<LoadResult> {
    const bench = { ...this.#bench, signal: this.#signalOr(signal) };
    const { url, token } = this.service;
    const result = await runClosedLoop(bench, this.requests, { url, token, bodiesPath: this.#bodiesPath, seconds });
    this.note(ledgerOf([result], this.requests));
    const { refused, socketErrors } = result;
    if (refused + socketErrors > 0)
      this.warnings.push(`${textOf(this.requests)}: ${refused} requests refused, ${socketErrors} connections broken`);
    return result;
  }

  /** Runs a closed loop as a warm-up; its figures are ignored. */
  async warmUp(signal?: AbortSignal): Promise<void> {
    const seconds = this.#bench.warmUpSeconds;
    if (seconds > 0) await this.closedLoop({ seconds, ...(signal === undefined ? {} : { signal }) });
  }

  /**
   * Measures the capacity of the warm service with a closed loop that is never idle, and returns once the service has
   * settled. Requests a second. The loop has as many connections as the service takes requests at a time: more are
   * refused at once, and wrk sends them again.
   */
  async capacity(): Promise<number> {
    await this.warmUp();
    const seconds = this.#bench.isQuick ? capacitySeconds.quick : capacitySeconds.usual;
    const { requestsPerSecond } = await this.closedLoop({ seconds });
    this.#bench.progress(`  capacity: ${countText(requestsPerSecond * this.requests.eventsPerRequest)} events/s`);
    await this.settle();
    return requestsPerSecond;
  }

  /** Runs a load at a fixed rate and waits for the last answers. `signal` ends it early, with an error. */
  async openLoop(extent: OpenExtent, signal?: AbortSignal): Promise<OpenLoopResult> {
    this.#openLoops += 1;
    const { eventsPerRequest } = this.requests;
    const { url, token } = this.service;
    const bench = { ...this.#bench, signal: this.#signalOr(signal) };
    const result = await runAtRate(
      bench,
      { url, token, requests: this.requests, bodiesPath: this.#bodiesPath },
      // A new seed for each load, so that its clusters come at other times.
      { seed: this.#openLoops, ...extent },
    );
    this.note({
      acknowledged: (result.warmUp.accepted + result.accepted) * eventsPerRequest,
      unansweredMax: (result.warmUp.unansweredMax + result.broken + result.unanswered) * eventsPerRequest,
    });
    this.warnings.push(...result.warnings);
    return result;
  }

  /** Adds events to the ledger that were sent by other code. */
  note({ acknowledged, unansweredMax }: Sent): void {
    this.#ledger.acknowledged += acknowledged;
    this.#ledger.unansweredMax += unansweredMax;
  }

  /** Waits until everything is sealed, so that a load does not pay for the previous one. */
  async settle(): Promise<void> {
    const deadline = performance.now() + settleMsMax;
    while ((await this.service.stats()).eventsPending > 0) {
      this.signal.throwIfAborted();
      if (performance.now() > deadline) {
        this.warnings.push(`not all was sealed ${settleMsMax / 1e3} s after a load: the next one began behind`);
        return;
      }
      await Bun.sleep(100);
    }
  }

  /**
   * Stops the service, counts what it stored, and returns a line for the report.
   * @throws AuditFailed what is stored is not what was acknowledged
   */
  audit(): Promise<string> {
    return auditService(this.service, this.#ledger);
  }

  #signalOr(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.signal : AbortSignal.any([this.signal, signal]);
  }
}

/**
 * Starts a service on an empty folder, lets `work` put loads on it, and audits it.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function auditedTrial<T>(
  bench: Bench,
  { requests, bodiesPath: given, ...start }: TrialWish,
  work: (trial: Trial) => Promise<T>,
): Promise<{ found: T; audit: string; warnings: readonly string[] }> {
  const bodiesPath = given ?? (await writeBodies(requests, bench));
  await using service = await Service.start({ folder: bench.folder, signal: bench.signal, ...start });
  const trial = new Trial(bench, { service, requests, bodiesPath });
  const found = await work(trial).catch(async (error: unknown) => {
    throw await service.explain(error);
  });
  return { found, audit: await trial.audit(), warnings: trial.warnings };
}
