/**
 * Locks a DuckDB before it meets what others wrote: statements of a client, or files that somebody may have planted. A
 * view or a macro stored in a file runs whatever it says; locked, DuckDB opens what it is given here, and nothing else
 * of the machine.
 *
 * `millrace sql` alone stays open on purpose: its statements are those of the person who runs it.
 */
import { DuckDB, type DuckDBLimits } from "./duckdb.ts";
import { listLiteral } from "./literals.ts";

/** What a locked DuckDB may read and write, as absolute paths. */
export type DuckDBAccess = {
  /** With everything below them. */
  folders?: readonly string[];
  files?: readonly string[];
};

/**
 * From here on DuckDB opens what `access` names, loads no extension, and changes none of its settings; variables can
 * still be set.
 */
export async function lockDuckDB(duckdb: DuckDB, { folders = [], files = [] }: DuckDBAccess): Promise<void> {
  for (const setting of [
    // A folder without its slash would allow its neighbours whose names begin alike.
    `allowed_directories = ${listLiteral(folders.map((folder) => `${folder}/`))}::VARCHAR[]`,
    `allowed_paths = ${listLiteral(files)}::VARCHAR[]`,
    "enable_external_access = false",
    "autoload_known_extensions = false",
    "allow_community_extensions = false",
    // The last one: no other can follow.
    "lock_configuration = true",
  ])
    await duckdb.run(`SET ${setting}`);
}

/** Opens a DuckDB that is locked from the start. */
export async function openLockedDuckDB(limits: DuckDBLimits, access: DuckDBAccess): Promise<DuckDB> {
  const duckdb = await DuckDB.open(limits);
  try {
    await lockDuckDB(duckdb, access);
    return duckdb;
  } catch (error) {
    duckdb[Symbol.dispose]();
    throw error;
  }
}
