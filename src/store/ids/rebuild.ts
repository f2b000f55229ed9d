/**
 * Restores ids that clients made and that the id logs have lost, by damage or with their file, from the segments.
 *
 * Invariants:
 * - It runs before any shard starts: nobody else writes id logs then.
 * - Restored ids are durable in new files before a damaged file is written again without its damage.
 * - An id comes from the segment that holds its event, so an erased event's id never comes back.
 */

import { join } from "node:path";
import type { ShardId } from "../../base/brand.ts";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { readEventId, writeEventId } from "../../event/event-id.ts";
import { replaceDurably } from "../folder/kept-file.ts";
import { listNames } from "../folder/layout.ts";
import { type DataFolder, idLogName, importShard, parseIdLogName } from "../folder/names.ts";
import { segmentsQuery } from "../segment/segments-query.ts";
import type { KnownSegment } from "../segment/summary.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { integer } from "../sql/literals.ts";
import { contentUnknown, encodeIdBlock, type IdBlock, idRecordBytes, readIdBlocks } from "./blocks.ts";

/** What a rebuild did. */
export type RebuiltIds = {
  /** Number of ids that the logs lacked. */
  ids: number;
  /** Names of damaged files that are whole again, without what was damaged. */
  mended: string[];
};

/** A segment of which the latest `ids` ids must be known. */
type Candidate = { segment: KnownSegment; ids: number };

/** The candidates of one shard. */
type ShardCandidates = { shard: ShardId; candidates: readonly Candidate[] };

/** A block's range and number of ids, without the ids, so that many blocks fit in memory. */
type BlockHead = { range: IdBlock["range"]; ids: number };

const idWords = 4;

/**
 * Compares the id logs with the segments, and adds what the logs lack of the latest `idsMax` ids of each shard: as many
 * as a shard keeps in its log, so that a merge of its segments changes nothing. `isComplete`: every segment can be
 * read. If not, damaged files are left as they are and reported, because the lost ids may come back with a segment.
 * @throws the system's error when the disk refuses, DuckDB's when a segment cannot be read; a second call does the rest
 */
export async function rebuildIds(
  duckdb: DuckDB,
  folder: DataFolder,
  { segments, idsMax, isComplete }: { segments: readonly KnownSegment[]; idsMax: number; isComplete: boolean },
): Promise<RebuiltIds> {
  const files = listNames(folder.ids, parseIdLogName).map(({ file }) => join(folder.ids, file));
  const heads: BlockHead[] = [];
  const damaged: string[] = [];
  for (const path of files) {
    const { blocks, isTorn, damaged: places } = readIdBlocks(path);
    for (const block of blocks) heads.push({ range: block.range, ids: countOf(block) });
    if (isTorn || places.length > 0) damaged.push(path);
  }
  const byShard = candidatesByShard(segments, idsMax);
  const all = byShard.flatMap(({ candidates }) => candidates);
  if (damaged.length === 0 && lackOf(all, heads) === 0) return { ids: 0, mended: [] };
  let ids = 0;
  for (const own of byShard) {
    const lost = await lostIds(duckdb, folder, { candidates: own.candidates, files, idsMax });
    ids += keepLost(folder, own, lost);
  }
  if (!isComplete) return { ids, mended: [] };
  for (const path of damaged) mend(path);
  syncFolder(folder.ids);
  return { ids, mended: damaged.map((path) => path.slice(folder.ids.length + 1)) };
}

/** Each shard's segments with its latest ids. Imported events are excluded: their ids are in files of their own. */
function candidatesByShard(segments: readonly KnownSegment[], idsMax: number): ShardCandidates[] {
  const withIds = segments.filter(
    ({ name, summary }) => name.shard !== importShard && summary.clientIds > 0 && summary.events > 0,
  );
  const shards = new Set(withIds.map(({ name }) => name.shard));
  return [...shards].map((shard) => {
    const own = withIds.filter(({ name }) => name.shard === shard);
    return { shard, candidates: candidatesOf(own, idsMax) };
  });
}

