/** Rounds of several sides brought to figures, shares and a picture. Pure. */
import { figuresOf as figuresFrom } from "../core/figures.ts";
import { median } from "../core/method.ts";
import type { Figure, Plot, ScenarioResult } from "../core/result.ts";
import { type LoadName, requestsOf, type SideRounds } from "./sides.ts";

const loadNames: Record<LoadName, string> = {
  batch: "in batches of 100",
  single: "one a request",
  "single-256": "one a request, 256 connections",
};

/** The name of the figure that says how the service did beside another side. */
export function shareName(side: string, load: LoadName): string {
  return `millrace / ${side}, ${loadNames[load]}`;
}

/**
 * Events a second and latency of each side, and the service's events a second over each other side's, taken within a
 * round.
 */
export function figuresOf(sides: readonly SideRounds[], load: LoadName): Figure[] {
  const { eventsPerRequest } = requestsOf[load];
  const named = loadNames[load];
  const ours = sides.find(({ side }) => side.name === "millrace")?.rounds ?? [];
  return sides.flatMap(({ side, rounds }) => {
    const isOurs = side.name === "millrace";
    const common = { side: side.name, eventsPerRequest, waitsFor: side.waitsFor };
    const latencies = rounds.flatMap(({ p99Ms }) => (p99Ms === undefined ? [] : [p99Ms]));
    const theirs = (round: number) => rounds[round]?.eventsPerSecond ?? Number.NaN;
    return [
      ...figuresFrom(common, rounds, [
        [`events/s, ${named}`, "events/s", isOurs ? "higher" : "neither", (round) => round.eventsPerSecond],
      ]),
      ...(latencies.length === 0
        ? []
        : figuresFrom(common, latencies, [[`p99, ${named}`, "ms", isOurs ? "lower" : "neither", (ms) => ms]])),
      // The two sides waited for different things, so neither's word describes the share.
      ...(isOurs
        ? []
        : figuresFrom({ eventsPerRequest }, ours, [
            [shareName(side.name, load), "share", "higher", (our, round) => our.eventsPerSecond / theirs(round)],
          ])),
    ];
  });
}

/** The medians as bars, each with what its answer had waited for. */
export function barsOf(sides: readonly SideRounds[], load: LoadName): Plot {
  return {
    kind: "bars",
    title: `Events ${loadNames[load]}`,
    unit: "events/s",
    bars: sides.map(({ side, rounds }) => ({
      name: side.name,
      value: median(rounds.map(({ eventsPerSecond }) => eventsPerSecond)),
      note: side.waitsFor === "nothing kept" ? side.waitsFor : `answer waits for ${side.waitsFor}`,
    })),
  };
}

/** What was counted and what went amiss in all rounds, each line once. */
export function remarksOf(sides: readonly SideRounds[]): Pick<ScenarioResult, "audits" | "warnings"> {
  const all = sides.flatMap(({ rounds }) => rounds);
  return {
    audits: all.flatMap(({ audit }) => (audit === undefined ? [] : [audit])),
    warnings: [...new Set(all.flatMap(({ warnings }) => warnings))],
  };
}
