/**
 * Rewrites segments to one segment: the one step behind compaction, retention and erasure. It writes the file under a
 * temporary name only, so a rewrite that fails half-way has changed nothing.
 *
 * Invariants:
 * - Sources are neighbours in one shard; the new segment covers exactly their range.
 * - Without a condition and without duplicates no event is lost: rows are counted before and after.
 */
import { join } from "node:path";
import { checksumOfFile, syncFile } from "../../base/durable.ts";
import { SegmentNotSealed } from "../../base/errors.ts";
import { eventColumns } from "../../event/columns.ts";
import { type DataFolder, type SegmentName, segmentName, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { identifier, integer } from "../sql/literals.ts";
import { attachNew } from "../sql/new-file.ts";
import { removeRepeats } from "./duplicates.ts";
import { eventOrderOf } from "./event-order.ts";
import { rollupQuery } from "./rollup.ts";
import { countRows, journalQuery, segmentLayout } from "./segment.ts";
import { segmentsQuery } from "./segments-query.ts";
import { summaryQuery } from "./summary.ts";

/** What becomes one segment. Plain data, because it is sent between processes. */
export type Rewrite = {
  /** The range of the sources, and the new generation for it. */
  range: Omit<SegmentName, "crc32">;
  /** Paths of the segments below the data folder, in their order. */
  sources: readonly string[];
  /** Events of the sources, and bytes of their files. */
  events: number;
  bytes: number;
  /** Number of events among them that may be duplicates. */
  clientIds: number;
  /** SQL condition: events for which it does not hold are dropped. Undefined: all are kept. */
  keep: string | undefined;
  /** Whether there is one source, which was ordered and searched for duplicates before. */
  isFinal: boolean;
  /** Paths of other segments that may hold an id of one of these events; undefined: no search for duplicates. */
  repeatsIn: readonly string[] | undefined;
};

/** A segment under its temporary name, durable and counted. */
export type Rewritten = { unfinished: string; name: SegmentName; events: number };

/**
 * A segment of at least this many events is ordered, and each that had its last merge. Smaller ones are merged again
 * soon, and ordering takes as much processor time as all the rest of a merge. Events.
 */
const orderedEventsMin = 2_000_000;

/** Whether the events of a rewrite are put in order, if there is memory for it. */
export const isOrdered = ({ repeatsIn, isFinal, events }: Pick<Rewrite, "repeatsIn" | "isFinal" | "events">) =>
  repeatsIn !== undefined || isFinal || events >= orderedEventsMin;

/**
 * Journal lines of imported events, in one file in the folder `import`. `ids` of them came with an id; those ids are in
 * a file beside it.
 */
export type ImportedLines = { file: string; events: number; lineBytesMax: number; ids: number };

/**
 * Writes the segment of a rewrite. Without `mayOrder` its events stay in the order of the sources, which takes the
 * least memory.
 * @throws SegmentNotSealed when what was written does not agree with the sources
 */
export async function rewriteSegments(
  duckdb: DuckDB,
  folder: DataFolder,
  { rewrite, mayOrder }: { rewrite: Rewrite; mayOrder: boolean },
): Promise<Rewritten> {
  const { range, keep, repeatsIn, events, clientIds } = rewrite;
  const paths = rewrite.sources.map((file) => join(folder.root, file));
  const source = `(${segmentsQuery({ table: "events", files: paths, extra: ["sequence"] })})`;
  const kept = keep === undefined ? source : `(FROM ${source} AS events WHERE coalesce((${keep}), false))`;
  const others = repeatsIn?.map((file) => join(folder.root, file));
  const search = { from: kept, shard: range.shard, others: others ?? [], stays: "earlier" } as const;
  const once = others === undefined || clientIds === 0 ? kept : await removeRepeats(duckdb, search);
  const isWhole = once === source;
  const isFinal = repeatsIn !== undefined || rewrite.isFinal;
  const order = mayOrder && isOrdered(rewrite) ? await eventOrderOf(duckdb, source, events) : undefined;
  const rollup = isWhole ? mergedRollupQuery(paths) : undefined;
  const queries = order?.pieces.map((piece) => `FROM ${once} WHERE ${piece} ORDER BY ${order.by}`) ?? [`FROM ${once}`];
  const rewritten = await writeAgain(duckdb, folder, { range, events, clientIds, isFinal, queries, rollup });
  if (isWhole && rewritten.events !== events)
    throw new SegmentNotSealed(`merged segment has ${rewritten.events} events where its sources have ${events}`);
  return rewritten;
}

/**
 * Writes a segment of imported events. Skips events whose ids are in other segments.
 * @throws SegmentNotSealed when what was written does not agree with the lines
 */
export async function sealImported(
  duckdb: DuckDB,
  folder: DataFolder,
  { range, lines, others }: { range: Rewrite["range"]; lines: ImportedLines; others: readonly string[] },
): Promise<Rewritten> {
  const { events, lineBytesMax } = lines;
  const rows = journalQuery({ files: [join(folder.imports, lines.file)], lineBytesMax });
  await duckdb.run(`CREATE TEMP TABLE lines AS ${rows}`);
  // Numbered by the row's place in the table: a window function would hold rows of 16 MiB a second time.
  await duckdb.run(`CREATE TEMP VIEW imported AS SELECT *, rowid + ${integer(range.from)} AS sequence FROM lines`);
  const paths = others.map((file) => join(folder.segments, file));
  const search = { from: "imported", shard: range.shard, others: paths, stays: "theirs" } as const;
  const queries = [`FROM ${await removeRepeats(duckdb, search)} ORDER BY "timestamp"`];
  return writeAgain(duckdb, folder, { range, events, clientIds: events, isFinal: false, queries, rollup: undefined });
}

/**
 * What is written: queries from their FROM on, whose events follow each other, and the query of the rollup if that
 * needs no counting of events.
 */
type Written = Pick<Rewrite, "range" | "events" | "clientIds" | "isFinal"> & {
  queries: readonly string[];
  rollup: string | undefined;
};

async function writeAgain(duckdb: DuckDB, folder: DataFolder, written: Written): Promise<Rewritten> {
  const { range, events, clientIds, isFinal, queries, rollup } = written;
  // The process id is in the name: two processes that make the same segment, one of them left over from a service that
  // was killed, never write to the same file.
  const unfinished = join(folder.segments, `${segmentName({ ...range, crc32: 0 })}.${process.pid}${unfinishedSuffix}`);
  const columns = [...Object.keys(eventColumns), "sequence"].map(identifier).join(", ");
  await duckdb.run(attachNew(unfinished, "segment", segmentLayout(events)));
  try {
    await duckdb.inTransaction(async () => {
      for (const [index, query] of queries.entries())
        await duckdb.run(
          `${index === 0 ? "CREATE TABLE segment.events AS" : "INSERT INTO segment.events"} SELECT ${columns} ${query}`,
        );
      await duckdb.run(`CREATE TABLE segment.rollup AS ${rollup ?? rollupQuery("segment.events")}`);
      await duckdb.run(`CREATE TABLE segment.summary AS ${summaryQuery("segment.events", { clientIds, isFinal })}`);
    });
    await duckdb.run("CHECKPOINT segment");
  } finally {
    await duckdb.run("DETACH segment");
  }
  await syncFile(unfinished);
  const rows = await countRows(duckdb, unfinished);
  if (rows > events) throw new SegmentNotSealed(`the segment has ${rows} events where its sources have ${events}`);
  return { unfinished, name: { ...range, crc32: await checksumOfFile(unfinished) }, events: rows };
}

/** The rollup of segments from which no event is dropped: the sum of theirs. */
const mergedRollupQuery = (paths: readonly string[]) =>
  `SELECT * REPLACE (sum(events)::BIGINT AS events) FROM (${segmentsQuery({ table: "rollup", files: paths })})
   GROUP BY ALL ORDER BY ALL`;
