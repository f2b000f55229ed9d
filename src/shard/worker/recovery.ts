/**
 * A shard's own folder to a shard that can go on. What it means is decided here; what happens to journal files is done
 * by the journal (`journal/file-recovery.ts`).
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ShardId, sequence, shardId } from "../../base/brand.ts";
import { DataFolderRefused } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import { readRowHead } from "../../event/line/row.ts";
import { fileReader } from "../../journal/file-reader.ts";
import type { Journal, JournalPart } from "../../journal/journal.ts";
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
} from "../../store/folder/names.ts";
import type { PendingPart } from "./flush.ts";
import { forgetOpened, markLost } from "./lost-events.ts";
import { isSealed, segmentsOf } from "./sealed-journals.ts";
import { Tally } from "./tally.ts";

/** Where a shard recovers from, and with what. */
type RecoveryOptions = {
  folder: DataFolder;
  shard: ShardId;
  shards: number;
  log: Log;
  keeper: KeeperForShards;
  /** This shard's journal. */
  journal: Journal;
  /** Opens the journal of a retired shard. */
  openJournal: (shard: ShardId) => Journal;
};

/** What a shard goes on with. */
export type Recovered = {
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
 * Recovers a shard, and the retired shards that it owns: those past the number that runs are shared out among those
 * that run.
 * @throws DataFolderRefused when files contradict each other in a way that only a person can judge
 */
export async function recoverShard(options: RecoveryOptions): Promise<Recovered> {
  const { folder, shard, journal } = options;
  // What this shard's last life asked to be sealed may still be under way, and would be decided about twice.
  await options.keeper.settle();
  const owned = ownedShards(options);
  let segments = 0;
  const pending: PendingPart[] = [];
  let lastFlushMs = 0;
  for (const each of owned) {
    const { current, parts } = await recoverJournal(
      options,
      each,
      each === shard ? journal : options.openJournal(each),
    );
    segments += current.length;
    if (each !== importShard) lastFlushMs = Math.max(lastFlushMs, sealedAtMs(folder, current.at(-1)?.file));
    pending.push(...parts.map((part) => pendingOf(each, part)));
  }
  return {
    pending,
    segments,
    lastFlushMs,
    corruptJournals: owned.reduce((sum, each) => sum + filesOf(folder.corrupt, each).length, 0),
    refusedLines: owned.reduce((sum, each) => sum + countLines(folder.refused, each), 0),
  };
}

/** Has a journal recover: decides what is sealed, marks what is lost, and finds the sequence that was never used. */
async function recoverJournal(options: RecoveryOptions, shard: ShardId, journal: Journal) {
  const { folder } = options;
  forgetOpened(folder, shard);
  let current: { file: string; name: SegmentName }[] = [];
  const { parts } = await journal.recover({
    isSealed: (place) => isSealed(options, shard, place),
    nextAfter: (recovered) => {
      markLost(folder, shard, recovered);
      current = currentSegments(segmentsOf(folder, shard)).current;
      refuseOverlaps(current);
      const last = Math.max(0, ...current.map(({ name }) => name.to), ...recovered.parts.map(({ to }) => to));
      // What is missing was used: its ids may come back with its file.
      return sequence(Math.max(last + 1, unusedFrom(folder, shard)));
    },
  });
  return { current, parts };
}

/**
 * When the segment with a shard's newest events was written: its file's time needs no DuckDB. A merge makes it later.
 */
const sealedAtMs = (folder: DataFolder, file: string | undefined) =>
  file === undefined ? 0 : (statSync(join(folder.segments, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** This shard, and those found in the folder that no longer run and fall to it. */
export function ownedShards(owner: { folder: DataFolder; shard: ShardId; shards: number }): ShardId[] {
  const { folder, shard, shards } = owner;
  const found = [...listNames(folder.journal, parseJournalName), ...listNames(folder.segments, parseSegmentName)];
  const retired = found.map(({ name }) => name.shard).filter((each) => each >= shards && each % shards === shard);
  return [...new Set([shard, ...retired])].sort((a, b) => a - b).map(shardId);
}

const shardPrefix = (shard: ShardId) => journalName({ shard, from: sequence(0) }).slice(0, 5);

const filesOf = (path: string, shard: ShardId) =>
  readdirSync(path).filter((file) => file.startsWith(shardPrefix(shard)));

const countLines = (path: string, shard: ShardId) =>
  filesOf(path, shard).reduce((sum, file) => sum + readFileSync(join(path, file), "latin1").split("\n").length - 1, 0);

/** What was counted of a part in its last life: its lines tell. */
function pendingOf(shard: ShardId, part: JournalPart): PendingPart {
  const tally = new Tally();
  for (const line of fileReader.rowsOf(part.path)) {
    const head = readRowHead(line);
    tally.add(head);
    tally.lineBytesMax = Math.max(tally.lineBytesMax, line.byteLength);
    tally.noteReceived(head.receivedAtMs);
  }
  return { shard, part, tally };
}

function refuseOverlaps(current: readonly { file: string; name: SegmentName }[]): void {
  for (const [index, segment] of current.entries()) {
    const before = current[index - 1];
    if (before !== undefined && before.name.to >= segment.name.from)
      throw new DataFolderRefused(`segments ${before.file} and ${segment.file} overlap; "millrace verify" tells more`);
  }
}
