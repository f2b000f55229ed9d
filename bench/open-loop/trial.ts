/** One service under loads, from its start to its audit: all that was acknowledged on the way is looked for at the end. */
import { join } from "node:path";
import { batchEventsMax } from "../../src/event/schema.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, singleBodies } from "../load/events.ts";
import { type OpenLoopResult, runOpenLoop } from "../load/open-loop.ts";
import { findWrk, runWrk } from "../load/wrk.ts";
import { auditService } from "../storage/ledger.ts";
import { Service } from "../system/service.ts";

/** What requests look like. */
export type Form = {
  /** For sentences: "single events". */
  name: string;
  path: string;
  eventsPerRequest: number;
  bodies: typeof singleBodies;
  /** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
  bodiesCount: number;
  /** Of the closed loop that finds the capacity: all that the service takes at a time. More is refused at once, and wrk sends it again and again. */
  capacityConnections: number;
};

/** One event a request. */
export const singleForm: Form = {
  name: "single events",
  path: "/api/v1/analytics",
  eventsPerRequest: 1,
  bodies: singleBodies,
  bodiesCount: 1_000,
  capacityConnections: 256,
};

/** As many events a request as may be. */
export const batchForm: Form = {
  name: `batches of ${batchEventsMax}`,
  path: "/api/v1/analytics/batch",
  eventsPerRequest: batchEventsMax,
  bodies: batchBodies,
  bodiesCount: 50,
  capacityConnections: 64,
};

/** What a fixed rate is put on with. */
export type OpenExtent = { perSecond: number; seconds: number; connections?: number };

/** Enough that at any rate below capacity one is free, as long as answers come within a few milliseconds. */
const connectionsUsual = 256;

/** The closed loop is measured as long: two flush intervals, so that the flush is in it; less in a quick look. s */
const capacitySeconds = { usual: 5, quick: 2 };

/** A service that takes longer to seal what it holds is twice as slow as it may be when stopped. ms */
const settleMsMax = 20_000;

/** A service that is being measured, and the ledger of what it acknowledged. */
export class Trial {
  readonly service: Service;
  readonly form: Form;
  /** What a reader must know of the loads so far. */
  readonly warnings: string[] = [];
  readonly #bench: Bench;
  readonly #bodiesPath: string;
  /** Events. */
  readonly #ledger = { acknowledged: 0, unansweredMax: 0 };
  #loads = 0;

  /** The bodies are in the file already. */
  constructor(bench: Bench, { service, form, bodiesPath }: { service: Service; form: Form; bodiesPath: string }) {
    this.#bench = bench;
    this.service = service;
    this.form = form;
    this.#bodiesPath = bodiesPath;
  }

  /** Ends everything. */
  get signal(): AbortSignal {
    return this.#bench.signal;
  }

  /** What it takes at most, by a closed loop that is never idle, once it is warm. Returns when it has settled. Requests a second. */
  async capacity(): Promise<number> {
    const seconds = this.#bench.isQuick ? capacitySeconds.quick : capacitySeconds.usual;
    if (this.#bench.warmUpSeconds > 0) await this.#closedLoop(this.#bench.warmUpSeconds);
    const perSecond = await this.#closedLoop(seconds);
    this.#bench.progress(`  capacity: ${whole(perSecond * this.form.eventsPerRequest)} events/s`);
    await this.settle();
    return perSecond;
  }

  /** Puts a fixed rate on it, and waits for the last answers. `signal` ends it early, with an error. */
  async openLoop({ perSecond, seconds, connections }: OpenExtent, signal?: AbortSignal): Promise<OpenLoopResult> {
    this.#loads += 1;
    const load = {
      ...this.#target(),
      ...{ perSecond, seconds, connections: connections ?? connectionsUsual },
      // Another for each load: their clusters fall on other times.
      seed: this.#bench.seed * 1_000 + this.#loads,
    };
    this.#bench.progress(`  ${whole(perSecond * this.form.eventsPerRequest)} events/s for ${seconds} s`);
    const ends = signal === undefined ? this.#bench.signal : AbortSignal.any([this.#bench.signal, signal]);
    const result = await runOpenLoop(load, ends);
    const { eventsPerRequest } = this.form;
    this.note({
      acknowledged: result.accepted * eventsPerRequest,
      unansweredMax: (result.broken + result.unanswered) * eventsPerRequest,
    });
    this.warnings.push(...result.warnings);
    return result;
  }

  /** Adds events that somebody else sent to the ledger. */
  note({ acknowledged, unansweredMax }: { acknowledged: number; unansweredMax: number }): void {
    this.#ledger.acknowledged += acknowledged;
    this.#ledger.unansweredMax += unansweredMax;
  }

  /** Waits until all is sealed, so that a load does not pay for the one before it. */
  async settle(): Promise<void> {
    const deadline = performance.now() + settleMsMax;
    while ((await this.service.stats()).eventsPending > 0) {
      this.#bench.signal.throwIfAborted();
      if (performance.now() > deadline) {
        this.warnings.push(`not all was sealed ${settleMsMax / 1e3} s after a load: the next one began behind`);
        return;
      }
      await Bun.sleep(100);
    }
  }

  /**
   * Stops the service and counts what it stored; in one line for the report.
   * @throws AuditFailed it is not what was acknowledged
   */
  async audit(): Promise<string> {
    return await auditService(this.service, this.#ledger);
  }

  async #closedLoop(seconds: number): Promise<number> {
    const { eventsPerRequest } = this.form;
    const connections = this.form.capacityConnections;
    const load = { ...this.#target(), connections, seconds };
    const result = await runWrk(findWrk(), load, this.#bench.signal);
    this.note({
      acknowledged: result.acknowledged * eventsPerRequest,
      // It leaves one request on each of its connections, and one on each connection that broke.
      unansweredMax: (connections + result.socketErrors) * eventsPerRequest,
    });
    return result.requestsPerSecond;
  }

  #target(): { url: string; token: string; bodiesPath: string; runTag: string } {
    const { url, token } = this.service;
    return { url: url + this.form.path, token, bodiesPath: this.#bodiesPath, runTag: this.#bench.nextRunTag() };
  }
}

/**
 * Starts a service on an empty folder, lets `work` put loads on it, and audits it.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function auditedTrial<T>(
  bench: Bench,
  form: Form,
  work: (trial: Trial) => Promise<T>,
): Promise<{ found: T; audit: string; warnings: readonly string[] }> {
  const { seed, ids, folder } = bench;
  const bodies = form.bodies({ seed, ids, nowMs: Date.now(), count: form.bodiesCount });
  const bodiesPath = join(folder, `bodies-${form.eventsPerRequest}.ndjson`);
  await Bun.write(bodiesPath, `${bodies.join("\n")}\n`);
  await using service = await Service.start({ folder, signal: bench.signal });
  const trial = new Trial(bench, { service, form, bodiesPath });
  const found = await work(trial).catch(async (error: unknown) => {
    throw await service.explain(error);
  });
  return { found, audit: await trial.audit(), warnings: trial.warnings };
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
