/** One measurement of the service under a closed loop: warmed up, loaded, looked at, and counted. */

import { countText } from "../core/figures.ts";
import type { Bench } from "../core/scenario.ts";
import type { Requests } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { type Course, watchDuring } from "../system/sampler.ts";
import { auditedTrial, type Trial } from "../trial/trial.ts";

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

/**
 * Measures the service, then stops it and counts what it stored.
 * @throws AuditFailed it stored something else than it acknowledged
 */
export async function measureService(
  bench: Bench,
  requests: Requests,
  { bodiesPath, seconds }: { bodiesPath: string; seconds: number },
): Promise<ServiceRun> {
  const { found, audit } = await auditedTrial(bench, { requests, bodiesPath }, async (trial) => {
    await trial.warmUp();
    const watched = await watchLoad(trial, seconds);
    const metric = await trial.service.metrics();
    return { ...watched, duplicates: metric("millrace_duplicates_total"), readyMs: trial.service.readyMs };
  });
  const again = `, ${countText(found.duplicates)} sent again and not stored again`;
  return { ...found, audit: requests.repeats === undefined ? audit : audit + again };
}

async function watchLoad(trial: Trial, seconds: number): Promise<Pick<ServiceRun, "load" | "course" | "looks">> {
  const looks: ServiceRun["looks"] = [];
  const startMs = performance.now();
  const eventsPending = async () => {
    const seconds = (performance.now() - startMs) / 1e3;
    const { totalEvents, eventsPending } = await trial.service.stats();
    looks.push({ seconds, eventsTotal: totalEvents });
    return eventsPending;
  };
  const { result: load, course } = await watchDuring((signal) => trial.closedLoop({ seconds, signal }), {
    pid: trial.service.pid,
    eventsPending,
  });
  return { load, course, looks };
}
