/** Stretches of sequences: where imported events go, and which stretch each shard has filled. */
import { type ShardId, sequence } from "../base/brand.ts";
import type { ShardStretch } from "../keeper/protocol.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames } from "../store/folder/layout.ts";
import { unusedFrom } from "../store/folder/missing.ts";
import {
  currentFormat,
  type DataFolder,
  importShard,
  parseSegmentName,
  type SegmentName,
} from "../store/folder/names.ts";
import { readUnreadable } from "../store/folder/unreadable.ts";
import type { Rewrite } from "../store/segment/rewrite.ts";

/**
 * The range for this many events after all imported ones, missing ones included, and names of the readable current
 * segments.
 */
export function placeOfImport(folder: DataFolder, events: number): { range: Rewrite["range"]; others: string[] } {
  const segments = listNames(folder.segments, parseSegmentName);
  const last = segments.filter(({ name }) => name.shard === importShard).map(({ name }) => name.to);
  const from = sequence(Math.max(0, ...last, unusedFrom(folder, importShard) - 1) + 1);
  const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
  const readable = segments.filter(({ file }) => !unreadable.has(file));
  return {
    range: { shard: importShard, from, to: sequence(from + events - 1), generation: 0, format: currentFormat },
    others: currentSegments(readable).current.map(({ file }) => file),
  };
}

/** The stretch that holds all of a shard's events, for each shard. */
export function endsOf(names: readonly SegmentName[]): ShardStretch[] {
  const ends = new Map<ShardId, number>();
  for (const { shard, to } of names) ends.set(shard, Math.max(ends.get(shard) ?? 0, to));
  return [...ends].map(([shard, to]) => ({ shard, before: sequence(to + 1) }));
}
