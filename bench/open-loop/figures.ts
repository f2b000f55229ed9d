/** Figures and lines out of histograms and courses, named the same way in every scenario. */
import type { Histogram } from "hdr-histogram-js";
import { type Common, figuresOf } from "../core/figures.ts";
import type { Figure, Line } from "../core/result.ts";
import { atPercentile, longest, percentilePoints, sumOf } from "../load/latency.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";

/**
 * p50, p99, p99.9 and the longest of each round; `of` says of what, behind each name. None where nothing was recorded.
 */
export function latencyFigures(common: Common, { of, rounds }: { of: string; rounds: readonly Histogram[] }): Figure[] {
  const recorded = rounds.filter(({ totalCount }) => totalCount > 0);
  if (recorded.length === 0) return [];
  return figuresOf(common, recorded, [
    [`p50 ${of}`, "ms", "lower", (histogram) => atPercentile(histogram, 50)],
    [`p99 ${of}`, "ms", "lower", (histogram) => atPercentile(histogram, 99)],
    [`p99.9 ${of}`, "ms", "lower", (histogram) => atPercentile(histogram, 99.9)],
    [`max ${of}`, "ms", "lower", longest],
  ]);
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
