/** How long a new process takes until its latency falls no further: what the warm-up of `open-loop` is chosen by. */
import { type FigureRow, figuresOf } from "../core/figures.ts";
import type { Plot } from "../core/result.ts";
import { scenario } from "../core/scenario.ts";
import { runAtRate } from "../load/fixed-rate.ts";
import { compilerMissing } from "../load/native.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { writeBodies } from "../load/requests.ts";
import { requests } from "../open-loop/rates.ts";
import { startFloor } from "../system/service.ts";
import { floorToken } from "../trial/floor.ts";
import { auditedTrial } from "../trial/trial.ts";

const rates = [1_000, 10_000];

const sliceSeconds = 5;

type Found = { perSecond: number; side: "floor" | "millrace"; result: OpenLoopResult };

/** The first minute of a floor and of a service, at two rates. */
export const warmUp = scenario({
  name: "warm-up",
  summary: "latency of single events in the first minute of a process, by slices of 5 s; only when it is asked for",
  rounds: { own: 1, quick: 1 },
  seconds: { own: 60, quick: 10 },
  missing: compilerMissing,
  measure: async (run) => {
    const { seconds } = run;
    const bodiesPath = await writeBodies(requests, run);
    const audits: string[] = [];
    const warnings: string[] = [];
    const rounds = await run.eachRound(async () => {
      const found: Found[] = [];
      for (const perSecond of rates) {
        const extent = { perSecond, seconds, sliceSeconds };
        {
          await using floor = await startFloor(run);
          const target = { url: floor.url, token: floorToken, requests, bodiesPath };
          found.push({ perSecond, side: "floor", result: await runAtRate(run, target, extent) });
        }
        const service = await auditedTrial(run, { requests, bodiesPath }, (trial) => trial.openLoop(extent));
        found.push({ perSecond, side: "millrace", result: service.found });
        audits.push(service.audit);
        warnings.push(...service.warnings);
      }
      return found;
    });
    return {
      about: `An open loop of single events (Poisson arrivals, 256 connections) on a process that has answered nothing yet, ${seconds} s; each rate and side has a process of its own.`,
      figures: rates.flatMap((perSecond) =>
        (["floor", "millrace"] as const).flatMap((side) => {
          const results = rounds
            .flat()
            .filter((each) => each.perSecond === perSecond && each.side === side)
            .map(({ result }) => result);
          return figuresOf(
            { side, eventsPerRequest: 1 },
            results,
            rowsOf(perSecond, Math.floor(seconds / sliceSeconds)),
          );
        }),
      ),
      plots: rates.map((perSecond) => plotOf(perSecond, rounds.at(-1) ?? [])),
      audits,
      warnings,
    };
  },
});

function rowsOf(perSecond: number, slices: number): FigureRow<OpenLoopResult>[] {
  return Array.from({ length: slices }, (_, slice) => {
    const when = `at ${perSecond.toLocaleString("en-US")}/s, ${slice * sliceSeconds} to ${(slice + 1) * sliceSeconds} s`;
    const of = (name: "p50Ms" | "p99Ms"): FigureRow<OpenLoopResult> => {
      return [`${name.slice(0, 3)} ${when}`, "ms", "neither", ({ course }) => course[slice]?.[name] ?? Number.NaN];
    };
    return [of("p50Ms"), of("p99Ms")];
  }).flat();
}

function plotOf(perSecond: number, found: readonly Found[]): Plot {
  const lines = found
    .filter((each) => each.perSecond === perSecond)
    .map(({ side, result }) => ({
      name: `p99, ${side}`,
      points: result.course.flatMap(({ p99Ms }, slice): [number, number][] =>
        p99Ms === null ? [] : [[(slice + 1) * sliceSeconds, p99Ms]],
      ),
    }));
  return { kind: "over time", title: `A new process at ${perSecond.toLocaleString("en-US")}/s`, unit: "ms", lines };
}
