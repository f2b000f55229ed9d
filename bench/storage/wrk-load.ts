/** Loads that `wrk` puts on the service, and what the audit has to know of them. */
import { join } from "node:path";
import { batchEventsMax } from "../../src/event/schema.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, singleBodies } from "../load/events.ts";
import { findWrk, type LoadResult, runWrk } from "../load/wrk.ts";
import type { Service } from "../system/service.ts";
import type { Sent } from "./ledger.ts";

/** What is sent, and over how many connections. */
export interface LoadKind {
  readonly name: string;
  readonly path: string;
  readonly eventsPerRequest: number;
  readonly connections: number;
}

/** Single events over so many connections. */
export function singles(connections: number): LoadKind {
  return { name: "single events", path: "/api/v1/analytics", eventsPerRequest: 1, connections };
}

/** Full batches over so many connections. */
export function batches(connections: number): LoadKind {
  return { name: "batches", path: "/api/v1/analytics/batch", eventsPerRequest: batchEventsMax, connections };
}

/** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
const bodiesCounts = { single: 1_000, batch: 50 };

/** The loads that one service is given, one after another. */
export class Loader {
  readonly #bench: Bench;
  readonly #service: Service;
  readonly #kind: LoadKind;
  readonly #bodiesPath: string;
  readonly #wrkPath = findWrk();
  readonly #results: LoadResult[] = [];

  private constructor(bench: Bench, service: Service, given: { kind: LoadKind; bodiesPath: string }) {
    this.#bench = bench;
    this.#service = service;
    this.#kind = given.kind;
    this.#bodiesPath = given.bodiesPath;
  }

  /**
   * Writes the bodies.
   * @throws WrkMissing
   */
  static async make(bench: Bench, service: Service, kind: LoadKind): Promise<Loader> {
    const { seed, ids } = bench;
    const options = { seed, ids, nowMs: Date.now() };
    const bodies =
      kind.eventsPerRequest === 1
        ? singleBodies({ ...options, count: bodiesCounts.single })
        : batchBodies({ ...options, count: bodiesCounts.batch });
    const bodiesPath = join(bench.folder, `${bench.nextRunTag()}.ndjson`);
    await Bun.write(bodiesPath, `${bodies.join("\n")}\n`);
    return new Loader(bench, service, { kind, bodiesPath });
  }

  /**
   * Puts the load on for so long.
   * @throws Error it failed; that the service ended, where it did
   */
  async run({ seconds, signal = this.#bench.signal }: { seconds: number; signal?: AbortSignal }): Promise<LoadResult> {
    const { url, token } = this.#service;
    const { path, connections } = this.#kind;
    const to = { url: url + path, token, connections, seconds };
    const load = { ...to, bodiesPath: this.#bodiesPath, runTag: this.#bench.nextRunTag() };
    try {
      const result = await runWrk(this.#wrkPath, load, signal);
      this.#results.push(result);
      return result;
    } catch (error) {
      throw await this.#service.explain(error);
    }
  }

  /** Events a second that a run had acknowledged. */
  eventsPerSecond({ requestsPerSecond }: LoadResult): number {
    return requestsPerSecond * this.#kind.eventsPerRequest;
  }

  /** What all runs sent. Each leaves one request on each of its connections, and one on each connection that broke. */
  get sent(): Sent {
    const { connections, eventsPerRequest } = this.#kind;
    const sum = (pick: (result: LoadResult) => number) => this.#results.reduce((total, each) => total + pick(each), 0);
    return {
      acknowledged: sum(({ acknowledged }) => acknowledged) * eventsPerRequest,
      unansweredMax: sum(({ socketErrors }) => connections + socketErrors) * eventsPerRequest,
    };
  }

  /** What a reader must know: that load was shed. */
  get warnings(): string[] {
    const refused = this.#results.reduce((total, each) => total + each.refused, 0);
    const broken = this.#results.reduce((total, each) => total + each.socketErrors, 0);
    return refused + broken === 0
      ? []
      : [`${this.#kind.name}: ${refused} requests refused, ${broken} connections broken`];
  }
}
