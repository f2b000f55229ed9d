/** The service beside the floor at fixed rates, in turn, both warm: what the scenario of that family shows. */
import { type Common, type FigureRow, figuresOf, goal } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import type { Figure, Goal, Plot } from "../core/result.ts";
import type { ScenarioRun } from "../core/scenario.ts";
import { type OpenExtent, runAtRate } from "../load/fixed-rate.ts";
import { atPercentile } from "../load/latency.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { singles } from "../load/requests.ts";
import { startFloor } from "../system/service.ts";
import { floorToken } from "../trial/floor.ts";
import type { Trial } from "../trial/trial.ts";
import { acceptedOf, courseLine, latencyFigures, percentileLine } from "./figures.ts";

/** A rate and what the service may take there beyond the floor. */
export type Rate = {
  perSecond: number;
  /** Most of p50 above the floor's. ms */
  p50Ms: number;
  /** Most of p99 above this many times the floor's, ms. */
  p99: { times: number; ms: number };
};

/** What the scenario is asked to reach. */
export const rates: readonly Rate[] = [
  { perSecond: 1_000, p50Ms: 0.5, p99: { times: 1.5, ms: 2 } },
  { perSecond: 5_000, p50Ms: 0.5, p99: { times: 1.5, ms: 2 } },
  { perSecond: 10_000, p50Ms: 0.6, p99: { times: 2, ms: 2 } },
  { perSecond: 20_000, p50Ms: 1, p99: { times: 2, ms: 3 } },
];

/** Both sides at one rate in one round. */
export type Pair = { floor: OpenLoopResult; service: OpenLoopResult };

/** One event a request, over as many connections as an open loop usually has. */
export const requests = singles(256);

/** The warm-up of a process, once, and then of each rate: connections are new, and the rate is another. */
export type WarmUp = { perSecond: number; seconds: number; eachRateSeconds: number };

/** One round: both processes warmed up, then each rate on both in turn, in the order of `rates`. */
export async function oneRound(
  run: ScenarioRun,
  { trial, bodiesPath, warmUp, round }: { trial: Trial; bodiesPath: string; warmUp: WarmUp; round: number },
): Promise<Pair[]> {
  await using floor = await startFloor(run);
  const target = { url: floor.url, token: floorToken, requests, bodiesPath };
  const load = async (side: "floor" | "service", extent: OpenExtent) => {
    run.progress(`  ${side}`);
    if (side === "floor") return await runAtRate(run, target, extent);
    const result = await trial.openLoop(extent);
    await trial.settle();
    return result;
  };
  const { perSecond, seconds, eachRateSeconds: warmUpSeconds } = warmUp;
  for (const side of ["floor", "service"] as const) await load(side, { perSecond, seconds });
  const pairs: Pair[] = [];
  for (const [nth, rate] of rates.entries()) {
    // The same times for both, and others for each rate and round.
    const seed = round * rates.length + nth + 1;
    const extent = { perSecond: rate.perSecond, seconds: run.seconds, warmUpSeconds, seed };
    const pair: Partial<Pair> = {};
    for (const side of inTurn(["floor", "service"] as const, round)) pair[side] = await load(side, extent);
    if (pair.floor === undefined || pair.service === undefined) throw new Error("a round measures both sides");
    pairs.push({ floor: pair.floor, service: pair.service });
  }
  return pairs;
}

const textOfRate = ({ perSecond }: Rate) => `at ${perSecond.toLocaleString("en-US")}/s`;
const p50Name = (rate: Rate) => `p50 ${textOfRate(rate)}, above the floor's`;
const p99Name = (rate: Rate) => `p99 ${textOfRate(rate)}, above ${rate.p99.times} x the floor's`;

/** Two for each rate. */
export const rateGoals: readonly Goal[] = rates.flatMap((rate) => [
  goal(p50Name(rate), { atMost: rate.p50Ms }),
  goal(p99Name(rate), { atMost: rate.p99.ms }),
]);

/** Of the rounds: what goals are set for first, then both sides' latencies, then what the generator did. */
export function rateFigures(rounds: readonly (readonly Pair[])[]): Figure[] {
  const service = { eventsPerRequest: 1, waitsFor: "fsync" } as const;
  const floor = { side: "floor", eventsPerRequest: 1, waitsFor: "nothing kept" } as const;
  const each = rates.map((rate, nth) => ({ rate, pairs: rounds.flatMap((pairs) => pairs.slice(nth, nth + 1)) }));
  return [
    ...each.flatMap(({ rate, pairs }) => figuresOf(service, pairs, beyondRows(rate))),
    ...each.flatMap(({ rate, pairs }) => [
      ...latencyFigures(service, { of: textOfRate(rate), rounds: acceptedOf(pairs.map((pair) => pair.service)) }),
      ...latencyFigures(floor, { of: textOfRate(rate), rounds: acceptedOf(pairs.map((pair) => pair.floor)) }),
    ]),
    ...each.flatMap(({ rate, pairs }) => [
      ...generatorFigures(
        service,
        rate,
        pairs.map((pair) => pair.service),
      ),
      ...generatorFigures(
        floor,
        rate,
        pairs.map((pair) => pair.floor),
      ),
    ]),
  ];
}

function beyondRows(rate: Rate): FigureRow<Pair>[] {
  const at = ({ accepts }: OpenLoopResult, percent: number) => atPercentile(accepts.fromIntended, percent);
  return [
    [p50Name(rate), "ms", "lower", ({ service, floor }) => at(service, 50) - at(floor, 50)],
    [p99Name(rate), "ms", "lower", ({ service, floor }) => at(service, 99) - rate.p99.times * at(floor, 99)],
  ];
}

/** Its lateness only where a request found a free connection: under a server that is behind none does. */
function generatorFigures(common: Common, rate: Rate, results: readonly OpenLoopResult[]): Figure[] {
  const of = textOfRate(rate);
  const timed = results.filter(({ sendLag }) => sendLag.totalCount > 0);
  return [
    ...figuresOf(common, results, [
      [`accepted ${of}`, "events/s", "neither", ({ acceptedPerSecond }) => acceptedPerSecond],
      [`processor, generator, ${of}`, "share", "neither", ({ cpuSeconds, wallSeconds }) => cpuSeconds / wallSeconds],
    ]),
    ...(timed.length === 0
      ? []
      : figuresOf(common, timed, [
          [`generator's lateness, p50 ${of}`, "ms", "neither", ({ sendLag }) => atPercentile(sendLag, 50)],
          [`generator's lateness, p99 ${of}`, "ms", "neither", ({ sendLag }) => atPercentile(sendLag, 99)],
        ])),
  ];
}

/** Both sides' percentiles at each rate, and the service's course at each in the last round. */
export function ratePlots(rounds: readonly (readonly Pair[])[]): Plot[] {
  const last = rounds.at(-1) ?? [];
  return [
    ...rates.map((rate, nth): Plot => {
      const pairs = rounds.flatMap((each) => each.slice(nth, nth + 1));
      const lines = (["service", "floor"] as const).map((side) =>
        percentileLine(side === "service" ? "millrace" : "floor", acceptedOf(pairs.map((pair) => pair[side]))),
      );
      return { kind: "percentiles", title: `Latency from the intended time ${textOfRate(rate)}`, lines };
    }),
    {
      kind: "over time",
      title: "p99 of each second, last round",
      unit: "ms",
      lines: rates.flatMap((rate, nth) => {
        const pair = last[nth];
        return pair === undefined ? [] : [courseLine(textOfRate(rate), pair.service)];
      }),
    },
  ];
}
