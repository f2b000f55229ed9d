/** Runs what `formats.ts` makes. */
import type { DuckDBMaterializedResult } from "@duckdb/node-api";
import type { DuckDB } from "../store/sql/duckdb.ts";
import type { Wrapped } from "./formats.ts";

/**
 * Runs a statement, with `values`, the arguments of its parameters, if it has any, by SQL's own PREPARE and EXECUTE:
 * see `DuckDB.result`. `onError` makes an error of DuckDB's, and of how many code points stood before the client's own
 * text.
 */
export async function runWrapped(
  duckdb: DuckDB,
  { text, before }: Wrapped,
  {
    values,
    onError,
  }: { values?: string | undefined; onError?: (error: unknown, text: string, before: number) => Error } = {},
): Promise<DuckDBMaterializedResult> {
  // A PIVOT that takes its columns from the data is several statements, of which the last gives no count; as one that
  // was prepared it is one.
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
