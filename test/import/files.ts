/** Files for an import, in a folder of their own, and what the two readings make of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkFiles, type ImportOptions } from "../../src/import/check.ts";
import { readRows } from "../../src/import/read.ts";
import { ImportRefused } from "../../src/import/refused.ts";
import type { SourceRow } from "../../src/import/row.ts";
import { importSource } from "../../src/import/source.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";

/** A folder that goes with its test. */
export function place() {
  const path = mkdtempSync(join(tmpdir(), "millrace-import-"));
  const file = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(path, name), content);
    return join(path, name);
  };
  return { path, file, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A file as the command looks at it. */
export const sourceOf = (path: string) => importSource({ shown: path, path, format: undefined, name: undefined });

/** All rows of a file. */
export async function rowsOf(path: string, delimiter?: string): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const batch of readRows(sourceOf(path), { delimiter })) rows.push(...batch);
  return rows;
}

/** The values of all rows, each of which must be readable. */
export async function valuesOf(path: string): Promise<unknown[]> {
  return (await rowsOf(path)).map((row) => (row.ok ? row.value : row.problem));
}

/** The outcome of the first reading: what is counted, or the message that refuses it, without the folder. */
export async function checked(paths: readonly string[], options: Partial<ImportOptions> = {}) {
  const all = {
    extra: "refuse",
    schemas: undefined,
    delimiter: undefined,
    skipBadTo: undefined,
    isDryRun: false,
    ...options,
  } as const;
  try {
    return await checkFiles(paths.map(sourceOf), { ...all, onProgress: () => undefined });
  } catch (error) {
    if (!(error instanceof ImportRefused)) throw error;
    return error.message.replaceAll(/\/\S*\//g, "");
  }
}

/** Runs one statement that writes a file. */
export async function written(sql: string): Promise<void> {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 512 });
  await duckdb.run(sql);
}
