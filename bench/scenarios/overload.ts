/** Twice as much as it can take: what still gets through, how soon the rest is told so, and whether memory holds. */
import { firstAndLast } from "../core/method.ts";
import type { Figure, Goal, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { acceptedOf, courseLine, figure, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { inRounds } from "../open-loop/rounds.ts";
import { batchForm, type Trial } from "../open-loop/trial.ts";
import { type Course, watchDuring } from "../system/sampler.ts";

/** As many times the capacity. */
const excess = 2;

/**
 * More than the service keeps waiting: it refuses past 4 MiB of bodies a shard, 230 batches for two. With fewer connections, clients would
 * wait for each other and the service never see the excess. Single events would take 40,000 connections, so it is batches.
 */
const connections = 2_048;

/** Long enough that memory which grows shows in the last third. */
const extent = { rounds: 3, seconds: 20, secondsQuick: 4 };

/** Shedding may cost a tenth. A client that is refused within 20 ms of sending can go elsewhere without its user's notice. */
const goodputGoal: Goal = { side: "millrace", name: "goodput", bound: { atLeast: 0.9 } };
const refusalGoal: Goal = { side: "millrace", name: "p99 of refusals, from sending", bound: { atMost: 20 } };

type Found = { perSecond: number; result: OpenLoopResult; course: Course };

/** Batches of 100 at twice the capacity. */
export const overload: Scenario = {
  name: "overload",
  summary: "batches at twice the capacity: goodput, latency of refusals, memory",
  run: measure,
};

async function measure(bench: Bench): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, extent);
  const plan = { name: "overload", rounds, form: batchForm };
  const { found, audits, warnings } = await inRounds(bench, plan, (trial) => oneRound(trial, seconds));
  const results = found.map(({ result }) => result);
  const refusals = (from: "fromIntended" | "fromSent") => results.map((result) => result.refusals[from]);
  const wereRefused = results.some((result) => result.unavailable + result.limited > 0);
  if (!wereRefused) warnings.push("nothing was refused: the load was not more than what the service takes");
  return {
    scenario: "overload",
    about:
      `An open loop of ${batchForm.name} (Poisson arrivals, ${connections} connections) at ${excess} times what a closed loop (wrk, ${batchForm.capacityConnections} connections) reached ` +
      `just before; ${seconds} s, ${rounds} rounds. Refusals are 503 and 429. Their goal counts from sending: before it, a request waits for a client's ` +
      "connection, which the service cannot help. The generator takes processor time of the same machine; the closed loop takes less.",
    figures: figuresOf(found),
    goals: wereRefused ? [goodputGoal, refusalGoal] : [goodputGoal],
    plots: [
      {
        kind: "percentiles",
        title: `Latency at ${excess} times the capacity`,
        lines: [
          percentileLine("accepted, from the intended time", acceptedOf(results)),
          percentileLine("refused, from the intended time", refusals("fromIntended")),
          percentileLine("refused, from sending", refusals("fromSent")),
        ].filter(({ points }) => points.length > 0),
      },
      {
        kind: "over time",
        title: "p99 of accepted batches in each second, last round",
        unit: "ms",
        lines: results.slice(-1).map((result) => courseLine("accepted", result)),
      },
      {
        kind: "over time",
        title: "Resident memory, last round",
        unit: "MB",
        lines: found.slice(-1).map(({ course }) => ({
          name: "service",
          points: course.memoryMB.map((memory, second): [number, number] => [second, memory]),
        })),
      },
    ],
    warnings,
    audits,
    skipped: [],
  };
}

function figuresOf(found: readonly Found[]): Figure[] {
  const { eventsPerRequest } = batchForm;
  const common = { eventsPerRequest, waitsFor: "fsync" } as const;
  const refused = { eventsPerRequest, waitsFor: "nothing kept" } as const;
  const samples = (pick: (one: Found) => number) => found.map(pick);
  const memory = (name: string, pick: (course: Course) => number) =>
    figure(common, { name, unit: "MB", better: "lower", samples: samples(({ course }) => pick(course)) });
  const results = found.map(({ result }) => result);
  return [
    figure(common, {
      ...{ name: "capacity", unit: "events/s", better: "higher" },
      samples: samples(({ perSecond }) => perSecond * eventsPerRequest),
    }),
    figure(common, {
      ...{ name: "accepted", unit: "events/s", better: "higher" },
      samples: samples(({ result }) => result.acceptedPerSecond * eventsPerRequest),
    }),
    figure(common, {
      ...{ name: "goodput", unit: "share", better: "higher" },
      samples: samples(({ result, perSecond }) => result.acceptedPerSecond / perSecond),
    }),
    figure(refused, {
      ...{ name: "refused", unit: "share", better: "neither" },
      samples: samples(({ result }) => (result.unavailable + result.limited) / result.sent),
    }),
    ...latencyFigures(common, { of: "of accepted, from intended", rounds: acceptedOf(results) }),
    ...latencyFigures(common, { of: "of accepted, from sending", rounds: results.map((one) => one.accepts.fromSent) }),
    ...latencyFigures(refused, {
      of: "of refusals, from intended",
      rounds: results.map((one) => one.refusals.fromIntended),
    }),
    ...latencyFigures(refused, {
      of: "of refusals, from sending",
      rounds: results.map((one) => one.refusals.fromSent),
    }),
    memory("memory in the first third", ({ memoryMB }) => firstAndLast(memoryMB).first),
    memory("memory in the last third", ({ memoryMB }) => firstAndLast(memoryMB).last),
    memory("memory peak", ({ memoryPeakMB }) => memoryPeakMB),
  ];
}

async function oneRound(trial: Trial, seconds: number): Promise<Found> {
  const perSecond = await trial.capacity();
  const { pid } = trial.service;
  const { result, course } = await watchDuring(
    (lookFailed) => trial.openLoop({ perSecond: perSecond * excess, seconds, connections }, lookFailed),
    { pid, eventsPending: async () => (await trial.service.stats()).eventsPending },
  );
  return { perSecond, result, course };
}
