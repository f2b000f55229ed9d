/**
 * Opens a segment safely: read-only, and nothing of it is read before it is known to hold tables and no views. A view
 * stored in a file runs its SQL as soon as somebody reads it. `read_duckdb` needs no such check: it only reads tables.
 */
import { basename } from "node:path";
import { SegmentNotSealed } from "../../base/errors.ts";
import { rollupColumns } from "../../event/columns.ts";
import { laterFormat } from "../folder/format-mark.ts";
import { currentFormat, formatUnsaid, parseSegmentName } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { literal } from "../sql/literals.ts";

/** A segment cannot be opened, or is not one. */
export class SegmentUnreadable extends SegmentNotSealed {}

/**
 * Refuses a segment of a later format.
 * @throws SegmentUnreadable naming the segment and both formats
 */
export function requireKnownSegment(path: string, format: number, writtenBy?: string): void {
  if (format > currentFormat) throw new SegmentUnreadable(`${path} ${laterFormat(format, writtenBy)}`);
}

/** Columns that every segment has, since the first version. */
const columnsNeeded = {
  events: ["event_id", "event_name", "timestamp", "received_at", "properties"],
  rollup: Object.keys(rollupColumns),
};

/**
 * Attaches a segment as the database `name`, runs the work, and detaches it.
 * @throws SegmentUnreadable when its tables are not those of a segment; DuckDB's error when the file cannot be opened
 */
export async function withSegment<Result>(
  duckdb: DuckDB,
  { path, name }: { path: string; name: string },
  work: (has: SegmentParts) => Promise<Result>,
): Promise<Result> {
  const named = parseSegmentName(basename(path))?.format;
  // Before it is opened: a later format may have other tables.
  requireKnownSegment(path, named ?? formatUnsaid);
  await duckdb.run(`ATTACH ${literal(path)} AS ${name} (READ_ONLY)`);
  try {
    const has = await requireTables(duckdb, name, path);
    await requireAgreedFormat(duckdb, { path, name, named, has });
    return await work(has);
  } finally {
    await duckdb.run(`DETACH ${name}`);
  }
}

/**
 * What a segment has besides its two tables. Segments of the first versions have no summary; in format 2 the summary
 * does not state the format.
 */
export type SegmentParts = { summary: boolean; format: boolean };

/** Requires that the name and the summary state the same format, and that this version reads it. */
async function requireAgreedFormat(
  duckdb: DuckDB,
  { path, name, named, has }: { path: string; name: string; named: number | undefined; has: SegmentParts },
): Promise<void> {
  const [row] = has.format
    ? await duckdb.rows(`SELECT format::DOUBLE AS format, written_by FROM ${name}.summary`)
    : [undefined];
  const format = row === undefined ? formatUnsaid : Number(row["format"]);
  if (row !== undefined) requireKnownSegment(path, format, String(row["written_by"]));
  // An unfinished segment has no name yet.
  if (named === undefined || format === named) return;
  throw new SegmentUnreadable(
    `${path} is not a segment: its name says format ${named}, and its summary format ${format}`,
  );
}

async function requireTables(duckdb: DuckDB, name: string, path: string): Promise<SegmentParts> {
  const rows = await duckdb.rows(
    `SELECT table_name AS "table", column_name AS "column" FROM duckdb_columns() SEMI JOIN duckdb_tables()
       USING (database_name, schema_name, table_name)
     WHERE database_name = ${literal(name)} AND schema_name = 'main'`,
  );
  const columnsOf = (table: string) => rows.filter((row) => row["table"] === table).map((row) => row["column"]);
  for (const [table, needed] of Object.entries(columnsNeeded)) {
    const found = columnsOf(table);
    const missing = needed.filter((column) => !found.includes(column));
    if (missing.length === needed.length)
      throw new SegmentUnreadable(`${path} is not a segment: it has no table ${table}`);
    if (missing.length > 0)
      throw new SegmentUnreadable(`${path} is not a segment: its table ${table} has no column ${missing.join(", ")}`);
  }
  const [views] = await duckdb.rows(
    `SELECT count(*)::DOUBLE AS views FROM duckdb_views() WHERE database_name = ${literal(name)} AND NOT internal`,
  );
  if (views?.["views"] !== 0)
    throw new SegmentUnreadable(`${path} is not a segment: it has views, and segments have none`);
  const summary = columnsOf("summary");
  return { summary: summary.length > 0, format: summary.includes("format") && summary.includes("written_by") };
}
