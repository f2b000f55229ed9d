/**
 * What a recovery decides where events are gone: a segment that nobody can read, a stretch that a corrupt journal has
 * lost.
 */
import { join } from "node:path";
import { type Sequence, type ShardId, sequence } from "../../base/brand.ts";
import { removeIfThere } from "../../base/durable.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { fileReader } from "../../journal/file-reader.ts";
import type { Journal, JournalPart, RecoveredJournal } from "../../journal/journal.ts";
import { listJournals } from "../../store/folder/journal-files.ts";
import { listNames } from "../../store/folder/layout.ts";
import { noteOpened, readOpened } from "../../store/folder/missing.ts";
import { type DataFolder, openedName, parseSegmentName } from "../../store/folder/names.ts";
import { keepMarker } from "../../store/segment/quarantine.ts";

/** Marks what corrupt journals have lost: it is told by `journal/corrupt`, and not as a file that somebody removed. */
export function markLost(folder: DataFolder, shard: ShardId, { corrupt, parts }: RecoveredJournal): void {
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
 * Those of the parts of a flush that failed whose files somebody removed before they were sealed. None while the
 * journal's folder itself is away, or a segment has any of their events: then a later try may still go well.
 */
export function removedParts<Pending extends { shard: ShardId; part: JournalPart }>(
  folder: DataFolder,
  journal: Pick<Journal, "removedOf">,
  tried: readonly Pending[],
): Pending[] {
  const gone = journal.removedOf(tried.map(({ part }) => part));
  const removed = tried.filter(({ part }) => gone.includes(part));
  if (removed.length === 0) return [];
  const isSealed = listNames(folder.segments, parseSegmentName).some(({ name }) =>
    tried.some(({ shard, part }) => shard === name.shard && name.from <= part.to && part.from <= name.to),
  );
  return isSealed ? [] : removed;
}

/**
 * Takes back the note of the journal file that was begun last where recovery judges what is in that file. One that is
 * there and empty held acknowledged events once: its note stays, and tells that they are missing.
 */
export function forgetOpened(folder: DataFolder, shard: ShardId): void {
  const noted = readOpened(folder).get(shard);
  const place = listJournals(folder).find((each) => each.shard === shard && each.from === noted);
  using journal = place && fileReader.open(place);
  if (journal !== undefined && journal.read().writtenBytes > 0) removeIfThere(join(folder.opened, openedName(shard)));
}

/**
 * What a journal tells of each file that it begins: a hint beside it, which a full disk may keep from being written.
 */
export const openedNoter =
  ({ folder, shard, log }: { folder: DataFolder; shard: ShardId; log: Log }) =>
  (from: Sequence): void => {
    try {
      noteOpened(folder, { shard, from });
    } catch (error) {
      log.warn({ error: messageOf(error) }, "the open journal file is not noted: if it is removed, no start notices");
    }
  };
