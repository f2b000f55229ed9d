/**
 * Plans which segments are merged next, from their names and summaries, never from their events.
 *
 * Neighbours in a shard become one segment when that is several times as large as the largest of them. So an event is
 * rewritten two to four times until its segment is full, and there are few segments of each size at a time.
 */
import { currentFormat, type SegmentName } from "../folder/names.ts";
import type { Rewrite } from "./rewrite.ts";
import type { KnownSegment } from "./summary.ts";

/** How large merged segments become. */
type MergeLimits = {
  /** A merged segment is at least this many times as large as its largest source. */
  growthMin: number;
  /** A segment of this many events or bytes is full: it is not merged again. */
  full: Size;
  /**
   * A merge whose segment would be larger than this and not full waits until it makes a full one: its events would soon
   * be written again.
   */
  unfilled: Size;
  /** No merge makes a larger one. */
  max: Size;
  /**
   * Segments whose events have this many bytes on average, and the most bytes of such segments in one merge. DuckDB
   * holds thousands of events in memory at once, and each may have 8 MiB.
   */
  large: { eventBytesMin: number; bytesMax: number };
};

/**
 * With segments of 8 million events (300 MB, merged in 20 s), a day of 10,000 events a second is at most 182 files,
 * including those that wait for their readers; with 5 million it is 244 (measured by the test of this file).
 */
export const mergeLimits: MergeLimits = {
  growthMin: 8,
  full: { events: 8_000_000, bytes: 384 * 1024 * 1024 },
  unfilled: { events: 2_700_000, bytes: 128 * 1024 * 1024 },
  max: { events: 12_000_000, bytes: 768 * 1024 * 1024 },
  large: { eventBytesMin: 1024 * 1024, bytesMax: 64 * 1024 * 1024 },
};

type Size = { events: number; bytes: number };

const isFull = ({ events, bytes }: Size, { full }: MergeLimits) => events >= full.events || bytes >= full.bytes;

const isSmall = ({ events, bytes }: Size, { unfilled }: MergeLimits) =>
  events <= unfilled.events && bytes <= unfilled.bytes;

const sizeOf = ({ summary, bytes }: KnownSegment): Size => ({ events: summary.events, bytes });

const sumOf = (segments: readonly KnownSegment[]): Size => ({
  events: segments.reduce((sum, { summary }) => sum + summary.events, 0),
  bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
});

/** The next merge that is due; undefined if none is. `current` is in order of shard and sequence. */
export function planMerge(current: readonly KnownSegment[], limits: MergeLimits): Rewrite | undefined {
  const steps = [...new Set(current.map((segment) => stepOf(segment, limits)))].sort((a, b) => a - b);
  for (const step of steps)
    for (const run of runsOf(current, (each) => !isFull(sizeOf(each), limits) && stepOf(each, limits) <= step)) {
      const group = groupsOf(run, limits).find(({ length }) => length > 1);
      if (group === undefined) continue;
      const isDue = isFull(sumOf(run), limits) || (isGrowth(run, limits) && isSmall(sumOf(group), limits));
      if (isDue) return mergeOf(group, current, isFull(sumOf(group), limits));
    }
  return undefined;
}

/**
 * The next step of a full merge, whose result is as few segments as possible, each searched for duplicates. Undefined
 * once it is complete. `isIn` selects the segments: all, by default.
 */
export function planFullMerge(
  current: readonly KnownSegment[],
  limits: MergeLimits,
  isIn: (name: SegmentName) => boolean = () => true,
): Rewrite | undefined {
  const takes = (each: KnownSegment) => isIn(each.name) && !(isFull(sizeOf(each), limits) && each.summary.isFinal);
  for (const run of runsOf(current, takes))
    for (const group of groupsOf(run, limits)) {
      const [first] = group;
      const isDone = group.length === 1 && (first?.summary.isFinal === true || first?.summary.events === 0);
      if (!isDone) return mergeOf(group, current, true);
    }
  return undefined;
}

