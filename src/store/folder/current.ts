/** Which segments count: decided from their names alone. */
import type { Sequence, ShardId } from "../../base/brand.ts";
import type { SegmentName } from "./names.ts";

/** A range of a shard: events `from` to `to`, both included. */
type Range = { shard: ShardId; from: Sequence; to: Sequence };

/** Whether every event of `inner` lies in `outer`. */
export const covers = (outer: Range, inner: Range) =>
  outer.shard === inner.shard && outer.from <= inner.from && inner.to <= outer.to;

/** Segments that readers see, and those that a wider one replaced. */
type Current<Segment> = { current: Segment[]; replaced: Segment[] };

/**
 * Separates current segments from replaced ones. A segment is replaced if a wider one covers it, or one of the same
 * range with a later generation, or with the same generation and a name that comes first. Input in the order of names;
 * output by shard and sequence.
 */
export function currentSegments<Segment extends { name: SegmentName }>(segments: readonly Segment[]): Current<Segment> {
  const current: Segment[] = [];
  const replaced: Segment[] = [];
  // By shard, start, widest first, latest generation first: so a segment comes after every segment that covers it.
  const ordered = [...segments].sort(
    ({ name: a }, { name: b }) => a.shard - b.shard || a.from - b.from || b.to - a.to || b.generation - a.generation,
  );
  for (const segment of ordered) {
    const last = current.at(-1);
    if (last !== undefined && covers(last.name, segment.name)) replaced.push(segment);
    else current.push(segment);
  }
  return { current, replaced };
}
