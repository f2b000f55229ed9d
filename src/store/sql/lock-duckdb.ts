/**
 * Locks a DuckDB before it reads what others wrote: statements of a client, or files that somebody may have planted. A
 * view or a macro stored in a file can run any SQL; a locked DuckDB opens what it is given here, and nothing else on
 * the machine.
 *
 * `millrace sql` alone stays open on purpose: its statements are those of the person who runs it.
 */
import { DuckDB, type DuckDBLimits } from "./duckdb.ts";
import { listLiteral } from "./literals.ts";

/** What a locked DuckDB may read and write, as absolute paths. */
export type DuckDBAccess = {
  /** Each with everything below it. */
  folders?: readonly string[];
  files?: readonly string[];
};

/**
 * From now on this DuckDB opens only what `access` names, loads no extension, and refuses changes of its settings;
 * variables can still be set.
 */
export async function lockDuckDB(duckdb: DuckDB, { folders = [], files = [] }: DuckDBAccess): Promise<void> {
  await duckdb.script(
    [
      // Without the slash, sibling folders whose names begin with the same characters would be allowed, too.
      `allowed_directories = ${listLiteral(folders.map((folder) => `${folder}/`))}::VARCHAR[]`,
      `allowed_paths = ${listLiteral(files)}::VARCHAR[]`,
      "enable_external_access = false",
      "autoload_known_extensions = false",
      "allow_community_extensions = false",
      // This must be the last one: after it no setting can be changed.
      "lock_configuration = true",
    ].map((setting) => `SET ${setting}`),
  );
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