/**
 * The next rewrite that keeps, of these files, only the events for which a condition holds; undefined if none of the
 * files is current. Small neighbours are merged by it, too.
 */
export function planKeep(
  current: readonly KnownSegment[],
  files: ReadonlySet<string>,
  how: { keep: string; limits: MergeLimits },
): Rewrite | undefined {
  const { keep, limits } = how;
  const concerned = current.filter(({ file }) => files.has(file));
  const full = concerned.find((each) => isFull(sizeOf(each), limits));
  const [run] = runsOf(current, (each) => files.has(each.file) && !isFull(sizeOf(each), limits));
  const group = full === undefined ? run && groupsOf(run, limits)[0] : [full];
  return group && rewriteOf(group, { keep, repeatsIn: undefined });
}

/** The longest runs of neighbouring segments for which `takes` returns true. */
export function runsOf(current: readonly KnownSegment[], takes: (segment: KnownSegment) => boolean): KnownSegment[][] {
  const runs: KnownSegment[][] = [];
  let before: KnownSegment | undefined;
  for (const segment of current) {
    if (!takes(segment)) {
      before = undefined;
      continue;
    }
    // No merge crosses a gap: what is missing there may be in quarantine, and no name may cover it.
    const follows = before?.name.shard === segment.name.shard && before.name.to + 1 === segment.name.from;
    if (follows) runs.at(-1)?.push(segment);
    else runs.push([segment]);
    before = segment;
  }
  return runs;
}

/** The rewrite of neighbours. Several get a wider range, whose name is new; a single one gets the next generation. */
export function rewriteOf(group: readonly KnownSegment[], how: Pick<Rewrite, "keep" | "repeatsIn">): Rewrite {
  const [first, last] = [group[0], group.at(-1)];
  if (first === undefined || last === undefined) throw new RangeError("a rewrite has at least one source");
  const { shard, from, generation } = first.name;
  return {
    range: { shard, from, to: last.name.to, generation: group.length > 1 ? 0 : generation + 1, format: currentFormat },
    sources: group.map(({ file }) => `segments/${file}`),
    ...sumOf(group),
    isFinal: group.length === 1 && first.summary.isFinal,
    clientIds: group.reduce((sum, { summary }) => sum + summary.clientIds, 0),
    ...how,
  };
}

function mergeOf(group: readonly KnownSegment[], current: readonly KnownSegment[], isFinal: boolean): Rewrite {
  const own = new Set(group);
  const others = current.filter((segment) => !own.has(segment) && segment.summary.clientIds > 0);
  return rewriteOf(group, {
    keep: undefined,
    repeatsIn: isFinal ? others.map(({ file }) => `segments/${file}`) : undefined,
  });
}

/** Divides neighbours, from the left, into groups of as many as one merge may take. */
function groupsOf(run: readonly KnownSegment[], limits: MergeLimits): KnownSegment[][] {
  const groups: KnownSegment[][] = [];
  for (const segment of run) {
    const group = groups.at(-1);
    if (group !== undefined && mayBeOne([...group, segment], limits)) group.push(segment);
    else groups.push([segment]);
  }
  return groups;
}

function mayBeOne(group: readonly KnownSegment[], { max, large }: MergeLimits): boolean {
  const { events, bytes } = sumOf(group);
  const ofLarge = group.filter((each) => each.bytes >= each.summary.events * large.eventBytesMin);
  return events <= max.events && bytes <= max.bytes && sumOf(ofLarge).bytes <= large.bytesMax;
}

/** A segment's size as a power of `growthMin`: 0 for fewer events than `growthMin`, and so on. */
const stepOf = ({ summary }: KnownSegment, { growthMin }: MergeLimits) =>
  Math.floor(Math.log(Math.max(1, summary.events)) / Math.log(growthMin) + 1e-9);

const isGrowth = (run: readonly KnownSegment[], { growthMin }: MergeLimits) =>
  sumOf(run).events >= largestOf(run) * growthMin;

const largestOf = (run: readonly KnownSegment[]) => Math.max(1, ...run.map(({ summary }) => summary.events));