/** The segments of one shard with the latest ids. */
function candidatesOf(segments: readonly KnownSegment[], idsMax: number): Candidate[] {
  const latestFirst = segments.toSorted((a, b) => (b.summary.receivedToMs ?? 0) - (a.summary.receivedToMs ?? 0));
  const candidates: Candidate[] = [];
  let left = idsMax;
  for (const segment of latestFirst) {
    if (left === 0) break;
    const ids = Math.min(segment.summary.clientIds, segment.summary.events, left);
    candidates.push({ segment, ids });
    left -= ids;
  }
  return candidates;
}

/**
 * How many ids the logs may lack, from counts alone. A block of the older format does not name its shard, so its ids
 * may belong to any.
 */
function lackOf(candidates: readonly Candidate[], heads: readonly BlockHead[]): number {
  const sum = (counted: readonly BlockHead[]) => counted.reduce((total, { ids }) => total + ids, 0);
  const unnamed = sum(heads.filter(({ range }) => range === undefined));
  const lacking = candidates.reduce((total, { segment: { name }, ids }) => {
    const own = heads.filter(
      ({ range }) => range?.shard === name.shard && name.from <= range.to && range.to <= name.to,
    );
    return total + Math.max(0, ids - sum(own));
  }, 0);
  return Math.max(0, lacking - unnamed);
}

/** Ids of the candidates that no block holds, each with the index of its candidate. */
async function lostIds(
  duckdb: DuckDB,
  folder: DataFolder,
  { candidates, files, idsMax }: { candidates: readonly Candidate[]; files: readonly string[]; idsMax: number },
): Promise<Map<string, number>> {
  const lost = new Map<string, number>();
  for (const [index, { segment }] of candidates.entries()) {
    const source = segmentsQuery({ table: "events", files: [join(folder.segments, segment.file)] });
    // The server makes only version 7 ids: in a segment with several versions, ids that clients surely made go first.
    const query = `SELECT event_id::VARCHAR AS id FROM (${source})
      ORDER BY uuid_extract_version(event_id) = 7, received_at DESC LIMIT ${integer(idsMax - lost.size)}`;
    for await (const chunk of duckdb.chunks(query))
      for (const id of chunk.getColumnValues(0)) if (typeof id === "string") lost.set(id, index);
    if (lost.size >= idsMax) break;
  }
  for (const path of files)
    for (const { records } of readIdBlocks(path).blocks) {
      // Copied, because the records of a file need not start at a multiple of four.
      const words = new Uint32Array(new Uint8Array(records).buffer);
      for (let at = 0; at < words.length; at += idWords + 1) lost.delete(readEventId(words, at));
    }
  return lost;
}

/** Writes a shard's ids into a new file, a block for each segment, and returns their number. */
function keepLost(
  folder: DataFolder,
  { shard, candidates }: ShardCandidates,
  lost: ReadonlyMap<string, number>,
): number {
  if (lost.size === 0) return 0;
  const byCandidate = candidates.map((): string[] => []);
  for (const [id, index] of lost) byCandidate[index]?.push(id);
  const blocks = candidates.flatMap(({ segment }, index) => {
    const ids = byCandidate[index] ?? [];
    if (ids.length === 0) return [];
    const { name, summary } = segment;
    return encodeIdBlock({
      flushedAtMs: summary.receivedToMs ?? 0,
      range: { shard, to: name.to },
      records: recordsOf(ids),
    });
  });
  const numbers = listNames(folder.ids, parseIdLogName).map(({ name }) => (name.shard === shard ? name.number : 0));
  const number = Math.max(0, ...numbers) + 1;
  replaceDurably(join(folder.ids, idLogName({ shard, number })), blocks);
  return lost.size;
}

/** Rewrites a file with only its whole blocks; removes it if there are none. */
function mend(path: string): void {
  const { blocks } = readIdBlocks(path);
  if (blocks.length === 0) removeIfThere(path);
  else replaceDurably(path, blocks.map(encodeIdBlock));
}

function recordsOf(ids: readonly string[]): Uint8Array {
  const records = new Uint32Array(ids.length * (idWords + 1));
  for (const [index, id] of ids.entries()) {
    const at = index * (idWords + 1);
    writeEventId(id, records, at);
    records[at + idWords] = contentUnknown;
  }
  return new Uint8Array(records.buffer);
}

const countOf = ({ records }: IdBlock) => records.byteLength / idRecordBytes;
