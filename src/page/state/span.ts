/** A time range as instants and buckets. Pure. */
import { dayStart } from "./zone.ts";

/** Length of a bucket of a plot. */
type BucketName = "1 MINUTE" | "15 MINUTES" | "1 HOUR" | "1 DAY";

/** The ranges that a person chooses from. */
const ranges = {
  "1h": { label: "Last hour", bucket: "1 MINUTE", count: 60 },
  "24h": { label: "Last 24 hours", bucket: "15 MINUTES", count: 96 },
  "7d": { label: "Last 7 days", bucket: "1 HOUR", count: 7 },
  "30d": { label: "Last 30 days", bucket: "1 DAY", count: 30 },
  "90d": { label: "Last 90 days", bucket: "1 DAY", count: 90 },
  "1y": { label: "Last 365 days", bucket: "1 DAY", count: 365 },
} as const satisfies Record<string, { label: string; bucket: BucketName; count: number }>;

/** The name of a range. */
export type RangeName = keyof typeof ranges;

/** Names of all ranges, the shortest first. */
export const rangeNames: readonly RangeName[] = ["1h", "24h", "7d", "30d", "90d", "1y"];

/** How a range is called. */
export const rangeLabel = (name: RangeName): string => ranges[name].label;

/** Length of the buckets that have one; days differ. ms */
const bucketMs = { "1 MINUTE": 60_000, "15 MINUTES": 900_000, "1 HOUR": 3_600_000 } as const;

/** A range as instants, from the start of its first bucket to the end of the one that is running. */
export type Span = {
  range: RangeName;
  zone: string;
  /** Included. ms since 1970 */
  sinceMs: number;
  /** Not included. ms since 1970 */
  untilMs: number;
  bucket: BucketName;
  /** Starts of the buckets, in order. ms since 1970 */
  buckets: readonly number[];
};

/**
 * The place of the bucket that holds an instant; undefined: none does. Where clocks go back at midnight, DuckDB and a
 * browser call another of two midnights the start of the day: both are in it.
 */
export function bucketAt({ buckets, untilMs }: Span, atMs: number): number | undefined {
  const place = buckets.findLastIndex((start) => start <= atMs);
  return place < 0 || atMs >= untilMs ? undefined : place;
}

/** The span of a range that ends with the bucket of `nowMs`. Ranges of whole days begin at midnight of the zone. */
export function spanOf(range: RangeName, zone: string, nowMs: number): Span {
  const { bucket, count } = ranges[range];
  if (bucket === "1 DAY") {
    const buckets = Array.from({ length: count }, (_, index) => dayStart(zone, nowMs, index - count + 1));
    return { range, zone, bucket, buckets, sinceMs: buckets[0] ?? nowMs, untilMs: dayStart(zone, nowMs, 1) };
  }
  const step = bucketMs[bucket];
  const sinceMs =
    bucket === "1 HOUR" ? dayStart(zone, nowMs, 1 - count) : (Math.floor(nowMs / step) + 1 - count) * step;
  const length = Math.floor((nowMs - sinceMs) / step) + 1;
  const buckets = Array.from({ length }, (_, index) => sinceMs + index * step);
  return { range, zone, bucket, buckets, sinceMs, untilMs: sinceMs + length * step };
}
