/** What is compared in rounds: the service, and whatever takes the same events or does a part of the same work. */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { batchEventsMax } from "../../src/event/schema.ts";
import type { WaitsFor } from "../core/result.ts";
import type { Bench } from "../core/scenario.ts";
import { batchBodies, singleBodies } from "../load/events.ts";
import { findWrk, type LoadResult, runWrk } from "../load/wrk.ts";
import { auditService } from "../storage/ledger.ts";
import { Service, startFloor } from "../system/service.ts";
import type { Form, Peer } from "./peer.ts";

/** What one side showed in one round. */
export type Measured = {
  eventsPerSecond: number;
  /** 99 of 100 requests took at most this long; undefined where there are no requests. ms */
  p99Ms: number | undefined;
  /** Of a foreign program and of what it is made of. */
  version: string | undefined;
  /** What was counted afterwards; undefined for a side that keeps nothing. */
  audit: string | undefined;
  warnings: string[];
};

/** One side. */
export type Side = { name: string; waitsFor: WaitsFor; measure(order: Order): Promise<Measured> };

/** What a side is asked to do in a round. */
export type Order = { form: Form; bodiesPath: string; seconds: number };

/** Requests in flight on every side: what the closed loop uses, and enough that no server waits for the load. */
export const connections = 64;

/** Enough that they do not all fit a processor's inner caches, few enough that making them takes no time. */
const bodiesCount: Record<Form, number> = { single: 1_000, batch: 50 };

/** Where the service and the floor take them. */
const paths: Record<Form, string> = { single: "/api/v1/analytics", batch: "/api/v1/analytics/batch" };

/** The floor does not look at its token, but has to read a header as long as the service's. */
const floorToken = "x".repeat(160);

/** Events in each request. */
export function eventsPerRequest(form: Form): number {
  return form === "single" ? 1 : batchEventsMax;
}

/** Writes the bodies of all sides, one a line, into the run's folder. */
export async function writeBodies(bench: Bench, form: Form): Promise<string> {
  const options = { seed: bench.seed, nowMs: Date.now(), ids: bench.ids, count: bodiesCount[form] };
  const bodies = form === "single" ? singleBodies(options) : batchBodies(options);
  const path = join(bench.folder, `sides-${form}.ndjson`);
  await Bun.write(path, `${bodies.join("\n")}\n`);
  return path;
}

/**
 * Who is measured in a round, counted from 0, and in which order. It turns round from one to the next, so that nobody always
 * meets the warmer machine.
 */
export function inTurn<T>(sides: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}

/** The service as it is shipped. A round that its audit fails throws AuditFailed. */
export function millraceSide(bench: Bench): Side {
  return {
    name: "millrace",
    waitsFor: "fsync",
    measure: async (order) => {
      await using service = await Service.start(bench);
      const { url, token } = service;
      const loads = await loadTwice(bench, order, { url, token }).catch(async (error: unknown) => {
        throw await service.explain(error);
      });
      const audit = `millrace: ${await auditService(service, sent(loads, order.form))}`;
      return { ...measuredOf(loads, { name: "millrace", form: order.form }), audit };
    },
  };
}

/** The server that only parses and answers. */
export function jsonServerSide(bench: Bench): Side {
  return {
    name: "json-server",
    waitsFor: "nothing kept",
    measure: async (order) => {
      await using floor = await startFloor(bench);
      const loads = await loadTwice(bench, order, { url: floor.url, token: floorToken });
      return { ...measuredOf(loads, { name: "json-server", form: order.form }), audit: undefined };
    },
  };
}

/**
 * A peer whose program is there. What it stored is compared with what it acknowledged; where that does not add up, or
 * cannot be told, it is a warning, since it is not this project that is on trial.
 */
export function peerSide(bench: Bench, { peer, probed }: { peer: Peer; probed: string }): Side {
  return {
    name: peer.name,
    waitsFor: peer.waitsFor,
    measure: async (order) => {
      const folder = await mkdtemp(join(bench.folder, "peer-"));
      await using ending = new AsyncDisposableStack();
      ending.defer(() => rm(folder, { recursive: true, force: true }));
      // A database that does not run as root has to pass through here to a folder of its own.
      await chmod(bench.folder, 0o711);
      const running = ending.use(await peer.start({ folder, signal: bench.signal, wrkPath: findWrk(), probed }));
      const { form, bodiesPath } = order;
      const load = (seconds: number) =>
        running.load({ form, bodiesPath, connections, seconds, runTag: bench.nextRunTag() });
      const loads = [await load(bench.warmUpSeconds), await load(order.seconds)];
      const stored = await running.count({ eventsPerRequest: eventsPerRequest(form) });
      const told = compare(peer.name, { ...sent(loads, form), stored });
      const measured = measuredOf(loads, { name: peer.name, form });
      const { version } = running;
      return { ...measured, version, audit: told.audit, warnings: [...measured.warnings, ...told.warnings] };
    },
  };
}

/** What a peer stored against what it acknowledged. Events. */
export function compare(
  name: string,
  { acknowledged, unansweredMax, stored }: { acknowledged: number; unansweredMax: number; stored: number },
): { audit: string; warnings: string[] } {
  const warnings: string[] = [];
  if (stored < acknowledged) {
    warnings.push(`${name} lost ${whole(acknowledged - stored)} of ${whole(acknowledged)} events that it acknowledged`);
  }
  if (stored > acknowledged + unansweredMax) {
    warnings.push(
      `${name} stored ${whole(stored)} events where ${whole(acknowledged + unansweredMax)} at most were sent`,
    );
  }
  return { audit: `${name}: ${whole(acknowledged)} events acknowledged, ${whole(stored)} stored`, warnings };
}

async function loadTwice(
  bench: Bench,
  { form, bodiesPath, seconds }: Order,
  { url, token }: { url: string; token: string },
): Promise<LoadResult[]> {
  const load = (seconds: number) => {
    const runTag = bench.nextRunTag();
    return runWrk(findWrk(), { url: url + paths[form], token, connections, bodiesPath, seconds, runTag }, bench.signal);
  };
  return [await load(bench.warmUpSeconds), await load(seconds)];
}

/** What the clients of all loads know. Each load leaves a request on each connection, and one on each that broke. Events. */
function sent(loads: readonly LoadResult[], form: Form): { acknowledged: number; unansweredMax: number } {
  const sum = (pick: (load: LoadResult) => number) => loads.reduce((total, load) => total + pick(load), 0);
  return {
    acknowledged: sum((load) => load.acknowledged) * eventsPerRequest(form),
    unansweredMax: sum((load) => connections + load.socketErrors) * eventsPerRequest(form),
  };
}

/** The last load is the one that is measured. */
function measuredOf(
  loads: readonly LoadResult[],
  { name, form }: { name: string; form: Form },
): Omit<Measured, "audit"> {
  const load = loads.at(-1);
  if (load === undefined) throw new Error("a side is loaded at least once");
  const { refused, socketErrors, timeouts } = load;
  const amiss = Object.entries({ refused, "on broken connections": socketErrors, "past 10 s": timeouts })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${name}: ${whole(count)} requests ${what}`);
  return {
    eventsPerSecond: load.requestsPerSecond * eventsPerRequest(form),
    p99Ms: load.p99Ms,
    version: undefined,
    warnings: amiss,
  };
}

function whole(count: number): string {
  return count.toLocaleString("en", { maximumFractionDigits: 0 });
}
