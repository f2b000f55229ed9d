/**
 * Histograms of latencies, by hdr-histogram-js, the HdrHistogram project's own port. So figures mean the same as in
 * other tools that use it, and histograms of rounds and processes add up without loss.
 */
import { build, type Histogram } from "hdr-histogram-js";

/** Longest latency that is recorded exactly: longer than any load with its end. Microseconds. */
const latencyUsMax = 600_000_000;

/** Points for each tenfold of what is left above a percentile: a smooth line at any width of a page. */
const pointsPerDecade = 8;

/** An empty histogram of microseconds, right to three digits. */
export function newHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    autoResize: false,
    highestTrackableValue: latencyUsMax,
    numberOfSignificantValueDigits: 3,
  });
}

/** Notes one latency. Milliseconds; past the longest it counts as that. */
export function record(histogram: Histogram, ms: number): void {
  histogram.recordValue(Math.min(latencyUsMax, Math.max(1, Math.round(ms * 1e3))));
}

/** The latency that `percentile` percent of all stayed within. ms; NaN where none was recorded. */
export function atPercentile(histogram: Histogram, percentile: number): number {
  return histogram.totalCount === 0 ? Number.NaN : histogram.getValueAtPercentile(percentile) / 1e3;
}

/** The longest. ms; NaN where none was recorded. */
export function longest(histogram: Histogram): number {
  return histogram.totalCount === 0 ? Number.NaN : histogram.maxValue / 1e3;
}

/** All of them in one. */
export function sumOf(histograms: readonly Histogram[]): Histogram {
  const sum = newHistogram();
  for (const histogram of histograms) if (histogram.totalCount > 0) sum.add(histogram);
  return sum;
}

/** Percentile and milliseconds, closer together towards 100, and no further than the recorded values can tell. */
export function percentilePoints(histogram: Histogram): [number, number][] {
  const points: [number, number][] = [];
  for (let step = 0; ; step += 1) {
    const above = 10 ** (-step / pointsPerDecade);
    if (above * histogram.totalCount < 1) return points;
    const percentile = 100 * (1 - above);
    points.push([percentile, atPercentile(histogram, percentile)]);
  }
}

/** The histogram of a generator in C: microseconds and how often. Its buckets are the same, so nothing is lost. */
export function histogramOf(buckets: readonly (readonly [number, number])[]): Histogram {
  const histogram = newHistogram();
  for (const [us, count] of buckets) histogram.recordValueWithCount(us, count);
  return histogram;
}
