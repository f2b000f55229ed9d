/**
 * A shard's own folder to a shard that can go on: what the last life of the actor left, judged file by file.
 *
 * Invariants:
 * - Only the end of the last journal file of a shard is ever cut, and only when it is a torn group.
 * - A corrupt file is copied to `journal/corrupt` before anything of it is used. Only its whole groups are used.
 * - A journal file goes only when a segment that covers it opens and counts.
 */
import { copyFileSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { type Sequence, type ShardId, sequence, shardId } from "../../base/brand.ts";
import {
  checksumOfFile,
  removeIfThere,
  renameDurably,
  syncFile,
  syncFolder,
  truncateDurably,
} from "../../base/durable.ts";
import { DataFolderRefused } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { readRowHead } from "../../event/line/row.ts";
import { type JournalContent, type ReadGroup, readJournal, rowLines, soundBytesOf } from "../../journal/reader.ts";
import type { KeeperForShards } from "../../keeper/protocol.ts";
import { currentSegments } from "../../store/folder/current.ts";
import { listNames } from "../../store/folder/layout.ts";
import { unusedFrom } from "../../store/folder/missing.ts";
import {
  type DataFolder,
  importShard,
  journalName,
  parseJournalName,
  parseSegmentName,
  type SegmentName,
  unfinishedSuffix,
} from "../../store/folder/names.ts";
import { quarantineSegment } from "../../store/segment/quarantine.ts";
import type { PendingPart } from "./flush.ts";
import { type CorruptJournal, damageOf, forgetOpened, markLost } from "./lost-events.ts";
import { Tally } from "./tally.ts";
import { writeAgain, writeWhole } from "./whole-file.ts";

/** Where a shard recovers from, and with what. */
type RecoveryOptions = {
  folder: DataFolder;
  shard: ShardId;
  shards: number;
  log: Log;
  keeper: KeeperForShards;
};

/** What a shard goes on with. */
export type Recovered = {
  /** Sequence of its next row. */
  next: Sequence;
  /** What waits for its flush, in order; journal files of retired shards are among them. */
  pending: PendingPart[];
  /** Current segments of this shard and of those that fall to it. */
  segments: number;
  /** When the last flush sealed one of them, ms since 1970; 0 for never. */
  lastFlushMs: number;
  /** Files in `journal/corrupt`, from now or earlier. */
  corruptJournals: number;
  /** Lines in `journal/refused`: they could not be sealed. */
  refusedLines: number;
};

/**
 * Recovers a shard, and the retired shards that it owns: those past the number that runs are shared out among those that run.
 * @throws DataFolderRefused when files contradict each other in a way that only a person can judge
 */
export async function recoverShard(options: RecoveryOptions): Promise<Recovered> {
  const { folder, shard } = options;
  // What this shard's last life asked to be sealed may still be under way, and would be decided about twice.
  await options.keeper.settle();
  const owned = ownedShards(options);
  let segments = 0;
  const pending: PendingPart[] = [];
  let next = sequence(1);
  let lastFlushMs = 0;
  for (const each of owned) {
    const parts = await recoverJournals(options, each);
    const { current } = currentSegments(segmentsOf(folder, each));
    refuseOverlaps(current);
    segments += current.length;
    if (each !== importShard) lastFlushMs = Math.max(lastFlushMs, sealedAtMs(folder, current.at(-1)?.file));
    pending.push(...parts);
    const last = Math.max(0, ...current.map(({ name }) => name.to), ...parts.map(({ part }) => part.to));
    // What is missing was used: its ids may come back with its file.
    if (each === shard) next = sequence(Math.max(last + 1, unusedFrom(folder, shard)));
  }
  return {
    next,
    pending,
    segments,
    lastFlushMs,
    corruptJournals: owned.reduce((sum, each) => sum + filesOf(folder.corrupt, each).length, 0),
    refusedLines: owned.reduce((sum, each) => sum + countLines(folder.refused, each), 0),
  };
}

/** When the segment with a shard's newest events was written: its file's time needs no DuckDB. A merge makes it later. */
const sealedAtMs = (folder: DataFolder, file: string | undefined) =>
  file === undefined ? 0 : (statSync(join(folder.segments, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** This shard, and those found in the folder that no longer run and fall to it. */
export function ownedShards(owner: Pick<RecoveryOptions, "folder" | "shard" | "shards">): ShardId[] {
  const { folder, shard, shards } = owner;
  const found = [...listNames(folder.journal, parseJournalName), ...listNames(folder.segments, parseSegmentName)];
  const retired = found.map(({ name }) => name.shard).filter((each) => each >= shards && each % shards === shard);
  return [...new Set([shard, ...retired])].sort((a, b) => a - b).map(shardId);
}

const segmentsOf = (folder: DataFolder, shard: ShardId) =>
  listNames(folder.segments, parseSegmentName).filter(({ name }) => name.shard === shard);

const journalsOf = (folder: DataFolder, shard: ShardId) =>
  listNames(folder.journal, parseJournalName).filter(({ name }) => name.shard === shard);

const shardPrefix = (shard: ShardId) => journalName({ shard, from: sequence(0) }).slice(0, 5);

const filesOf = (path: string, shard: ShardId) =>
  readdirSync(path).filter((file) => file.startsWith(shardPrefix(shard)));

const countLines = (path: string, shard: ShardId) =>
  filesOf(path, shard).reduce((sum, file) => sum + readFileSync(join(path, file), "latin1").split("\n").length - 1, 0);

async function recoverJournals(options: RecoveryOptions, shard: ShardId): Promise<PendingPart[]> {
  const { folder } = options;
  for (const { file, name } of journalsOf(folder, shard)) await dropIfSealed(options, join(folder.journal, file), name);
  forgetOpened(folder, shard);
  const files = journalsOf(folder, shard);
  const corrupt: CorruptJournal[] = [];
  for (const [index, { file, name }] of files.entries()) {
    const after = files[index + 1]?.name;
    const isSound = await makeSound(options, {
      path: join(folder.journal, file),
      name,
      isLast: after === undefined,
    });
    if (!isSound) corrupt.push({ from: name.from, until: after?.from });
  }
  const parts = await Promise.all(
    journalsOf(folder, shard).map(async ({ file, name }) => {
      const path = join(folder.journal, file);
      // What is only in the page cache would count as durable below.
      writeAgain(path);
      return partOf(path, shard, readJournal(path, name.from));
    }),
  );
  for (const [index, { part }] of parts.entries()) {
    const before = parts[index - 1]?.part;
    if (before !== undefined && before.to >= part.from)
      throw new DataFolderRefused(`journal files ${before.path} and ${part.path} overlap`);
  }
  markLost(folder, shard, { corrupt, parts: parts.map(({ part }) => part) });
  return parts;
}

/** Removes a journal file that a segment covers; a segment that cannot be read is renamed or put into quarantine instead. */
async function dropIfSealed(options: RecoveryOptions, path: string, name: { shard: ShardId; from: Sequence }) {
  const { folder, keeper, log } = options;
  const covering = segmentsOf(folder, name.shard).filter(
    (each) => each.name.from <= name.from && name.from <= each.name.to,
  );
  for (const segment of covering) {
    const segmentPath = join(folder.segments, segment.file);
    try {
      await keeper.check(segmentPath);
    } catch (error) {
      const why = await damageOf(segmentPath, segment.name, error);
      if (why === undefined) throw error;
      if (isWholeInJournals(folder, segment.name)) {
        log.error({ segment: segment.file, why }, "segment unreadable; made again from its journal");
        renameDurably({ from: segmentPath, to: `${segmentPath}.corrupt` });
      } else {
        // What its journal still has must be sealed, under a name that lies within this one.
        log.error(
          { segment: segment.file, why },
          "segment unreadable: put into quarantine; its journal has a part of it",
        );
        quarantineSegment(folder, { file: segment.file, range: segment.name, why });
      }
      continue;
    }
    // Its name may not be durable yet: the sync after its rename is what may have failed.
    syncFolder(folder.segments);
    const { groups } = readJournal(path, name.from);
    const last = groups.at(-1)?.commit;
    if (last !== undefined && last.sequence + last.rows - 1 > segment.name.to)
      throw new DataFolderRefused(`journal file ${path} goes past the segment ${segment.file} that should cover it`);
    log.info({ journal: basename(path) }, "journal already sealed; removed");
    removeIfThere(path);
    return;
  }
}

/** Whether the journal still has every event of a segment. */
function isWholeInJournals(folder: DataFolder, segment: SegmentName): boolean {
  let next = segment.from;
  for (const { file, name } of journalsOf(folder, segment.shard))
    for (const { commit } of readJournal(join(folder.journal, file), name.from).groups)
      if (commit.sequence === next) next = sequence(next + commit.rows);
  return next > segment.to;
}

/** Brings one journal file to whole groups only: cuts a torn end. Of a corrupt file it keeps a copy and goes on with the rest; false then. */
async function makeSound(
  { folder, log }: RecoveryOptions,
  file: { path: string; name: { shard: ShardId; from: Sequence }; isLast: boolean },
): Promise<boolean> {
  const { path, name } = file;
  const content = readJournal(path, name.from);
  const isTorn = content.soundBytes < content.writtenBytes;
  const isEmpty = content.groups.length === 0;
  if (content.corrupt.length === 0 && (file.isLast || (!isTorn && !isEmpty))) {
    const cutBytes = content.writtenBytes - content.soundBytes;
    if (isTorn)
      log.info({ journal: basename(path), cutBytes }, "torn end of the journal cut; it was never acknowledged");
    // The zeros that stood ready for more go, too: DuckDB reads the file as it is.
    if (content.soundBytes === 0) removeIfThere(path);
    else if (content.mend !== undefined) complete(path, content);
    else if (content.soundBytes < content.fileBytes) truncateDurably(path, content.soundBytes);
    return true;
  }
  // Named by what it holds: copying it once more, after a salvage that failed, writes the same file again.
  const checksum = (await checksumOfFile(path)).toString(16).padStart(8, "0");
  const aside = join(folder.corrupt, `${basename(path)}.${checksum}`);
  copyFileSync(path, aside);
  await syncFile(aside);
  syncFolder(folder.corrupt);
  log.error(
    { keptIn: aside, corrupt: content.corrupt, tornIn: isTorn },
    "journal corrupt: a copy is in journal/corrupt; its whole groups go on",
  );
  salvage(folder, path, name.shard, content);
  return false;
}

/** Writes a file with what its last group lacks. */
function complete(path: string, content: JournalContent): void {
  writeWhole(path + unfinishedSuffix, [soundBytesOf(readFileSync(path), content)]);
  renameDurably({ from: path + unfinishedSuffix, to: path });
}

/** Writes each unbroken run of whole groups as a journal file of its own, the first over the corrupt one, last. */
function salvage(folder: DataFolder, path: string, shard: ShardId, content: JournalContent): void {
  const runs: ReadGroup[][] = [];
  for (const group of content.groups) {
    const run = runs.at(-1);
    const before = run?.at(-1)?.commit;
    if (run !== undefined && before !== undefined && before.sequence + before.rows === group.commit.sequence)
      run.push(group);
    else runs.push([group]);
  }
  const whole = soundBytesOf(readFileSync(path), content);
  const names = runs.map((run) => {
    const from = run[0]?.commit.sequence ?? sequence(1);
    const target = join(folder.journal, journalName({ shard, from }));
    const pieces = run.map((group) => whole.subarray(group.offset, group.end));
    writeWhole(target + unfinishedSuffix, pieces);
    return target;
  });
  for (const target of names.toReversed()) renameSync(target + unfinishedSuffix, target);
  syncFolder(folder.journal);
  if (!names.includes(path)) removeIfThere(path);
}

function partOf(path: string, shard: ShardId, content: JournalContent): PendingPart {
  const tally = new Tally();
  for (const group of content.groups)
    for (const line of rowLines(group.lines)) {
      const head = readRowHead(line);
      tally.add(head);
      tally.lineBytesMax = Math.max(tally.lineBytesMax, line.byteLength);
      tally.noteReceived(head.receivedAtMs);
    }
  const first = content.groups[0]?.commit;
  const last = content.groups.at(-1)?.commit;
  if (first === undefined || last === undefined)
    throw new DataFolderRefused(`journal file ${path} holds no whole group`);
  const to = sequence(last.sequence + last.rows - 1);
  return { shard, part: { path, from: first.sequence, to, rows: tally.rows, bytes: content.soundBytes }, tally };
}

function refuseOverlaps(current: readonly { file: string; name: SegmentName }[]): void {
  for (const [index, segment] of current.entries()) {
    const before = current[index - 1];
    if (before !== undefined && before.name.to >= segment.name.from)
      throw new DataFolderRefused(`segments ${before.file} and ${segment.file} overlap; "millrace verify" tells more`);
  }
}
