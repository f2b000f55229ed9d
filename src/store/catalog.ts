/**
 * The catalog: one DuckDB file of views over the current segments.
 *
 * Invariants:
 * - It is replaced whole, by rename, and held open by nobody here: it is never locked, and a reader sees one state of it.
 * - It names segments only after they are durable.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, renameDurably, syncFile } from "../base/durable.ts";
import { type CatalogContent, catalogStatements } from "./catalog-views.ts";
import { currentSegments } from "./current.ts";
import { type DuckDB, literal } from "./duckdb.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName, unfinishedSuffix } from "./names.ts";

/** Writes the catalog over the folder's current segments; returns their number once the new file is in its place. */
export async function publishCatalog(duckdb: DuckDB, folder: DataFolder): Promise<number> {
  const { current } = currentSegments(listNames(folder.segments, parseSegmentName));
  const segments = current.map(({ file, name }) => ({
    file,
    shard: name.shard,
    bytes: statSync(join(folder.segments, file)).size,
  }));
  const unfinished = folder.catalog + unfinishedSuffix;
  const content = { root: folder.root, segments, unsealed: undefined, watermarks: [], erasures: [] };
  await writeCatalog(duckdb, unfinished, { ...content, version: 1, publishedAtMs: Date.now() });
  renameDurably({ from: unfinished, to: folder.catalog });
  return segments.length;
}

/** Writes a catalog's file, over one that may be there, and returns once its bytes are durable; its name is not. */
export async function writeCatalog(duckdb: DuckDB, path: string, content: CatalogContent): Promise<void> {
  removeIfThere(path);
  removeIfThere(`${path}.wal`);
  await duckdb.run(`ATTACH ${literal(path)} AS catalog_file (BLOCK_SIZE 16384)`);
  try {
    await duckdb.run("USE catalog_file");
    for (const statement of catalogStatements(content)) await duckdb.run(statement);
    await duckdb.run("CHECKPOINT catalog_file");
  } finally {
    await duckdb.run("USE memory");
    await duckdb.run("DETACH catalog_file");
  }
  await syncFile(path);
}
