/**
 * The catalog: one DuckDB file of views over the current segments.
 *
 * Invariants:
 * - It is replaced as a whole, by rename, and never held open here. So it is never locked, and a reader sees one state.
 * - It names segments only after they are durable.
 */
import { existsSync } from "node:fs";
import { removeIfThere, renameDurably, syncFile } from "../../base/durable.ts";
import { type DataFolder, unfinishedSuffix } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { type DuckDBFailure, duckdbFailureOf } from "../sql/failures.ts";
import { literal } from "../sql/literals.ts";
import { attachNew } from "../sql/new-file.ts";
import { type CatalogContent, catalogStatements, statementsBetween } from "./views.ts";

/**
 * Publishes the catalog of one folder, again and again. Most views and all macros are the same each time, and making
 * them takes two thirds of a publication. So a catalog in memory is brought up to date and copied. The first
 * publication, which makes it, takes no longer than one that writes everything into the file.
 */
export class CatalogWriter {
  readonly #folder: DataFolder;
  /** The catalog in memory, and the DuckDB that has it; after a failure it is made again. */
  #kept: { duckdb: DuckDB; content: CatalogContent } | undefined;

  constructor(folder: DataFolder) {
    this.#folder = folder;
  }

  /** Writes the catalog and returns once the new file durably has its name. */
  async publish(duckdb: DuckDB, content: CatalogContent): Promise<void> {
    const unfinished = this.#folder.catalog + unfinishedSuffix;
    await this.#bringUpToDate(duckdb, content);
    removeCatalog(unfinished);
    await inCatalogFile(duckdb, unfinished, () =>
      duckdb.run("COPY FROM DATABASE kept_catalog TO catalog_file (SCHEMA)"),
    );
    await syncFile(unfinished);
    renameDurably({ from: unfinished, to: this.#folder.catalog });
  }

  async #bringUpToDate(duckdb: DuckDB, content: CatalogContent): Promise<void> {
    const kept = this.#kept?.duckdb === duckdb ? this.#kept : undefined;
    this.#kept = undefined;
    if (kept === undefined) {
      await duckdb.run("DETACH DATABASE IF EXISTS kept_catalog");
      await duckdb.run("ATTACH ':memory:' AS kept_catalog");
    }
    try {
      await duckdb.run("USE kept_catalog");
      await duckdb.script(kept ? statementsBetween(kept.content, content) : catalogStatements(content));
    } finally {
      await duckdb.run("USE memory");
    }
    this.#kept = { duckdb, content };
  }
}

/** Writes a catalog file, replacing an existing one. On return its bytes are durable, and its name is not. */
export async function writeCatalog(duckdb: DuckDB, path: string, content: CatalogContent): Promise<void> {
  removeCatalog(path);
  await inCatalogFile(duckdb, path, async () => {
    try {
      await duckdb.run("USE catalog_file");
      await duckdb.script(catalogStatements(content));
    } finally {
      await duckdb.run("USE memory");
    }
  });
  await syncFile(path);
}

function removeCatalog(path: string): void {
  removeIfThere(path);
  removeIfThere(`${path}.wal`);
}

/** Makes a new catalog file, in which `fill` makes everything. */
async function inCatalogFile(duckdb: DuckDB, path: string, fill: () => Promise<void>): Promise<void> {
  await duckdb.run(attachNew(path, "catalog_file", ["BLOCK_SIZE 16384"]));
  try {
    await fill();
    await duckdb.run("CHECKPOINT catalog_file");
  } finally {
    await duckdb.run("DETACH catalog_file");
  }
}

/** The failures of reading a catalog that is damaged or not of this version. */
const spoilt = new Set<DuckDBFailure | undefined>(["statement", "data", "io", "gone"]);

/** The version of the existing catalog; 0 if there is none or its version cannot be read. */
export async function publishedVersion(duckdb: DuckDB, folder: DataFolder): Promise<number> {
  if (!existsSync(folder.catalog)) return 0;
  try {
    await duckdb.run(`ATTACH ${literal(folder.catalog)} AS catalog_before (READ_ONLY)`);
    const [row] = await duckdb.rows("SELECT version::DOUBLE AS version FROM catalog_before.catalog");
    return Number(row?.["version"] ?? 0);
  } catch (error) {
    // Made by an earlier build, or damaged: it is written again. The receipts give a lower bound for its version.
    if (spoilt.has(duckdbFailureOf(error))) return 0;
    throw error;
  } finally {
    await duckdb.run("DETACH DATABASE IF EXISTS catalog_before");
  }
}
