/**
 * Latency of batches, as a client sees it that does not wait for other clients' answers, at shares of the capacity.
 */
import { figuresOf, goal } from "../core/figures.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { compilerMissing } from "../load/native.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { batches, textOf } from "../load/requests.ts";
import { acceptedOf, courseLine, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { inTrials } from "../trial/rounds.ts";
import type { Trial } from "../trial/trial.ts";

/** Percent of the capacity: a quiet day, a usual one, a busy one, and the edge. */
const percents = [25, 50, 75, 90];

const requests = batches(64);

/** Batches of 100. */
export const openLoopBatch = scenario({
  name: "open-loop-batch",
  summary: "latency of batches of 100 at 25, 50, 75 and 90 percent of capacity, from the intended time",
  // Five flush intervals at each rate: flushes, and merges after them, are in every one.
  seconds: { own: 10, quick: 3 },
  missing: compilerMissing,
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { rounds, seconds } = run;
  const { found, ...told } = await inTrials(run, { requests }, (trial) => oneRound(trial, seconds));
  const { eventsPerRequest, connections } = requests;
  const common = { eventsPerRequest, waitsFor: "fsync" } as const;
  const loads = percents.map((percent, index) => ({
    of: `at ${percent} %`,
    results: found.flatMap(({ results }) => results.slice(index, index + 1)),
  }));
  return {
    about:
      `An open loop of ${textOf(requests)} (Poisson arrivals, 256 connections) at ${percents.join(", ")} percent of what a closed loop (wrk, ` +
      `${connections} connections) reached just before; ${seconds} s each, ${rounds} rounds. Flush and compaction on. Latency counts from the intended time.`,
    figures: [
      ...figuresOf(common, found, [
        ["capacity", "events/s", "higher", ({ perSecond }) => perSecond * eventsPerRequest],
      ]),
      ...loads.flatMap(({ of, results }) => [
        ...figuresOf(common, results, [
          [`accepted ${of}`, "events/s", "neither", (one) => one.acceptedPerSecond * eventsPerRequest],
        ]),
        ...latencyFigures(common, { of, rounds: acceptedOf(results) }),
      ]),
    ],
    // At half load a user's page does not notice the first; the second allows for a flush that takes the same core.
    goals: [goal("p99 at 50 %", { atMost: 4 }), goal("p99.9 at 50 %", { atMost: 15 })],
    plots: [
      {
        kind: "percentiles",
        title: "Latency from the intended time, by share of capacity",
        lines: loads.map(({ of, results }) => percentileLine(of, acceptedOf(results))),
      },
      {
        kind: "over time",
        title: "p99 of each second, last round",
        unit: "ms",
        lines: loads.flatMap(({ of, results }) => results.slice(-1).map((result) => courseLine(of, result))),
      },
    ],
    ...told,
  };
}

async function oneRound(trial: Trial, seconds: number): Promise<{ perSecond: number; results: OpenLoopResult[] }> {
  const perSecond = await trial.capacity();
  const results: OpenLoopResult[] = [];
  for (const percent of percents) {
    results.push(await trial.openLoop({ perSecond: (perSecond * percent) / 100, seconds }));
    await trial.settle();
  }
  return { perSecond, results };
}
