/**
 * Segments to one segment: the one step behind compaction, retention and erasure. It makes the file and gives it no
 * name, so whatever ends it half-way has changed nothing.
 *
 * Invariants:
 * - Sources are neighbours in one shard; what is made covers exactly their stretch.
 * - Without a condition and without repeats no event is lost: rows are counted before and after.
 */
import { join } from "node:path";
import { checksumOfFile, syncFile } from "../../base/durable.ts";
import { SegmentNotSealed } from "../../base/errors.ts";
import { eventColumns } from "../../event/columns.ts";
import { type DataFolder, type SegmentName, segmentName, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { identifier, integer, literal } from "../sql/literals.ts";
import { removeRepeats } from "./duplicates.ts";
import { rollupQuery } from "./rollup.ts";
import { countRows, journalQuery, segmentLayout } from "./segment.ts";
import { segmentsQuery } from "./segments-query.ts";
import { summaryQuery } from "./summary.ts";

/** What is to become one segment. Plain data: it crosses between processes. */
export type Rewrite = {
  /** The stretch of the sources, and the generation that is new for it. */
  range: Omit<SegmentName, "crc32">;
  /** Paths of the segments below the data folder, in their order. */
  sources: readonly string[];
  /** Events of the sources, and bytes of their files. */
  events: number;
  bytes: number;
  /** Events among them that may be repeats. */
  clientIds: number;
  /** SQL condition: events for which it does not hold fall out. Undefined: all stay. */
  keep: string | undefined;
  /** Whether the only source was put in order and searched for repeats before. */
  isFinal: boolean;
  /** Paths of segments that may have the id of one of these, too; undefined: repeats are not looked for. */
  repeatsIn: readonly string[] | undefined;
};

/** A segment without its name, durable and counted. */
export type Rewritten = { unfinished: string; name: SegmentName; events: number };

/** From this many events on a segment is put in order; smaller ones are merged again soon. Events. */
const orderedEventsMin = 1_000_000;

/** Parts that the sessions of a day are divided into, before names order the rest. */
const sessionParts = 4;

/** Time is divided by days where a segment spans several, by hours where it spans several of those. us */
const timeUnits = [86_400_000_000, 3_600_000_000];

/**
 * Journal lines of imported events, in one file in the folder `import`; `ids` of them came with their ids, which are in
 * a file beside it.
 */
export type ImportedLines = { file: string; events: number; lineBytesMax: number; ids: number };

/**
 * Makes the segment of a rewrite.
 * @throws SegmentNotSealed when what was written does not agree with the sources
 */
export async function rewriteSegments(duckdb: DuckDB, folder: DataFolder, rewrite: Rewrite): Promise<Rewritten> {
  const { range, keep, repeatsIn, events, clientIds } = rewrite;
  const paths = rewrite.sources.map((file) => join(folder.root, file));
  const source = `(${segmentsQuery({ table: "events", files: paths, extra: ["sequence"] })})`;
  const kept = keep === undefined ? source : `(FROM ${source} AS events WHERE coalesce((${keep}), false))`;
  const others = repeatsIn?.map((file) => join(folder.root, file));
  const search = { from: kept, shard: range.shard, others: others ?? [], stays: "earlier" } as const;
  const once = others === undefined || clientIds === 0 ? kept : await removeRepeats(duckdb, search);
  const isWhole = once === source;
  const isFinal = repeatsIn !== undefined || rewrite.isFinal;
  const order = isFinal || events >= orderedEventsMin ? await orderOf(duckdb, source) : "";
  const rollup = isWhole ? mergedRollupQuery(paths) : undefined;
  const query = `FROM ${once} ${order}`;
  const rewritten = await writeAgain(duckdb, folder, { range, events, clientIds, isFinal, query, rollup });
  if (isWhole && rewritten.events !== events)
    throw new SegmentNotSealed(`merged segment has ${rewritten.events} events where its sources have ${events}`);
  return rewritten;
}

/**
 * Makes a segment of imported events, of which those are left out whose ids are in other segments.
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
  // By the place in the table and not by a window, which would hold rows of 16 MiB once more.
  await duckdb.run(`CREATE TEMP VIEW imported AS SELECT *, rowid + ${integer(range.from)} AS sequence FROM lines`);
  const paths = others.map((file) => join(folder.segments, file));
  const search = { from: "imported", shard: range.shard, others: paths, stays: "theirs" } as const;
  const query = `FROM ${await removeRepeats(duckdb, search)} ORDER BY "timestamp"`;
  return writeAgain(duckdb, folder, { range, events, clientIds: events, isFinal: false, query, rollup: undefined });
}

/** What is written: a query without its SELECT, and the query of its rollup where that is known without counting. */
type Written = Pick<Rewrite, "range" | "events" | "clientIds" | "isFinal"> & {
  query: string;
  rollup: string | undefined;
};

async function writeAgain(duckdb: DuckDB, folder: DataFolder, written: Written): Promise<Rewritten> {
  const { range, events, clientIds, isFinal, query, rollup } = written;
  // Two processes that make the same segment, one of them left over from a service that was killed, never meet in a
  // file.
  const unfinished = join(folder.segments, `${segmentName({ ...range, crc32: 0 })}.${process.pid}${unfinishedSuffix}`);
  const columns = [...Object.keys(eventColumns), "sequence"].map(identifier).join(", ");
  await duckdb.run(`ATTACH ${literal(unfinished)} AS segment ${segmentLayout(events)}`);
  try {
    await duckdb.run(`CREATE TABLE segment.events AS SELECT ${columns} ${query}`);
    await duckdb.run(`CREATE TABLE segment.rollup AS ${rollup ?? rollupQuery("segment.events")}`);
    await duckdb.run(`CREATE TABLE segment.summary AS ${summaryQuery("segment.events", { clientIds, isFinal })}`);
    await duckdb.run("CHECKPOINT segment");
  } finally {
    await duckdb.run("DETACH segment");
  }
  await syncFile(unfinished);
  const rows = await countRows(duckdb, unfinished);
  if (rows > events) throw new SegmentNotSealed(`the segment has ${rows} events where its sources have ${events}`);
  return { unfinished, name: { ...range, crc32: await checksumOfFile(unfinished) }, events: rows };
}

/** The rollup of segments of which every event stays: theirs, added up. */
const mergedRollupQuery = (paths: readonly string[]) =>
  `SELECT * REPLACE (sum(events)::BIGINT AS events) FROM (${segmentsQuery({ table: "rollup", files: paths })})
   GROUP BY ALL ORDER BY ALL`;

/**
 * The order in which a query by time, by session or by name reads only a part of the row groups: days (or hours), in
 * each quarters of the sessions, then names, then sessions. `bun run bench sql` measures it against a table in order of
 * arrival. Sessions before names were better for one session and worse for one name, names before sessions the other
 * way round.
 */
async function orderOf(duckdb: DuckDB, source: string): Promise<string> {
  const parts = Array.from({ length: sessionParts - 1 }, (_, index) => (index + 1) / sessionParts).join(", ");
  // Between the first and the last hundredth: one event of another century must not decide.
  const [found] = await duckdb.rows(
    `SELECT (quantile_disc(epoch_us("timestamp"), 0.99) - quantile_disc(epoch_us("timestamp"), 0.01))::DOUBLE AS span,
       quantile_disc(coalesce(session_id, ''), [${parts}]) AS sessions
     FROM (SELECT "timestamp", session_id FROM ${source} USING SAMPLE 2 PERCENT (system))`,
  );
  const unit = timeUnits.find((each) => Number(found?.["span"] ?? 0) > 2 * each);
  const bounds = Array.isArray(found?.["sessions"]) ? found["sessions"].map(String) : [];
  const quarter = bounds.map((id) => `(coalesce(session_id, '') >= ${literal(id)})::TINYINT`).join(" + ");
  const terms = [
    unit === undefined ? "" : `epoch_us("timestamp") // ${integer(unit)}`,
    quarter,
    "event_name",
    "session_id",
  ];
  return `ORDER BY ${[...terms, '"timestamp"'].filter((term) => term !== "").join(", ")}`;
}
