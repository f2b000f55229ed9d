/**
 * Seals journal lines into a segment, and counts the rows of a segment.
 *
 * Invariants:
 * - A segment appears under its name whole: written under a temporary name, checkpointed, synced, counted, then
 *   renamed. The rename is the commit of a flush.
 * - Its name contains the checksum of its bytes; nobody ever writes it again.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Sequence, ShardId } from "../../base/brand.ts";
import { checksumOfFile, removeIfThere, renameDurably, syncFile } from "../../base/durable.ts";
import { messageOf, SegmentNotSealed } from "../../base/errors.ts";
import { eventColumns, journalColumn, journalType } from "../../event/columns.ts";
import { currentFormat, type DataFolder, segmentName, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { duckdbFailureOf } from "../sql/failures.ts";
import { digits, emptyQuery, identifier, integer, listLiteral, literal } from "../sql/literals.ts";
import { attachNew } from "../sql/new-file.ts";
import { withSegment } from "./open-segment.ts";
import { rollupQuery } from "./rollup.ts";
import { type KnownSegment, type SegmentSummary, summaryIn, summaryQuery } from "./summary.ts";

/** What becomes one segment: rows in journal files, events `from` to `to` of a shard. */
export type SegmentSource = {
  shard: ShardId;
  from: Sequence;
  to: Sequence;
  /** Rows in the files; fewer than the range if lines were refused or lost to corruption. */
  rows: number;
  files: readonly string[];
  /** Longest line in the files. Bytes. */
  lineBytesMax: number;
  /** Number of rows whose id a client made. */
  clientIds: number;
};

/**
 * What became of the rows. `to` is the last sequence that is sealed: the end of the source, or of its first files if a
 * segment has those already. Rows that DuckDB refused are in `journal/refused/` and not in the segment.
 */
export type SealedRows = { to: Sequence; refused: { category: number; hour: number }[] };

/** DuckDB could not read the lines themselves; a retry would fail again. */
export class LinesRefused extends SegmentNotSealed {}

/**
 * Options of ATTACH for the layout of a segment's file. What DuckDB 1.5 stores takes a fifth less than what its first
 * version could read.
 */
export const segmentLayout = (rows: number) =>
  [`BLOCK_SIZE ${digits(rows < smallBlocksRowsMax ? 16_384 : 262_144)}`, "STORAGE_VERSION 'v1.5.0'"] as const;

/** Below this many rows a file with 16 KiB blocks is smaller (110 KB against 800 KB for ten rows). Rows. */
const smallBlocksRowsMax = 20_000;

/** A buffer of `read_json` holds two of the longest line; smaller buffers than this only add calls. Bytes. */
const lineBufferBytesMin = 2 * 1024 * 1024;

/**
 * How lines get their sequences. "counted": the lines are all lines of a range, in order, and `from` is the sequence of
 * the first. "in lines": each line has a member `sequence`.
 */
type Numbering = { kind: "counted"; from: Sequence } | { kind: "in lines" };

/**
 * Selects the rows of journal files in the columns of `events`, and `sequence` if `numbering` is given. Commit lines
 * have no id and are skipped.
 */
export function journalQuery(source: Pick<SegmentSource, "files" | "lineBytesMax">, numbering?: Numbering): string {
  const entries: [string, string][] = Object.entries(eventColumns);
  const selected = entries.map(([name, type]) => journalColumn(name, type));
  if (numbering?.kind === "in lines") {
    entries.push(["sequence", "BIGINT"]);
    selected.push("sequence");
  }
  // DuckDB numbers rows in one stream, which reads the files and their lines in order. Numbering costs nothing extra.
  if (numbering?.kind === "counted") selected.push(`row_number() OVER () + ${integer(numbering.from - 1)} AS sequence`);
  const columns = entries.map(([name, type]) => `${identifier(name)}: ${literal(journalType(type))}`).join(", ");
  const objectBytesMax = Math.max(lineBufferBytesMin, source.lineBytesMax + 1024);
  return `SELECT ${selected.join(", ")} FROM read_json(${listLiteral(source.files)}, format = 'newline_delimited',
    columns = {${columns}}, maximum_object_size = ${digits(objectBytesMax)}) WHERE event_id IS NOT NULL`;
}

/**
 * Seals these rows into a segment, and returns what there is to know of it once it is durable under its name.
 * @throws LinesRefused when DuckDB cannot read a line; SegmentNotSealed for failures that may pass
 */
