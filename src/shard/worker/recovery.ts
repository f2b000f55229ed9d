/**
 * Recovers a shard from its folder. The decisions are made here; the journal carries them out on its files
 * (`journal/file-recovery.ts`).
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

/** What a recovery needs. */
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

/** What a recovered shard starts with. */
export type Recovered = {
  /** Parts that wait for their flush, in order, including those of retired shards. */
  pending: PendingPart[];
  /** Number of current segments of this shard and of the retired shards it owns. */
  segments: number;
  /** When the last flush sealed one of them. ms since 1970; 0 for never. */
  lastFlushMs: number;
  /** Files in `journal/corrupt`, from now or earlier. */
  corruptJournals: number;
  /** Lines in `journal/refused`: they could not be sealed. */
  refusedLines: number;
};

/**
 * Recovers a shard and the retired shards that it owns. Retired shards are divided among the running ones.
 * @throws DataFolderRefused when files contradict each other in a way that only a person can judge
 */
export async function recoverShard(options: RecoveryOptions): Promise<Recovered> {
  const { folder, shard, journal } = options;
  // A seal that this shard's last run asked for may still be under way; its part must not be judged before it ends.
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

/** Recovers one journal: decides what is sealed, marks what is lost, and finds the first unused sequence. */
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
      // Sequences of missing events count as used: their file may come back.
      return sequence(Math.max(last + 1, unusedFrom(folder, shard)));
    },
  });
  return { current, parts };
}

/**
 * When the segment with a shard's newest events was written, by its file's time, so without DuckDB. A merge makes it
 * later.
 */
const sealedAtMs = (folder: DataFolder, file: string | undefined) =>
  file === undefined ? 0 : (statSync(join(folder.segments, file), { throwIfNoEntry: false })?.mtimeMs ?? 0);

/** This shard and the retired shards it owns that have files in the folder. */
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

/** Counts the rows of a part again from its lines. */
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
