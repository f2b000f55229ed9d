/**
 * Latency of single events at fixed rates, as a client sees it that does not wait for other clients' answers, beside
 * the floor at the same rates.
 */
import { scenario } from "../core/scenario.ts";
import { compilerMissing } from "../load/native.ts";
import { writeBodies } from "../load/requests.ts";
import { oneRound, rateFigures, rateGoals, ratePlots, rates, requests, type WarmUp } from "../open-loop/rates.ts";
import { inTrials } from "../trial/rounds.ts";

/** Chosen by the scenario `warm-up`: see bench/README.md, "Warm-up". */
const warmUps: { own: WarmUp; quick: WarmUp } = {
  own: { perSecond: 10_000, seconds: 30, eachRateSeconds: 2 },
  quick: { perSecond: 10_000, seconds: 3, eachRateSeconds: 1 },
};

/** One event a request. */
export const openLoop = scenario({
  name: "open-loop",
  summary: "latency of single events at 1,000, 5,000, 10,000 and 20,000 a second, beside the floor",
  rounds: { own: 7, quick: 1 },
  // Five flush intervals at each rate: flushes, and merges after them, are in every one.
  seconds: { own: 10, quick: 3 },
  missing: compilerMissing,
  measure: async (run) => {
    const warmUp = run.isQuick ? warmUps.quick : warmUps.own;
    const bodiesPath = await writeBodies(requests, run);
    const { found, ...told } = await inTrials(run, { requests, bodiesPath }, (trial, round) =>
      oneRound(run, { trial, bodiesPath, warmUp, round }),
    );
    const asked = rates.map(({ perSecond }) => perSecond.toLocaleString("en-US")).join(", ");
    return {
      about:
        `An open loop of single events (Poisson arrivals, 256 connections) at ${asked} a second on the floor and the service in turn, ` +
        `${run.seconds} s each, ${run.rounds} rounds, with the same times on both. In each round both are new processes and get ` +
        `${warmUp.perSecond.toLocaleString("en-US")} a second for ${warmUp.seconds} s before, and each rate for ${warmUp.eachRateSeconds} s that do not count. ` +
        "Flush and compaction on. Latency counts from the intended time.",
      figures: rateFigures(found),
      goals: [...rateGoals],
      plots: ratePlots(found),
      ...told,
    };
  },
});
