/** Reads a whole segment, so that DuckDB checks every block in use. */
import type { DuckDB } from "../sql/duckdb.ts";
import { withSegment } from "./open-segment.ts";
import { countRows } from "./segment.ts";

/**
 * Reads every column of every event; gives the number of events.
 * @throws SegmentNotSealed or DuckDB's error when something of it cannot be read
 */
export async function readWhole(duckdb: DuckDB, path: string): Promise<number> {
  const rows = await countRows(duckdb, path);
  await withSegment(duckdb, { path, name: "whole" }, () =>
    duckdb.rows("SELECT bit_xor(hash(events)) FROM whole.events events"),
  );
  return rows;
}
