/** Which segments count: decided from their names alone. */
import type { Sequence, ShardId } from "../base/brand.ts";
import type { SegmentName } from "./names.ts";

/** A stretch of a shard: events `from` to `to`, both included. */
type Range = { shard: ShardId; from: Sequence; to: Sequence };

/** Whether every event of `inner` lies in `outer`. */
export const covers = (outer: Range, inner: Range) =>
  outer.shard === inner.shard && outer.from <= inner.from && inner.to <= outer.to;

/** Segments that readers see, and those that a wider one replaced. */
type Current<Segment> = { current: Segment[]; replaced: Segment[] };

/**
 * Tells current segments from replaced ones: covered by a wider segment, or by an equal one that comes first by name.
 * Input in the order of names; output too.
 */
export function currentSegments<Segment extends { name: SegmentName }>(segments: readonly Segment[]): Current<Segment> {
  const current: Segment[] = [];
  const replaced: Segment[] = [];
  // By shard, then by start, the widest first: whatever covers a segment then comes before it.
  const ordered = [...segments].sort(
    (a, b) => a.name.shard - b.name.shard || a.name.from - b.name.from || b.name.to - a.name.to,
  );
  for (const segment of ordered) {
    const last = current.at(-1);
    if (last !== undefined && covers(last.name, segment.name)) replaced.push(segment);
    else current.push(segment);
  }
  return { current, replaced };
}
