/**
 * The latest client-made ids on disk. They outlive the journal files that held them, so duplicates are recognized after
 * a restart too.
 *
 * Invariants:
 * - A journal's ids are durable here before its segment is renamed into place, so an id is always in the journal or
 *   here.
 * - A block with a bad checksum loses only its own ids. At the end of a file it may be an interrupted write: then its
 *   journal still exists. Otherwise the next start reads its ids from the segments (`rebuild-ids.ts`).
 */
import { closeSync, readSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { Sequence, ShardId } from "../../base/brand.ts";
import { openKept } from "../../base/descriptors.ts";
import { appendToFile, createDurably, removeIfThere, syncFolder } from "../../base/durable.ts";
import { readEventId } from "../../event/event-id.ts";
import { listNames } from "../../store/folder/layout.ts";
import { type DataFolder, idLogName, parseIdLogName, unfinishedSuffix } from "../../store/folder/names.ts";
import { encodeIdBlock, type IdBlock, idRecordBytes, readIdBlocks } from "../../store/ids/blocks.ts";
import { type Claims, type IdTable, idsKeptMin, idWords } from "./id-table.ts";

const recordWords = idWords + 1;

/** A file takes this many ids before the next one starts; old files are removed when the newer ones hold enough. */
const idsPerFile = 250_000;

/** What a flush appends: the ids of events of this shard, up to sequence `to`. */
type LoggedIds = { ids: Claims; shard: ShardId; to: Sequence; nowMs: number };

/** Writes the id log of one shard. */
export class IdLog {
  readonly #folder: DataFolder;
  readonly #shard: ShardId;
  #lastIsTorn = false;
  #number = 0;
  #newestMs = 0;
  /** Files of this shard, oldest first; the last one takes appends. */
  readonly #files: { number: number; ids: number }[];

  constructor(folder: DataFolder, shard: ShardId) {
    this.#folder = folder;
    this.#shard = shard;
    this.#files = listNames(folder.ids, parseIdLogName)
      .filter(({ name }) => name.shard === shard)
      .map(({ file, name }) => {
        const { blocks, isTorn } = readIdBlocks(join(folder.ids, file));
        this.#lastIsTorn = isTorn;
        this.#number = name.number;
        this.#newestMs = Math.max(this.#newestMs, ...blocks.map(({ flushedAtMs }) => flushedAtMs));
        return { number: name.number, ids: countIds(blocks) };
      });
  }

  /**
   * Appends a block, durably, and removes files that are no longer needed. Never appends after a torn block, because
   * readers stop there.
   * @throws the system's error when the disk refuses
   */
  append({ ids, shard, to, nowMs }: LoggedIds): void {
    if (ids.count === 0) return;
    const last = this.#files.at(-1);
    const isNew = last === undefined || this.#lastIsTorn || last.ids >= idsPerFile;
    // Increased even if the file fails: its number is never used again.
    if (isNew) this.#number += 1;
    const file = isNew ? { number: this.#number, ids: 0 } : last;
    // Never earlier than the blocks before it, even if the clock was set back: blocks are ordered by their times.
    this.#newestMs = Math.max(nowMs, this.#newestMs);
    this.#lastIsTorn = true;
    const path = this.#pathOf(file.number);
    try {
      const block = { flushedAtMs: this.#newestMs, range: { shard, to }, records: encodeRecords(ids) };
      if (isNew) createDurably(path, encodeIdBlock(block));
      else appendToFile(path, encodeIdBlock(block));
      if (isNew) syncFolder(this.#folder.ids);
    } catch (error) {
      // Otherwise each try on a refusing disk would leave a file, and the ids would be stored twice.
      if (isNew) removeIfThere(path);
      throw error;
    }
    if (isNew) this.#files.push(file);
    this.#lastIsTorn = false;
    file.ids += ids.count;
    this.#dropOld();
  }

  /**
   * Removes ids from all files of these shards, durably; the other ids stay as they are.
   * @throws the system's error when the disk refuses; a second call does the rest
   */
  forget(ids: ReadonlySet<string>, shards: readonly ShardId[]): void {
    const files = listNames(this.#folder.ids, parseIdLogName).filter(({ name }) => shards.includes(name.shard));
    for (const { file, name } of files) {
      const forgotten = forgetIn(join(this.#folder.ids, file), ids);
      const own = this.#files.find(({ number }) => name.shard === this.#shard && number === name.number);
      if (own !== undefined) own.ids -= forgotten;
    }
    // Also when nothing was left to do: an earlier call may have failed at this sync.
    syncFolder(this.#folder.ids);
  }

  #pathOf(number: number): string {
    return join(this.#folder.ids, idLogName({ shard: this.#shard, number }));
  }

  #dropOld(): void {
    for (;;) {
      const [oldest, ...newer] = this.#files;
      if (oldest === undefined || newer.reduce((sum, file) => sum + file.ids, 0) < idsKeptMin) return;
      removeIfThere(this.#pathOf(oldest.number));
      this.#files.shift();
    }
  }
}

/** Ids searched for in one pass over the logs: 40 MB of memory. */
const idsPerPass = 250_000;

/** Reads a file of ids, one a line, in sets that are small enough for memory. */
export function* idsIn(path: string): Generator<ReadonlySet<string>> {
  const lineBytes = 37;
  const descriptor = openKept(path, "r");
  try {
    const piece = Buffer.alloc(idsPerPass * lineBytes);
    for (;;) {
      const bytes = readSync(descriptor, piece);
      if (bytes === 0) return;
      yield new Set(piece.toString("latin1", 0, bytes).split("\n"));
    }
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Rewrites a file without these ids, if it holds any, and without a torn block, which may hold some. Returns how many
 * were removed.
 */
function forgetIn(path: string, ids: ReadonlySet<string>): number {
  const { blocks, isTorn } = readIdBlocks(path);
  const kept = blocks.map((block) => {
    const { words, count } = decodeRecords(block);
    const stays = Array.from({ length: count }, (_, index) => index).filter(
      (index) => !ids.has(readEventId(words, index * idWords)),
    );
    const records = stays.map((index) => block.records.subarray(index * idRecordBytes, (index + 1) * idRecordBytes));
    return { ...block, records: Buffer.concat(records) };
  });
  const forgotten = countIds(blocks) - countIds(kept);
  if (forgotten === 0 && !isTorn) return 0;
  const unfinished = path + unfinishedSuffix;
  removeIfThere(unfinished);
  createDurably(unfinished, kept.filter((block) => countOf(block) > 0).map(encodeIdBlock));
  renameSync(unfinished, path);
  return forgotten;
}

const countOf = (block: IdBlock) => block.records.byteLength / idRecordBytes;

const countIds = (blocks: readonly IdBlock[]) => blocks.reduce((sum, block) => sum + countOf(block), 0);

function encodeRecords(ids: Claims): Uint8Array {
  const records = new Uint32Array(ids.count * recordWords);
  // Word by word, here and below: a view for each id costs more than its five words.
  for (let index = 0; index < ids.count; index++) {
    const at = index * recordWords;
    for (let word = 0; word < idWords; word++) records[at + word] = ids.words[index * idWords + word] ?? 0;
    records[at + idWords] = ids.contents[index] ?? 0;
  }
  return new Uint8Array(records.buffer);
}

function decodeRecords(block: IdBlock): Claims {
  // Copied, because the records of a file need not start at a multiple of four.
  const records = new Uint32Array(new Uint8Array(block.records).buffer);
  const count = countOf(block);
  const words = new Uint32Array(count * idWords);
  const contents = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    const at = index * recordWords;
    for (let word = 0; word < idWords; word++) words[index * idWords + word] = records[at + word] ?? 0;
    contents[index] = records[at + idWords] ?? 0;
  }
  return { words, contents, count };
}

/**
 * Enters the latest ids of all shards into the table, oldest first: the newest blocks that together hold `idsKeptMin`
 * ids. Called before any actor starts. Returns how many were entered.
 */
export function loadIdLogs(folder: DataFolder, table: IdTable): number {
  const blocks = listNames(folder.ids, parseIdLogName).flatMap(
    ({ file }) => readIdBlocks(join(folder.ids, file)).blocks,
  );
  blocks.sort((a, b) => b.flushedAtMs - a.flushedAtMs);
  const latest: IdBlock[] = [];
  let count = 0;
  for (const block of blocks) {
    if (count >= idsKeptMin) break;
    latest.push(block);
    count += countOf(block);
  }
  for (const block of latest.reverse()) table.enter(decodeRecords(block));
  return count;
}
