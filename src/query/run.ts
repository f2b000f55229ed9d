/** Runs the statements that `formats.ts` builds. */
import type { DuckDBMaterializedResult } from "@duckdb/node-api";
import type { DuckDB } from "../store/sql/duckdb.ts";
import type { Wrapped } from "./formats.ts";

/**
 * Runs a statement. With `values`, the arguments of its parameters, it runs by SQL's own PREPARE and EXECUTE, see
 * `DuckDB.result`. `onError` converts DuckDB's error; it also gets how many code points precede the
 * client's own.
 */
export async function runWrapped(
  duckdb: DuckDB,
  { text, before }: Wrapped,
  {
    values,
    onError,
  }: { values?: string | undefined; onError?: (error: unknown, text: string, before: number) => Error } = {},
): Promise<DuckDBMaterializedResult> {
  // A PIVOT that takes its columns from the data is run as several statements, the last of which returns no count.
  // Prepared, it is a single statement.
  const prepare = values === undefined && !/pivot/i.test(text) ? "" : "PREPARE millrace_asked AS ";
  try {
    if (prepare === "") return await duckdb.result(text);
    await duckdb.run(prepare + text);
    const result = await duckdb.result(`EXECUTE millrace_asked${values === undefined ? "" : `(${values})`}`);
    await duckdb.run("DEALLOCATE millrace_asked");
    return result;
  } catch (error) {
    throw onError === undefined ? error : onError(error, prepare + text, prepare.length + before);
  }
}
