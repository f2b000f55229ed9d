/** One measurement of one side: a server of its own, warmed up, loaded, and, if it keeps events, counted. */
import type { Bench } from "../core/scenario.ts";
import { type Load, type LoadResult, runWrk } from "../load/wrk.ts";
import { auditService } from "../storage/ledger.ts";
import { type Course, watchDuring } from "../system/sampler.ts";
import { counterIn } from "../system/scrape.ts";
import { Service, startFloor } from "../system/service.ts";
import { type ClosedLoad, pathOf } from "./closed-load.ts";
import { ledgerOf } from "./ledger.ts";

/** A load with all that is needed to put it on a server, except the server. */
export type Target = { load: ClosedLoad; seconds: number; bodiesPath: string; wrkPath: string };

/** What the service showed in one round: its answers, what it took, and what it had kept in the end. */
export type ServiceRun = {
  load: LoadResult;
  course: Course;
  /** At each look of the course: seconds since the start of the load, and all events that were ever acknowledged. */
  looks: { seconds: number; eventsTotal: number }[];
  /** From the start of the process on an empty folder to the first healthy answer. */
  readyMs: number;
  /** Events that the service says it had seen before, warm-up included. */
  duplicates: number;
  /** What was counted, as a line to show. */
  audit: string;
};

/** The floor does not look at its token, but has to read a header as long as the service's. */
const floorToken = "x".repeat(160);

/** Longest wait for the scrape after the load: far more than it takes. */
const scrapeMsMax = 10_000;

/** Measures the floor. */
export async function measureFloor(bench: Bench, target: Target): Promise<LoadResult> {
  await using floor = await startFloor(bench, target.load.encoding ?? "json");
  const to = { url: floor.url, token: floorToken };
  await loadOnce(bench, target, { ...to, seconds: bench.warmUpSeconds });
  return await loadOnce(bench, target, { ...to, seconds: target.seconds });
}

/**
 * Measures the service, then stops it and counts what it stored.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function measureService(bench: Bench, target: Target): Promise<ServiceRun> {
  await using service = await Service.start(bench);
  const { warmUp, ...run } = await loadService(bench, target, service).catch(async (error: unknown) => {
    throw await service.explain(error);
  });
  const { readyMs } = service;
  return { ...run, readyMs, ...(await audit(service, { loads: [warmUp, run.load], load: target.load })) };
}

async function loadService(
  bench: Bench,
  target: Target,
  service: Service,
): Promise<Pick<ServiceRun, "load" | "course" | "looks"> & { warmUp: LoadResult }> {
  const { url, token, pid } = service;
  const warmUp = await loadOnce(bench, target, { url, token, seconds: bench.warmUpSeconds });
  const looks: ServiceRun["looks"] = [];
  const startMs = performance.now();
  const eventsPending = async () => {
    const seconds = (performance.now() - startMs) / 1e3;
    const { totalEvents, eventsPending } = await service.stats();
    looks.push({ seconds, eventsTotal: totalEvents });
    return eventsPending;
  };
  const { result: load, course } = await watchDuring(
    (lookFailed) => {
      const signal = AbortSignal.any([bench.signal, lookFailed]);
      return loadOnce({ ...bench, signal }, target, { url, token, seconds: target.seconds });
    },
    { pid, eventsPending },
  );
  return { warmUp, load, course, looks };
}

function loadOnce(
  bench: Bench,
  { load, bodiesPath, wrkPath }: Target,
  to: Pick<Load, "url" | "token" | "seconds">,
): Promise<LoadResult> {
  const { connections, encoding, repeats } = load;
  const how: Load = {
    ...{ ...to, url: to.url + pathOf(load), connections, bodiesPath, runTag: bench.nextRunTag() },
    ...(encoding === undefined ? {} : { headers: { "Content-Encoding": encoding }, bodiesForm: "hex" }),
    ...(repeats === undefined ? {} : { repeats }),
  };
  return runWrk(wrkPath, how, bench.signal);
}

async function audit(
  service: Service,
  { loads, load }: { loads: readonly LoadResult[]; load: ClosedLoad },
): Promise<Pick<ServiceRun, "duplicates" | "audit">> {
  const answer = await fetch(`${service.url}/metrics`, { signal: AbortSignal.timeout(scrapeMsMax) });
  const duplicates = counterIn(await answer.text(), "millrace_duplicates_total");
  const audit = await auditService(service, ledgerOf(loads, load));
  const again = `, ${duplicates.toLocaleString("en-US")} sent again and not stored again`;
  return { duplicates, audit: load.repeats === undefined ? audit : audit + again };
}