export async function sealSegment(
  duckdb: DuckDB,
  folder: DataFolder,
  source: SegmentSource,
  numbering?: Numbering,
): Promise<KnownSegment> {
  const { shard, from, to } = source;
  const named = { shard, from, to, generation: 0, format: currentFormat };
  const unfinished = join(folder.segments, segmentName({ ...named, crc32: 0 }) + unfinishedSuffix);
  try {
    removeUnfinished(unfinished);
    await writeSegment(duckdb, unfinished, source, numbering ?? { kind: "counted", from });
    await syncFile(unfinished);
    const summary = await checkSealed(duckdb, unfinished, source.rows);
    const name = { ...named, crc32: await checksumOfFile(unfinished) };
    const file = segmentName(name);
    const { size: bytes } = statSync(unfinished);
    renameDurably({ from: unfinished, to: join(folder.segments, file) });
    return { file, name, bytes, summary };
  } catch (error) {
    removeUnfinished(unfinished);
    if (error instanceof SegmentNotSealed) throw error;
    throw new SegmentNotSealed(`segment not sealed: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Opens a segment that was just written, as its readers will, and returns its summary.
 * @throws SegmentNotSealed when it does not have these rows
 */
const checkSealed = (duckdb: DuckDB, path: string, rows: number): Promise<SegmentSummary> =>
  withSegment(duckdb, { path, name: "sealed" }, async (has) => {
    const found = await rowsIn(duckdb, { path, name: "sealed" });
    if (found !== rows) throw new SegmentNotSealed(`segment has ${found} rows where its journal has ${rows}`);
    return summaryIn(duckdb, "sealed", has);
  });

/** Removes an unfinished segment, and DuckDB's log beside it. */
function removeUnfinished(path: string): void {
  removeIfThere(path);
  removeIfThere(`${path}.wal`);
}

async function writeSegment(duckdb: DuckDB, path: string, source: SegmentSource, numbering: Numbering): Promise<void> {
  await duckdb.run(attachNew(path, "segment", segmentLayout(source.rows)));
  try {
    // There are no files if every line was refused, and `read_json` does not accept an empty list.
    const rows =
      source.files.length === 0 ? emptyQuery({ ...eventColumns, sequence: "BIGINT" }) : journalQuery(source, numbering);
    const known = { clientIds: source.clientIds, isFinal: false };
    // In one transaction, so that the file is written once.
    await duckdb.inTransaction(async () => {
      await duckdb.run(`CREATE TABLE segment.events AS ${rows}`).catch((error: unknown) => {
        throw isAboutLines(error) ? new LinesRefused(messageOf(error), { cause: error }) : error;
      });
      await duckdb.script([
        `CREATE TABLE segment.rollup AS ${rollupQuery("segment.events")}`,
        `CREATE TABLE segment.summary AS ${summaryQuery("segment.events", known)}`,
      ]);
    });
    // Checkpointed here, off this thread: closing the file would do it on this thread.
    await duckdb.run("CHECKPOINT segment");
  } finally {
    await duckdb.run("DETACH segment");
  }
}

/** Whether DuckDB refused the lines themselves; other failures come from the disk or from memory. */
export const isAboutLines = (error: unknown): boolean => duckdbFailureOf(error) === "data";

/**
 * Opens a segment read-only and counts its events; its rollup must agree.
 * @throws SegmentNotSealed when it is not a segment, or the two disagree; DuckDB's error when it cannot be opened
 */
export const countRows = (duckdb: DuckDB, path: string): Promise<number> =>
  withSegment(duckdb, { path, name: "counted" }, () => rowsIn(duckdb, { path, name: "counted" }));

/** Counts the events of the attached segment `name`; its rollup must agree. */
async function rowsIn(duckdb: DuckDB, { path, name }: { path: string; name: string }): Promise<number> {
  const [row] = await duckdb.rows(
    `SELECT (SELECT count(*) FROM ${name}.events)::DOUBLE AS rows,
            (SELECT coalesce(sum(events), 0) FROM ${name}.rollup)::DOUBLE AS rolled_up`,
  );
  if (row === undefined || row["rows"] !== row["rolled_up"])
    throw new SegmentNotSealed(`${path}: its rollup does not add up to its rows`);
  return Number(row["rows"]);
}
