/** What a recovery decides where events are gone: a segment that nobody can read, a stretch that a corrupt journal has lost. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Sequence, type ShardId, sequence } from "../../base/brand.ts";
import { checksumOfFile, removeIfThere } from "../../base/durable.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { JournalPart } from "../../journal/journal.ts";
import { readJournal } from "../../journal/reader.ts";
import { listNames } from "../../store/folder/layout.ts";
import { noteOpened, readOpened } from "../../store/folder/missing.ts";
import {
  type DataFolder,
  openedName,
  parseJournalName,
  parseSegmentName,
  type SegmentName,
} from "../../store/folder/names.ts";
import { keepMarker } from "../../store/segment/quarantine.ts";

/**
 * What is wrong with a segment that could not be checked; undefined where the failure may be one of the moment: the keeper died,
 * descriptors or memory ran out.
 */
export async function damageOf(path: string, name: SegmentName, error: unknown): Promise<string | undefined> {
  if ((await checksumOfFile(path)) !== name.crc32) return "its bytes do not match the checksum in its name";
  const text = messageOf(error);
  return /is not a segment|does not add up/.test(text) ? text.replaceAll(path, "the file") : undefined;
}

/** A journal file that was corrupt, and the sequence at which the next file of its shard begins. */
export type CorruptJournal = { from: Sequence; until: Sequence | undefined };

/** Marks what corrupt journals have lost: it is told by `journal/corrupt`, and not as a file that somebody removed. */
export function markLost(
  folder: DataFolder,
  shard: ShardId,
  { corrupt, parts }: { corrupt: readonly CorruptJournal[]; parts: readonly { from: Sequence; to: Sequence }[] },
): void {
  if (corrupt.length === 0) return;
  const segments = listNames(folder.segments, parseSegmentName).filter(({ name }) => name.shard === shard);
  const there = [...segments.map(({ name }) => name), ...parts].sort((a, b) => a.from - b.from);
  for (const { from, until } of corrupt) {
    let next: number = from;
    const ends = until === undefined ? [] : [{ from: until, to: until }];
    for (const each of [...there, ...ends]) {
      if (each.to < next || (until !== undefined && next >= until)) continue;
      if (each.from > next) {
        const range = { shard, from: sequence(next), to: sequence(Math.min(each.from, until ?? each.from) - 1) };
        keepMarker(folder, { range, file: undefined, why: "lost in a corrupt journal file, see journal/corrupt" });
      }
      next = each.to + 1;
    }
  }
}

/**
 * Those of the parts of a flush that failed whose files somebody removed before they were sealed. None while the journal's folder
 * itself is away, or a segment has any of their events: then a later try may still go well.
 */
export function removedParts<Pending extends { shard: ShardId; part: JournalPart }>(
  folder: DataFolder,
  tried: readonly Pending[],
): Pending[] {
  const journals = new Set(readdirSync(folder.journal));
  const removed = tried.filter(({ part }) => !journals.has(basename(part.path)));
  if (removed.length === 0) return [];
  const isSealed = listNames(folder.segments, parseSegmentName).some(({ name }) =>
    tried.some(({ shard, part }) => shard === name.shard && name.from <= part.to && part.from <= name.to),
  );
  return isSealed ? [] : removed;
}

/**
 * Takes back the note of the journal file that was begun last where recovery judges what is in that file. One that is there and
 * empty held acknowledged events once: its note stays, and tells that they are missing.
 */
export function forgetOpened(folder: DataFolder, shard: ShardId): void {
  const opened = readOpened(folder).get(shard);
  const isJudged = listNames(folder.journal, parseJournalName).some(
    ({ file, name }) =>
      name.shard === shard &&
      name.from === opened &&
      readJournal(join(folder.journal, file), name.from).writtenBytes > 0,
  );
  if (isJudged) removeIfThere(join(folder.opened, openedName(shard)));
}

/** What a journal tells of each file that it begins: a hint beside it, which a full disk may keep from being written. */
export const openedNoter =
  ({ folder, shard, log }: { folder: DataFolder; shard: ShardId; log: Log }) =>
  (from: Sequence): void => {
    try {
      noteOpened(folder, { shard, from });
    } catch (error) {
      log.warn({ error: messageOf(error) }, "the open journal file is not noted: if it is removed, no start notices");
    }
  };
