/**
 * Journal lines to a sealed segment, and segments opened again.
 *
 * Invariants:
 * - A segment appears under its name whole: written as unfinished, checkpointed, synced, counted, then renamed. The
 *   rename is the commit of a flush.
 * - Its name carries the checksum of its bytes; nobody ever writes it again.
 */
import { join } from "node:path";
import type { Sequence, ShardId } from "../../base/brand.ts";
import { checksumOfFile, removeIfThere, renameDurably, syncFile } from "../../base/durable.ts";
import { messageOf, SegmentNotSealed } from "../../base/errors.ts";
import { eventColumns, journalColumn, journalType } from "../../event/columns.ts";
import { currentFormat, type DataFolder, type SegmentName, segmentName, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { duckdbFailureOf } from "../sql/failures.ts";
import { digits, emptyQuery, identifier, integer, listLiteral, literal } from "../sql/literals.ts";
import { withSegment } from "./open-segment.ts";
import { rollupQuery } from "./rollup.ts";
import { summaryQuery } from "./summary.ts";

/** What becomes one segment: rows in journal files, events `from` to `to` of a shard. */
export type SegmentSource = {
  shard: ShardId;
  from: Sequence;
  to: Sequence;
  /** Rows in the files; fewer than the range where lines were refused or lost to corruption. */
  rows: number;
  files: readonly string[];
  /** Longest line in the files. Bytes. */
  lineBytesMax: number;
  /** Rows whose id a client made. */
  clientIds: number;
};

/**
 * What became of the rows. `to` is the last sequence that is sealed: the end of the source, or of the files at its head
 * that a segment has already. Rows that DuckDB refused are in `journal/refused/` and not in the segment.
 */
export type SealedRows = { to: Sequence; refused: { category: number; hour: number }[] };

/** A sealed segment: its path and what its name says. */
type SealedSegment = { path: string; name: SegmentName };

/** DuckDB could not read the lines themselves; trying again changes nothing. */
export class LinesRefused extends SegmentNotSealed {}

/**
 * How a segment's file is laid out. What DuckDB 1.5 stores takes a fifth less than what its first version could read.
 */
export const segmentLayout = (rows: number) =>
  `(BLOCK_SIZE ${digits(rows < smallBlocksRowsMax ? 16_384 : 262_144)}, STORAGE_VERSION 'v1.5.0')`;

/** Below this many rows a file in 16 KiB blocks is the smaller one (110 KB against 800 KB for ten rows). Rows. */
const smallBlocksRowsMax = 20_000;

/** A buffer of `read_json` holds two of the longest line; smaller ones than this only cost calls. Bytes. */
const lineBufferBytesMin = 2 * 1024 * 1024;

/**
 * Where the sequences of lines are known from. "counted": the lines are all of a stretch, in order, and this is the
 * first one's sequence. "in lines": each line has a member `sequence`.
 */
type Numbering = { kind: "counted"; from: Sequence } | { kind: "in lines" };

/**
 * Selects the rows of journal files in the columns of `events`, and in `sequence` where it is numbered; commit lines
 * have no id and fall out.
 */
export function journalQuery(source: Pick<SegmentSource, "files" | "lineBytesMax">, numbering?: Numbering): string {
  const entries: [string, string][] = Object.entries(eventColumns);
  const selected = entries.map(([name, type]) => journalColumn(name, type));
  if (numbering?.kind === "in lines") {
    entries.push(["sequence", "BIGINT"]);
    selected.push("sequence");
  }
  // Numbered in one stream, which reads the files and their lines in order. That costs no more than not to number them.
  if (numbering?.kind === "counted") selected.push(`row_number() OVER () + ${integer(numbering.from - 1)} AS sequence`);
  const columns = entries.map(([name, type]) => `${identifier(name)}: ${literal(journalType(type))}`).join(", ");
  const objectBytesMax = Math.max(lineBufferBytesMin, source.lineBytesMax + 1024);
  return `SELECT ${selected.join(", ")} FROM read_json(${listLiteral(source.files)}, format = 'newline_delimited',
    columns = {${columns}}, maximum_object_size = ${digits(objectBytesMax)}) WHERE event_id IS NOT NULL`;
}

/**
 * Makes the segment of these rows and returns once it is durable under its name.
 * @throws LinesRefused when DuckDB cannot read a line; SegmentNotSealed for whatever may pass later
 */
export async function sealSegment(
  duckdb: DuckDB,
  folder: DataFolder,
  source: SegmentSource,
  numbering?: Numbering,
): Promise<SealedSegment> {
  const { shard, from, to } = source;
  const named = { shard, from, to, generation: 0, format: currentFormat };
  const unfinished = join(folder.segments, segmentName({ ...named, crc32: 0 }) + unfinishedSuffix);
  try {
    removeUnfinished(unfinished);
    await writeSegment(duckdb, unfinished, source, numbering ?? { kind: "counted", from });
    await syncFile(unfinished);
    const rows = await countRows(duckdb, unfinished);
    if (rows !== source.rows)
      throw new SegmentNotSealed(`segment has ${rows} rows where its journal has ${source.rows}`);
    const name = { ...named, crc32: await checksumOfFile(unfinished) };
    const path = join(folder.segments, segmentName(name));
    renameDurably({ from: unfinished, to: path });
    return { path, name };
  } catch (error) {
    removeUnfinished(unfinished);
    if (error instanceof SegmentNotSealed) throw error;
    throw new SegmentNotSealed(`segment not sealed: ${messageOf(error)}`, { cause: error });
  }
}

/** Removes a segment that was not finished, with what DuckDB keeps beside it. */
function removeUnfinished(path: string): void {
  removeIfThere(path);
  removeIfThere(`${path}.wal`);
}

async function writeSegment(duckdb: DuckDB, path: string, source: SegmentSource, numbering: Numbering): Promise<void> {
  await duckdb.run(`ATTACH ${literal(path)} AS segment ${segmentLayout(source.rows)}`);
  try {
    // No row at all is possible where every line was refused; an empty list of files does not make a query.
    const rows =
      source.files.length === 0 ? emptyQuery({ ...eventColumns, sequence: "BIGINT" }) : journalQuery(source, numbering);
    await duckdb.run(`CREATE TABLE segment.events AS ${rows}`).catch((error: unknown) => {
      throw isAboutLines(error) ? new LinesRefused(messageOf(error), { cause: error }) : error;
    });
    await duckdb.run(`CREATE TABLE segment.rollup AS ${rollupQuery("segment.events")}`);
    const known = { clientIds: source.clientIds, isFinal: false };
    await duckdb.run(`CREATE TABLE segment.summary AS ${summaryQuery("segment.events", known)}`);
    // Checkpointed here, off this thread: closing would do it on this one.
    await duckdb.run("CHECKPOINT segment");
  } finally {
    await duckdb.run("DETACH segment");
  }
}

/** Whether DuckDB refused the lines themselves; other failures are of the disk or of memory. */
export const isAboutLines = (error: unknown): boolean => duckdbFailureOf(error) === "data";

/**
 * Opens a segment read-only and counts its events; its rollup must agree.
 * @throws SegmentNotSealed when it cannot be opened, or the two disagree
 */
export async function countRows(duckdb: DuckDB, path: string): Promise<number> {
  return withSegment(duckdb, { path, name: "counted" }, async () => {
    const [row] = await duckdb.rows(
      `SELECT (SELECT count(*) FROM counted.events)::DOUBLE AS rows,
              (SELECT coalesce(sum(events), 0) FROM counted.rollup)::DOUBLE AS rolled_up`,
    );
    if (row === undefined || row["rows"] !== row["rolled_up"])
      throw new SegmentNotSealed(`${path}: its rollup does not add up to its rows`);
    return Number(row["rows"]);
  });
}
