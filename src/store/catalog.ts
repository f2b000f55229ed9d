/**
 * The catalog: one DuckDB file of views over the current segments.
 *
 * Invariants:
 * - It is replaced whole, by rename, and held open by nobody here: it is never locked, and a reader sees one state of it.
 * - It names segments only after they are durable.
 */
import { join } from "node:path";
import { removeIfThere, renameDurably, syncFile } from "../base/durable.ts";
import { eventColumns } from "../event/columns.ts";
import { currentSegments } from "./current.ts";
import { type DuckDB, listLiteral, literal } from "./duckdb.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName, unfinishedSuffix } from "./names.ts";
import { emptyHourlyQuery, emptyQuery, hourlyQuery } from "./rollup.ts";

/** Paths of the segments that readers see now, in the order of their names. */
function currentPaths(folder: DataFolder): string[] {
  const { current } = currentSegments(listNames(folder.segments, parseSegmentName));
  return current.map((segment) => join(folder.segments, segment.file));
}

/** Writes the catalog over the folder's current segments; returns their number once the new file is in its place. */
export async function publishCatalog(duckdb: DuckDB, folder: DataFolder): Promise<number> {
  const paths = currentPaths(folder);
  const events =
    paths.length === 0 ? emptyQuery(eventColumns) : `FROM read_duckdb(${listLiteral(paths)}, table_name = 'events')`;
  const hourly = paths.length === 0 ? emptyHourlyQuery : hourlyQuery(paths);
  const unfinished = folder.catalog + unfinishedSuffix;
  removeIfThere(unfinished);
  removeIfThere(`${unfinished}.wal`);
  await duckdb.run(`ATTACH ${literal(unfinished)} AS catalog_file (BLOCK_SIZE 16384)`);
  try {
    await duckdb.run(`CREATE VIEW catalog_file.events AS ${events}`);
    await duckdb.run(`CREATE VIEW catalog_file.events_hourly AS ${hourly}`);
    await duckdb.run("CHECKPOINT catalog_file");
  } finally {
    await duckdb.run("DETACH catalog_file");
  }
  await syncFile(unfinished);
  renameDurably({ from: unfinished, to: folder.catalog });
  return paths.length;
}
