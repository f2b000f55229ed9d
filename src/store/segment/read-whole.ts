/** Reads a whole segment, which makes DuckDB check every block in use. */
import type { DuckDB } from "../sql/duckdb.ts";
import { withSegment } from "./open-segment.ts";
import { countRows } from "./segment.ts";

/**
 * Reads every column of every event and returns the number of events.
 * @throws SegmentNotSealed or DuckDB's error when any of it cannot be read
 */
export async function readWhole(duckdb: DuckDB, path: string): Promise<number> {
  const rows = await countRows(duckdb, path);
  await withSegment(duckdb, { path, name: "whole" }, () =>
    duckdb.rows("SELECT bit_xor(hash(events)) FROM whole.events events"),
  );
  return rows;
}
