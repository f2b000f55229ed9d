/** Where the events after a position are: in the journal, in segments, or not held any more. */
import type { ShardId } from "../base/brand.ts";
import { fileReader } from "../journal/file-reader.ts";
import type { JournalPlace } from "../journal/journal.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listJournals } from "../store/folder/journal-files.ts";
import { listNames } from "../store/folder/layout.ts";
import { type DataFolder, importShard, parseSegmentName, type SegmentName } from "../store/folder/names.ts";
import { readUnreadable } from "../store/folder/unreadable.ts";

/** The journal files of one shard, in order. */
export const journalsOf = (folder: DataFolder, shard: number): JournalPlace[] =>
  listJournals(folder).filter((each) => each.shard === shard);

/** The names of the current segments that can be read, without those of imported events. */
function segmentNames(folder: DataFolder): SegmentName[] {
  const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
  const all = listNames(folder.segments, parseSegmentName);
  const readable = all.filter(({ file, name }) => !unreadable.has(file) && name.shard !== importShard);
  return currentSegments(readable).current.map(({ name }) => name);
}

/**
 * The last event of each shard that runs no more, by its number. REQUIRES: the service has recovered, so that their
 * journals hold whole groups only.
 */
export function retiredEnds(folder: DataFolder, shardsRunning: number): Map<ShardId, number> {
  const ends = new Map<ShardId, number>();
  const raise = (shard: ShardId, to: number) => {
    if (shard >= shardsRunning) ends.set(shard, Math.max(ends.get(shard) ?? 0, to));
  };
  for (const { shard, to } of segmentNames(folder)) raise(shard, to);
  for (const { shard, ...place } of listJournals(folder)) {
    if (shard < shardsRunning) continue;
    using journal = fileReader.open(place);
    const last = journal?.read().groups.at(-1)?.commit;
    if (last !== undefined) raise(shard, last.sequence + last.rows - 1);
  }
  return ends;
}

/**
 * Where the event `next` of a shard is. `sealed`: segments hold it and what follows, up to the event `to`. `lost`: it
 * is not held; the next one that is held is `held`, undefined if there is none up to `end`.
 */
type Held = { kind: "journal" } | { kind: "sealed"; to: number } | { kind: "lost"; held: number | undefined };

/** Looks for the event `next` of a shard. REQUIRES: it was durable once. */
export function placeOf(folder: DataFolder, { shard, next }: { shard: number; next: number }): Held {
  // Journals first: what is not in one of these was sealed before, and then the segments have it.
  const journals = journalsOf(folder, shard).map(({ from }) => Number(from));
  const segments = segmentNames(folder).filter((name) => name.shard === shard);
  const covering = segments.find(({ from, to }) => from <= next && next <= to);
  if (covering !== undefined) return { kind: "sealed", to: sealedTo(segments, covering.to) };
  const later = [...journals, ...segments.map(({ from }) => Number(from))].filter((from) => from > next);
  // It is in the last file that begins before it, unless what follows that file is missing.
  if (journals.some((from) => from <= next)) return { kind: "journal" };
  return { kind: "lost", held: later.length === 0 ? undefined : Math.min(...later) };
}

/** Up to which event segments follow each other without a gap. */
function sealedTo(segments: readonly SegmentName[], from: number): number {
  let to = from;
  for (const segment of segments) if (segment.from <= to + 1) to = Math.max(to, segment.to);
  return to;
}
