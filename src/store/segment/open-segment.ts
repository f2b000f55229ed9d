/**
 * Opens a segment the only way that is safe: read-only, and nothing of it is touched before it is known to hold tables and not
 * views. A view stored in a file runs whatever it says as soon as somebody reads it. `read_duckdb` needs no such check: it
 * takes tables alone.
 */
import { SegmentNotSealed } from "../../base/errors.ts";
import { rollupColumns } from "../../event/columns.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { literal } from "../sql/literals.ts";

/** A segment cannot be opened, or is not one. */
export class SegmentUnreadable extends SegmentNotSealed {}

/** Columns that every segment has had from the first version on. */
const columnsNeeded = {
  events: ["event_id", "event_name", "timestamp", "received_at", "properties"],
  rollup: Object.keys(rollupColumns),
};

/**
 * Attaches a segment as the database `name`, does the work, and detaches it.
 * @throws SegmentUnreadable when its tables are not those of a segment; DuckDB's error when the file cannot be opened
 */
export async function withSegment<Result>(
  duckdb: DuckDB,
  { path, name }: { path: string; name: string },
  work: (has: { summary: boolean }) => Promise<Result>,
): Promise<Result> {
  await duckdb.run(`ATTACH ${literal(path)} AS ${name} (READ_ONLY)`);
  try {
    return await work(await requireTables(duckdb, name, path));
  } finally {
    await duckdb.run(`DETACH ${name}`);
  }
}

async function requireTables(duckdb: DuckDB, name: string, path: string): Promise<{ summary: boolean }> {
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
  return { summary: columnsOf("summary").length > 0 };
}
