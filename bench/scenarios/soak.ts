/** Whether anything grows in the long run: memory, what waits to be sealed, the number of segments. */
import { type FigureRow, figuresOf, goal } from "../core/figures.ts";
import { firstAndLast, median } from "../core/method.ts";
import type { Plot } from "../core/result.ts";
import { scenario } from "../core/scenario.ts";
import { batches } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { type Look, lookDuring } from "../system/looks.ts";
import { readMemory } from "../system/sampler.ts";
import type { Service } from "../system/service.ts";
import { inTrials } from "../trial/rounds.ts";

/** About half of the capacity: the service waits for its clients as they wait for it. */
const connections = 8;

const lookEveryMs = 1_000;

/**
 * A leak of a tenth in ten minutes doubles memory in two hours. Behind: two flush intervals of 2 s, and one second. The
 * p99 of 20 s varies by a tenth or two by itself.
 */
const limits = { memoryGrowth: 1.1, behindSeconds: 5, rateLeast: 0.9, p99Growth: 1.25 };

/** `wrk` tells latencies at its end, so that the load is many short ones, one right after another. s */
const sliceSeconds = { own: 20, quick: 2 };

const growthName = "memory, last third over first third";
const rateName = "events/s, last third over first third";
const p99Name = "p99, last third over first third";

/** Ten minutes of batches at about half of the service's capacity. */
export const soak = scenario({
  name: "soak",
  summary: "ten minutes of batches: what grows; only when it is asked for",
  // What it is about is its length.
  rounds: { own: 1, quick: 1 },
  seconds: { own: 600, quick: 20 },
  measure: async (run) => {
    const { seconds } = run;
    const requests = batches(connections);
    const slice = run.isQuick ? sliceSeconds.quick : sliceSeconds.own;
    const { found, ...told } = await inTrials(run, { requests }, async (trial) => {
      await trial.warmUp();
      const { result: loads, looks } = await lookDuring(
        async (signal) => {
          const loads: LoadResult[] = [];
          for (let left = seconds; left > 0; left -= slice)
            loads.push(await trial.closedLoop({ seconds: Math.min(left, slice), signal }));
          return loads;
        },
        { everyMs: lookEveryMs, look: () => see(trial.service) },
      );
      const acknowledged = loads.reduce((sum, load) => sum + load.acknowledged, 0) * requests.eventsPerRequest;
      const loaded = loads.reduce((sum, load) => sum + load.seconds, 0);
      return { eventsPerSecond: acknowledged / loaded, p99Ms: loads.map(({ p99Ms }) => p99Ms), looks };
    });
    return {
      about: `Batches of 100 over ${connections} connections for ${seconds} s after ${run.warmUpSeconds} s of warm-up, in loads of ${slice} s, looked at every second. Memory is of all its processes together, what they share counted once. Behind: the age of the oldest event that is not sealed.`,
      figures: [
        ...figuresOf({ eventsPerRequest: requests.eventsPerRequest, waitsFor: "fsync" }, found, [
          ["batches", "events/s", "higher", ({ eventsPerSecond }) => eventsPerSecond],
          ["p99", "ms", "lower", ({ p99Ms }) => median(p99Ms)],
          [p99Name, "share", "lower", ({ p99Ms }) => growthOf(p99Ms)],
        ]),
        ...figuresOf(
          {},
          found.map(({ looks }) => looks),
          rows,
        ),
      ],
      goals: [
        goal(growthName, { atMost: limits.memoryGrowth }),
        goal("behind, most", { atMost: limits.behindSeconds }),
        goal(rateName, { atLeast: limits.rateLeast }),
        goal(p99Name, { atMost: limits.p99Growth }),
      ],
      plots: found.slice(-1).flatMap(({ looks, p99Ms }) => [
        ...plotsOf(looks),
        plotOf(
          "p99 of batches",
          "ms",
          p99Ms.map((ms, nth): [number, number] => [(nth + 1) * slice, ms]),
        ),
      ]),
      ...told,
    };
  },
});

/** The service at one time. */
type Seen = Awaited<ReturnType<typeof see>>;

async function see(service: Service) {
  const [stats, metrics] = await Promise.all([service.stats(), service.metrics()]);
  return {
    memoryMB: readMemory(service.pid).nowMB,
    ...stats,
    behindSeconds: metrics("millrace_oldest_unsealed_seconds"),
    segments: metrics('millrace_segments{shard="all"}'),
  };
}

type Looks = readonly Look<Seen>[];

const valuesOf = (looks: Looks, name: keyof Seen) => looks.map(({ found }) => found[name]);

function growthOf(values: readonly number[]): number {
  const { first, last } = firstAndLast(values);
  return last / first;
}

const rows: FigureRow<Looks>[] = [
  [rateName, "share", "higher", (looks) => growthOf(ratesOf(looks).map(([, rate]) => rate))],
  [growthName, "share", "lower", (looks) => growthOf(valuesOf(looks, "memoryMB"))],
  ["memory, most", "MB", "lower", (looks) => Math.max(...valuesOf(looks, "memoryMB"))],
  ["behind, median", "s", "lower", (looks) => median(valuesOf(looks, "behindSeconds"))],
  ["behind, most", "s", "lower", (looks) => Math.max(...valuesOf(looks, "behindSeconds"))],
  ["segments, most", "count", "lower", (looks) => Math.max(...valuesOf(looks, "segments"))],
];

/** Acknowledged events a second between each look and the one before it; seconds, then the rate. */
function ratesOf(looks: Looks): [number, number][] {
  return looks.slice(1).map((look, place): [number, number] => {
    const before = looks[place];
    if (before === undefined) return [look.seconds, Number.NaN];
    const events = look.found.totalEvents - before.found.totalEvents;
    return [look.seconds, events / (look.seconds - before.seconds)];
  });
}

function plotOf(title: string, unit: string, points: [number, number][]): Plot {
  return { kind: "over time", title, unit, lines: [{ name: "millrace", points }] };
}

function plotsOf(looks: Looks): Plot[] {
  const over = (name: keyof Seen) => looks.map(({ seconds, found }): [number, number] => [seconds, found[name]]);
  return [
    plotOf("Events acknowledged", "events/s", ratesOf(looks)),
    plotOf("Resident memory", "MB", over("memoryMB")),
    plotOf("Events that wait to be sealed", "events", over("eventsPending")),
    plotOf("Segments", "count", over("segments")),
  ];
}
