/** Finds and marks lost events: those that a corrupt journal lost, and those of journal files that somebody removed. */
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

/** Marks the ranges that corrupt journals have lost: they are reported as `journal/corrupt`, not as a removed file. */
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
 * The parts, of those a failed flush tried, whose files somebody removed before they were sealed. Empty if a segment
 * holds some of their events, because a later try may still succeed.
 * @throws the system's error while the journal's folder itself is missing
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
 * Removes the note of the last opened journal file if that file has content, because recovery then judges it. If the
 * file exists and is empty, it once held acknowledged events: its note stays and reports them as missing.
 */
export function forgetOpened(folder: DataFolder, shard: ShardId): void {
  const noted = readOpened(folder).get(shard);
  const place = listJournals(folder).find((each) => each.shard === shard && each.from === noted);
  using journal = place && fileReader.open(place);
  if (journal !== undefined && journal.read().writtenBytes > 0) removeIfThere(join(folder.opened, openedName(shard)));
}

/** Writes a note of each journal file that is begun. It is a hint: a full disk may prevent it. */
export const openedNoter =
  ({ folder, shard, log }: { folder: DataFolder; shard: ShardId; log: Log }) =>
  (from: Sequence): void => {
    try {
      noteOpened(folder, { shard, from });
    } catch (error) {
      log.warn({ error: messageOf(error) }, "the open journal file is not noted: if it is removed, no start notices");
    }
  };
