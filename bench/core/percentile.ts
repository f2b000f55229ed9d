/** Percentiles of what was measured whole: no buckets, no guess between two values. */

/** The value that this percentage of all is at or below. NaN of none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN;
}
