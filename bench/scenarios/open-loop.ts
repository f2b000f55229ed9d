/** Latency at fixed rates: what a client sees who does not wait for the answer of another, at parts of what the service can take. */
import type { Goal, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { acceptedOf, courseLine, figure, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { inRounds } from "../open-loop/rounds.ts";
import { batchForm, type Form, singleForm, type Trial } from "../open-loop/trial.ts";

/** Percent of the capacity: a quiet day, a usual one, a busy one, and the edge. */
const percents = [25, 50, 75, 90];

/** Five flush intervals at each rate: flushes, and merges after them, are in every one. */
const extent = { rounds: 3, seconds: 10, secondsQuick: 3 };

/** At half load a user's page does not notice the first; the second allows for a flush that takes the same core. */
const goals: Goal[] = [
  { side: "millrace", name: "p99 at 50 %", bound: { atMost: 4 } },
  { side: "millrace", name: "p99.9 at 50 %", bound: { atMost: 15 } },
];

/** One event a request. */
export const openLoop: Scenario = {
  name: "open-loop",
  summary: "latency of single events at 25, 50, 75 and 90 percent of capacity, from the intended time",
  run: (bench) => measure(bench, { name: "open-loop", form: singleForm }),
};

/** Batches of 100. */
export const openLoopBatch: Scenario = {
  name: "open-loop-batch",
  summary: "latency of batches of 100 at 25, 50, 75 and 90 percent of capacity, from the intended time",
  run: (bench) => measure(bench, { name: "open-loop-batch", form: batchForm }),
};

async function measure(bench: Bench, { name, form }: { name: string; form: Form }): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, extent);
  const { found, ...told } = await inRounds(bench, { name, rounds, form }, (trial) => oneRound(trial, seconds));
  const { eventsPerRequest } = form;
  const common = { eventsPerRequest, waitsFor: "fsync" } as const;
  const loads = percents.map((percent, index) => ({
    of: `at ${percent} %`,
    results: found.flatMap(({ results }) => results.slice(index, index + 1)),
  }));
  const capacities = found.map(({ perSecond }) => perSecond * eventsPerRequest);
  return {
    scenario: name,
    about:
      `An open loop of ${form.name} (Poisson arrivals, 256 connections) at ${percents.join(", ")} percent of what a closed loop (wrk, ` +
      `${form.capacityConnections} connections) reached just before; ${seconds} s each, ${rounds} rounds. Flush and compaction on. Latency counts from the intended time.`,
    figures: [
      figure(common, { name: "capacity", unit: "events/s", better: "higher", samples: capacities }),
      ...loads.flatMap(({ of, results }) => [
        figure(common, {
          ...{ name: `accepted ${of}`, unit: "events/s", better: "neither" },
          samples: results.map(({ acceptedPerSecond }) => acceptedPerSecond * eventsPerRequest),
        }),
        ...latencyFigures(common, { of, rounds: acceptedOf(results) }),
      ]),
    ],
    goals,
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
    skipped: [],
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
