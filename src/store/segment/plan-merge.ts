/**
 * Which segments are merged next: decided from what is known of them, never from their events.
 *
 * Segments of a shard that lie side by side become one when that is several times as large as the largest of them. So
 * an event is rewritten three or four times on its way to the largest size, and few segments of each size are there at
 * a time.
 */
import { currentFormat, type SegmentName } from "../folder/names.ts";
import type { Rewrite } from "./rewrite.ts";
import type { SegmentSummary } from "./summary.ts";

/** A current segment and what is known of it; `file` is its name. */
export type KnownSegment = { file: string; name: SegmentName; bytes: number; summary: SegmentSummary };

/** How large merged segments become. */
type MergeLimits = {
  /** What is made is at least this many times as large as the largest that goes into it. */
  growthMin: number;
  /** A segment of this many events or bytes is full: it is merged no more. */
  full: Size;
  /** No merge makes a larger one. */
  max: Size;
};

/**
 * With segments of 8 million events, of 300 MB and merged in 20 s, a day of 10,000 events a second is 182 files at
 * most, those that wait for their readers among them; with 5 million it is 244 (the test of this file).
 */
export const mergeLimits: MergeLimits = {
  growthMin: 6,
  full: { events: 8_000_000, bytes: 384 * 1024 * 1024 },
  max: { events: 12_000_000, bytes: 768 * 1024 * 1024 },
};

type Size = { events: number; bytes: number };

const isFull = ({ events, bytes }: Size, { full }: MergeLimits) => events >= full.events || bytes >= full.bytes;

const sizeOf = ({ summary, bytes }: KnownSegment): Size => ({ events: summary.events, bytes });

const sumOf = (segments: readonly KnownSegment[]): Size => ({
  events: segments.reduce((sum, { summary }) => sum + summary.events, 0),
  bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
});

/** The next merge that is due; undefined when none is. `current` in order of shard and sequence. */
export function planMerge(current: readonly KnownSegment[], limits: MergeLimits): Rewrite | undefined {
  const steps = [...new Set(current.map((segment) => stepOf(segment, limits)))].sort((a, b) => a - b);
  for (const step of steps)
    for (const run of runsOf(current, (each) => !isFull(sizeOf(each), limits) && stepOf(each, limits) <= step)) {
      const isDue = sumOf(run).events >= largestOf(run) * limits.growthMin || isFull(sumOf(run), limits);
      const group = isDue ? groupsOf(run, limits).find(({ length }) => length > 1) : undefined;
      if (group !== undefined) return mergeOf(group, current, isFull(sumOf(group), limits));
    }
  return undefined;
}

/**
 * The next merge on the way to as few segments as there can be, each searched for repeats; undefined at its end. `isIn`
 * tells which of them it is about: all, by default.
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
 * The next rewrite that keeps of these files only the events for which a condition holds; undefined when none of them
 * is current. Small neighbours become one on the way.
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

/** Segments side by side that `takes` takes, as long as they can be. */
export function runsOf(current: readonly KnownSegment[], takes: (segment: KnownSegment) => boolean): KnownSegment[][] {
  const runs: KnownSegment[][] = [];
  let before: KnownSegment | undefined;
  for (const segment of current) {
    if (!takes(segment)) {
      before = undefined;
      continue;
    }
    // Nothing is merged across a gap: what is missing there may be in quarantine, and no name may cover it.
    const follows = before?.name.shard === segment.name.shard && before.name.to + 1 === segment.name.from;
    if (follows) runs.at(-1)?.push(segment);
    else runs.push([segment]);
    before = segment;
  }
  return runs;
}

/** The rewrite of neighbours: a wider stretch is new by itself, the same one by its generation. */
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

/** Neighbours from the left on, as many as one merge may take. */
function groupsOf(run: readonly KnownSegment[], limits: MergeLimits): KnownSegment[][] {
  const groups: KnownSegment[][] = [];
  for (const segment of run) {
    const group = groups.at(-1);
    const { events, bytes } = sumOf([...(group ?? []), segment]);
    if (group !== undefined && events <= limits.max.events && bytes <= limits.max.bytes) group.push(segment);
    else groups.push([segment]);
  }
  return groups;
}

/** Sizes by powers of the growth: 0 for less than that many events, and so on. */
const stepOf = ({ summary }: KnownSegment, { growthMin }: MergeLimits) =>
  Math.floor(Math.log(Math.max(1, summary.events)) / Math.log(growthMin) + 1e-9);

const largestOf = (run: readonly KnownSegment[]) => Math.max(1, ...run.map(({ summary }) => summary.events));
