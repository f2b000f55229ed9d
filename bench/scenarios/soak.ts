/** Whether anything grows in the long run: memory, what waits to be sealed, the number of segments. */
import { firstAndLast, median } from "../core/method.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { auditService } from "../storage/ledger.ts";
import { batches, Loader } from "../storage/wrk-load.ts";
import { type Look, lookDuring } from "../system/looks.ts";
import { readMemory } from "../system/sampler.ts";
import { Service } from "../system/service.ts";

/** About half of what the service can take: it waits for its clients as they wait for it. */
const connections = 8;

const lookEveryMs = 1_000;

/** A leak of a tenth in ten minutes doubles memory in two hours. Behind: two flush intervals of 2 s, and one second. */
const limits = { memoryGrowth: 1.1, behindSeconds: 5 };

/** Ten minutes of batches at about half of the service's capacity. */
export const soak: Scenario = {
  name: "soak",
  summary: "ten minutes of batches: what grows; only when it is asked for",
  run,
};

/** The service at one time. */
interface Seen {
  readonly memoryMB: number;
  readonly totalEvents: number;
  readonly eventsPending: number;
  readonly behindSeconds: number;
  readonly segments: number;
}

async function run(bench: Bench): Promise<ScenarioResult> {
  // One round: what it is about is its length.
  const { seconds } = extentOf(bench, { rounds: 1, seconds: 600, secondsQuick: 20 });
  bench.progress(`soak: ${seconds} s of batches`);
  await using service = await Service.start(bench);
  const loader = await Loader.make(bench, service, batches(connections));
  await loader.run({ seconds: bench.warmUpSeconds });
  const { result: load, looks } = await lookDuring(
    (lookFailed) => loader.run({ seconds, signal: AbortSignal.any([bench.signal, lookFailed]) }),
    { everyMs: lookEveryMs, look: () => see(service) },
  );
  const audit = await auditService(service, loader.sent);
  return {
    scenario: soak.name,
    about: `Batches of 100 over ${connections} connections for ${seconds} s after ${bench.warmUpSeconds} s of warm-up, looked at every second. Behind: the age of the oldest event that is not sealed.`,
    figures: figuresOf(looks, loader.eventsPerSecond(load)),
    goals: [
      { side: "millrace", name: "memory, last third over first third", bound: { atMost: limits.memoryGrowth } },
      { side: "millrace", name: "behind, most", bound: { atMost: limits.behindSeconds } },
    ],
    plots: plotsOf(looks),
    warnings: loader.warnings,
    audits: [audit],
    skipped: [],
  };
}

async function see(service: Service): Promise<Seen> {
  const [stats, metrics] = await Promise.all([service.stats(), service.metrics()]);
  return {
    memoryMB: readMemory(service.pid).nowMB,
    totalEvents: stats.totalEvents,
    eventsPending: stats.eventsPending,
    behindSeconds: metrics("millrace_oldest_unsealed_seconds"),
    segments: metrics('millrace_segments{shard="all"}'),
  };
}

function figuresOf(looks: readonly Look<Seen>[], eventsPerSecond: number): Figure[] {
  const over = (pick: (seen: Seen) => number) => looks.map(({ found }) => pick(found));
  const growth = (values: readonly number[]) => {
    const { first, last } = firstAndLast(values);
    return last / first;
  };
  const shared = { side: "millrace", eventsPerRequest: undefined, waitsFor: undefined, better: "lower" } as const;
  const memoryMB = over((seen) => seen.memoryMB);
  const behind = over((seen) => seen.behindSeconds);
  const rates = ratesOf(looks).map(([, rate]) => rate);
  return [
    {
      ...{ side: "millrace", name: "batches", unit: "events/s", better: "higher", samples: [eventsPerSecond] },
      ...{ eventsPerRequest: 100, waitsFor: "fsync" },
    },
    {
      ...shared,
      name: "events/s, last third over first third",
      unit: "share",
      better: "higher",
      samples: [growth(rates)],
    },
    { ...shared, name: "memory, last third over first third", unit: "share", samples: [growth(memoryMB)] },
    { ...shared, name: "memory, most", unit: "MB", samples: [Math.max(...memoryMB)] },
    { ...shared, name: "behind, median", unit: "s", samples: [median(behind)] },
    { ...shared, name: "behind, most", unit: "s", samples: [Math.max(...behind)] },
    { ...shared, name: "segments, most", unit: "count", samples: [Math.max(...over(({ segments }) => segments))] },
  ];
}

/** Acknowledged events a second between each look and the one before it; seconds, then the rate. */
function ratesOf(looks: readonly Look<Seen>[]): [number, number][] {
  return looks.slice(1).map((look, place): [number, number] => {
    const before = looks[place];
    if (before === undefined) return [look.seconds, Number.NaN];
    const events = look.found.totalEvents - before.found.totalEvents;
    return [look.seconds, events / (look.seconds - before.seconds)];
  });
}

function plotsOf(looks: readonly Look<Seen>[]): Plot[] {
  const plot = (title: string, unit: string, points: [number, number][]): Plot => {
    return { kind: "over time", title, unit, lines: [{ name: "millrace", points }] };
  };
  const over = (pick: (seen: Seen) => number) =>
    looks.map(({ seconds, found }): [number, number] => [seconds, pick(found)]);
  return [
    plot("Events acknowledged", "events/s", ratesOf(looks)),
    plot(
      "Resident memory",
      "MB",
      over(({ memoryMB }) => memoryMB),
    ),
    plot(
      "Events that wait to be sealed",
      "events",
      over(({ eventsPending }) => eventsPending),
    ),
    plot(
      "Segments",
      "count",
      over(({ segments }) => segments),
    ),
  ];
}
