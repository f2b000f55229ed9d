/** Figures and lines out of histograms and courses, named the same way in every scenario. */
import type { Histogram } from "hdr-histogram-js";
import type { Figure, Line } from "../core/result.ts";
import { atPercentile, longest, percentilePoints, sumOf } from "../load/latency.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";

/** What the figures of one load have in common. */
export type Common = Pick<Figure, "eventsPerRequest" | "waitsFor">;

/** One figure of the service. */
export function figure(common: Common, told: Pick<Figure, "name" | "unit" | "better" | "samples">): Figure {
  return { side: "millrace", ...told, ...common };
}

/** p50, p99, p99.9 and the longest of each round; `of` says of what, behind each name. None where nothing was recorded. */
export function latencyFigures(common: Common, { of, rounds }: { of: string; rounds: readonly Histogram[] }): Figure[] {
  const recorded = rounds.filter(({ totalCount }) => totalCount > 0);
  if (recorded.length === 0) return [];
  const told = (name: string, pick: (histogram: Histogram) => number) =>
    figure(common, { name: `${name} ${of}`, unit: "ms", better: "lower", samples: recorded.map(pick) });
  return [
    told("p50", (histogram) => atPercentile(histogram, 50)),
    told("p99", (histogram) => atPercentile(histogram, 99)),
    told("p99.9", (histogram) => atPercentile(histogram, 99.9)),
    told("max", longest),
  ];
}

/** The percentiles of all rounds together. */
export function percentileLine(name: string, rounds: readonly Histogram[]): Line {
  return { name, points: percentilePoints(sumOf(rounds)) };
}

/** The p99 of each second of a load; seconds without an answer have no point. */
export function courseLine(name: string, { course }: Pick<OpenLoopResult, "course">): Line {
  return {
    name,
    points: course.flatMap(({ p99Ms }, second): [number, number][] => (p99Ms === null ? [] : [[second + 1, p99Ms]])),
  };
}

/** The latencies of accepted requests, from the time that they were meant to be sent. */
export function acceptedOf(results: readonly OpenLoopResult[]): Histogram[] {
  return results.map(({ accepts }) => accepts.fromIntended);
}
