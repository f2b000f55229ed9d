/** Twice the capacity: how much still gets through, how soon the rest is refused, and whether memory stays bounded. */
import { figuresOf, goal } from "../core/figures.ts";
import { firstAndLast } from "../core/method.ts";
import type { Figure } from "../core/result.ts";
import { type Findings, type ScenarioRun, scenario } from "../core/scenario.ts";
import { compilerMissing } from "../load/native.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { batches, textOf } from "../load/requests.ts";
import { acceptedOf, courseLine, latencyFigures, percentileLine } from "../open-loop/figures.ts";
import { type Course, watchDuring } from "../system/sampler.ts";
import { inTrials } from "../trial/rounds.ts";
import type { Trial } from "../trial/trial.ts";

/** Multiple of the capacity. */
const excess = 2;

/**
 * More requests than the service queues: it refuses past 4 MiB of bodies a shard, 230 batches for two shards. With
 * fewer connections, clients would wait for each other and the service would never see the excess. Single events would
 * need 40,000 connections, so the load is batches.
 */
const connections = 2_048;

const requests = batches(64);

/**
 * Shedding may cost a tenth. A client that is refused within 20 ms of sending can go elsewhere without its user's
 * notice.
 */
const goodputGoal = goal("goodput", { atLeast: 0.9 });
const refusalGoal = goal("p99 of refusals, from sending", { atMost: 20 });

type Found = { perSecond: number; result: OpenLoopResult; course: Course };

/** Batches of 100 at twice the capacity. */
export const overload = scenario({
  name: "overload",
  missing: compilerMissing,
  summary: "batches at twice the capacity: goodput, latency of refusals, memory",
  // Long enough that memory which grows shows in the last third.
  seconds: { own: 20, quick: 4 },
  measure,
});

async function measure(run: ScenarioRun): Promise<Findings> {
  const { found, audits, warnings } = await inTrials(run, { requests }, (trial) => oneRound(trial, run.seconds));
  const results = found.map(({ result }) => result);
  const refusals = (from: "fromIntended" | "fromSent") => results.map((result) => result.refusals[from]);
  const wereRefused = results.some((result) => result.unavailable + result.limited > 0);
  if (!wereRefused) warnings.push("nothing was refused: the load was not more than what the service takes");
  return {
    about:
      `An open loop of ${textOf(requests)} (Poisson arrivals, ${connections} connections) at ${excess} times what a closed loop (wrk, ${requests.connections} connections) reached ` +
      `just before; ${run.seconds} s, ${run.rounds} rounds. Refusals are 503 and 429. Their goal counts from sending: before it, a request waits for a client's ` +
      "connection, which the service cannot help. The generator takes processor time of the same machine.",
    figures: figuresOfRounds(found),
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
  };
}

function figuresOfRounds(found: readonly Found[]): Figure[] {
  const { eventsPerRequest } = requests;
  const accepted = { eventsPerRequest, waitsFor: "fsync" } as const;
  const refused = { eventsPerRequest, waitsFor: "nothing kept" } as const;
  const results = found.map(({ result }) => result);
  const accepts = results.map((result) => result.accepts.fromSent);
  const refusals = (from: "fromIntended" | "fromSent") => results.map((result) => result.refusals[from]);
  return [
    ...figuresOf(accepted, found, [
      ["capacity", "events/s", "higher", ({ perSecond }) => perSecond * eventsPerRequest],
      ["accepted", "events/s", "higher", ({ result }) => result.acceptedPerSecond * eventsPerRequest],
      ["goodput", "share", "higher", ({ result, perSecond }) => result.acceptedPerSecond / perSecond],
    ]),
    ...figuresOf(refused, results, [
      ["refused", "share", "neither", ({ unavailable, limited, sent }) => (unavailable + limited) / sent],
    ]),
    ...latencyFigures(accepted, { of: "of accepted, from intended", rounds: acceptedOf(results) }),
    ...latencyFigures(accepted, { of: "of accepted, from sending", rounds: accepts }),
    ...latencyFigures(refused, { of: "of refusals, from intended", rounds: refusals("fromIntended") }),
    ...latencyFigures(refused, { of: "of refusals, from sending", rounds: refusals("fromSent") }),
    ...figuresOf(accepted, found, [
      ["memory in the first third", "MB", "lower", ({ course }) => firstAndLast(course.memoryMB).first],
      ["memory in the last third", "MB", "lower", ({ course }) => firstAndLast(course.memoryMB).last],
      ["memory peak", "MB", "lower", ({ course }) => course.memoryPeakMB],
    ]),
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
