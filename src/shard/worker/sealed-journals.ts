/**
 * Decides which journal files of the last run are already sealed and can be removed: those covered by a segment that
 * passes the keeper's check. A damaged segment is renamed or put into quarantine, and the journal file is sealed again.
 */
import { join } from "node:path";
import { type ShardId, sequence } from "../../base/brand.ts";
import { checksumOfFile, renameDurably, syncFolder } from "../../base/durable.ts";
import { DataFolderRefused, messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { fileReader } from "../../journal/file-reader.ts";
import type { JournalPlace } from "../../journal/journal.ts";
import type { ReadGroup } from "../../journal/reader.ts";
import type { KeeperForShards } from "../../keeper/protocol.ts";
import { listJournals } from "../../store/folder/journal-files.ts";
import { listNames } from "../../store/folder/layout.ts";
import { type DataFolder, parseSegmentName, type SegmentName } from "../../store/folder/names.ts";
import { quarantineSegment } from "../../store/segment/quarantine.ts";

/** What these functions need; the keeper opens segments. */
type SealedLook = { folder: DataFolder; log: Log; keeper: Pick<KeeperForShards, "check"> };

/** The segments of a shard that exist now. */
export const segmentsOf = (folder: DataFolder, shard: ShardId): { file: string; name: SegmentName }[] =>
  listNames(folder.segments, parseSegmentName).filter(({ name }) => name.shard === shard);

/**
 * Whether a segment has all events of a journal file.
 * @throws DataFolderRefused when the file goes past the segment that has its first event
 */
export async function isSealed(look: SealedLook, shard: ShardId, place: JournalPlace): Promise<boolean> {
  const { folder, keeper } = look;
  const covering = segmentsOf(folder, shard).filter(({ name }) => name.from <= place.from && place.from <= name.to);
  for (const segment of covering) {
    const path = join(folder.segments, segment.file);
    try {
      await keeper.check(path);
    } catch (error) {
      const why = await damageOf(path, segment.name, error);
      if (why === undefined) throw error;
      replaceDamaged(look, segment, why);
      continue;
    }
    // Its name may not be durable yet: the sync after its rename may have failed.
    syncFolder(folder.segments);
    const last = groupsOf(place).at(-1)?.commit;
    if (last !== undefined && last.sequence + last.rows - 1 > segment.name.to)
      throw new DataFolderRefused(
        `journal file ${place.path} goes past the segment ${segment.file} that should cover it; "millrace verify" tells more`,
      );
    return true;
  }
  return false;
}

/** Moves a damaged segment away, so that the events that the journal still has can be sealed again. */
function replaceDamaged({ folder, log }: SealedLook, { file, name }: { file: string; name: SegmentName }, why: string) {
  const path = join(folder.segments, file);
  if (isWholeInJournals(folder, name)) {
    log.error({ segment: file, why }, "segment unreadable; made again from its journal");
    renameDurably({ from: path, to: `${path}.corrupt` });
  } else {
    // The events that the journal still has must be sealed, under a name whose range lies within this one.
    log.error({ segment: file, why }, "segment unreadable: put into quarantine; its journal has a part of it");
    quarantineSegment(folder, { file, range: name, why });
  }
}

/** Whether the journal still has every event of a segment. */
function isWholeInJournals(folder: DataFolder, segment: SegmentName): boolean {
  let next = segment.from;
  for (const place of listJournals(folder).filter(({ shard }) => shard === segment.shard))
    for (const { commit } of groupsOf(place)) if (commit.sequence === next) next = sequence(next + commit.rows);
  return next > segment.to;
}

function groupsOf(place: JournalPlace): ReadGroup[] {
  using journal = fileReader.open(place);
  return journal?.read().groups ?? [];
}

/**
 * What is wrong with a segment that failed its check; undefined if the failure may be temporary: the keeper died, or
 * descriptors or memory ran out.
 */
async function damageOf(path: string, name: SegmentName, error: unknown): Promise<string | undefined> {
  if ((await checksumOfFile(path)) !== name.crc32) return "its bytes do not match the checksum in its name";
  const text = messageOf(error);
  return /is not a segment|does not add up/.test(text) ? text.replaceAll(path, "the file") : undefined;
}
