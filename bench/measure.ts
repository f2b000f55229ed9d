/** One measurement of one side: a server of its own, warmed up, loaded, and, if it keeps events, counted. */

import type { ServiceRun } from "./core/method.ts";
import { type Load, type LoadResult, runWrk } from "./load/wrk.ts";
import type { Scenario } from "./scenarios.ts";
import { AuditFailed, complaintsAbout, countStored } from "./system/audit.ts";
import { watchDuring } from "./system/sampler.ts";
import { Service, startFloor } from "./system/service.ts";

/** What every measurement of a run has in common. */
export interface Bench {
  readonly wrkPath: string;
  /** A folder of this run's own. */
  readonly folder: string;
  readonly warmUpSeconds: number;
  /** Ends everything. */
  readonly signal: AbortSignal;
  /** A new tag for each load, so that no two make the same event id. */
  readonly nextRunTag: () => string;
}

/** The load of one measurement, except where it goes. */
export interface Target {
  readonly scenario: Scenario;
  readonly bodiesPath: string;
}

/** The floor does not look at its token, but has to read a header as long as the service's. */
const floorToken = "x".repeat(160);

/** Measures the floor. */
export async function measureFloor(bench: Bench, target: Target): Promise<LoadResult> {
  await using floor = await startFloor(bench);
  const load = { url: floor.url, token: floorToken };
  await loadOnce(bench, target, { ...load, seconds: bench.warmUpSeconds });
  return await loadOnce(bench, target, { ...load, seconds: target.scenario.seconds });
}

/**
 * Measures the service, then stops it and counts what it stored.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function measureService(bench: Bench, target: Target): Promise<ServiceRun> {
  await using service = await Service.start(bench);
  const { loads, run } = await loadService(bench, target, service).catch(async (error: unknown) => {
    throw await service.explain(error);
  });
  await audit(service, { loads, scenario: target.scenario });
  return run;
}

async function loadService(
  bench: Bench,
  target: Target,
  service: Service,
): Promise<{ loads: readonly LoadResult[]; run: ServiceRun }> {
  const { url, token, pid, readyMs } = service;
  const warmUp = await loadOnce(bench, target, { url, token, seconds: bench.warmUpSeconds });
  const { result: load, course } = await watchDuring(
    (lookFailed) => {
      const signal = AbortSignal.any([bench.signal, lookFailed]);
      return loadOnce({ ...bench, signal }, target, { url, token, seconds: target.scenario.seconds });
    },
    { pid, eventsPending: async () => (await service.stats()).eventsPending },
  );
  return { loads: [warmUp, load], run: { load, course, readyMs } };
}

function loadOnce(bench: Bench, target: Target, to: Pick<Load, "url" | "token" | "seconds">): Promise<LoadResult> {
  const { path, connections } = target.scenario;
  const load = { connections, bodiesPath: target.bodiesPath, runTag: bench.nextRunTag() };
  return runWrk(bench.wrkPath, { ...load, ...to, url: to.url + path }, bench.signal);
}

async function audit(service: Service, done: { loads: readonly LoadResult[]; scenario: Scenario }): Promise<void> {
  const { connections, eventsPerRequest } = done.scenario;
  const sum = (pick: (load: LoadResult) => number) => done.loads.reduce((total, load) => total + pick(load), 0);
  const { totalEvents: counted } = await service.stats();
  await service.stop();
  const complaints = complaintsAbout({
    acknowledged: sum((load) => load.acknowledged) * eventsPerRequest,
    // Each load leaves one request on each of its connections, and one on each connection that broke.
    unansweredMax: sum((load) => connections + load.socketErrors) * eventsPerRequest,
    counted,
    ...(await countStored(service.dataDir)),
  });
  if (complaints.length > 0) throw new AuditFailed(complaints);
}
