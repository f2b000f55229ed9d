/** Reads Parquet as rows, by DuckDB. Values become JSON by their types, with all of their digits. */
import { messageOf } from "../base/errors.ts";
import { parseJson } from "../event/parse/parse.ts";
import { DuckDB } from "../store/sql/duckdb.ts";
import { identifier, literal } from "../store/sql/literals.ts";
import { columnValue, ValueRefused } from "./parquet-values.ts";
import { ImportRefused } from "./refused.ts";
import { neverEmpty, type SourceRow } from "./row.ts";

/** Other programs may write large row groups; one that does not fit is an error, not a crash. */
const limits = { threads: 2, memoryMiB: 1024 };

/**
 * The rows of a Parquet file; `onColumns` is called with its columns.
 * @throws ImportRefused if the file is damaged, with the row up to which it could be read
 */
export async function* parquetRows(
  path: string,
  onColumns: (names: readonly string[]) => void,
): AsyncGenerator<SourceRow[]> {
  let row = 0;
  try {
    using duckdb = await DuckDB.open(limits);
    const table = `read_parquet(${literal(path)}, hive_partitioning = false)`;
    const described = await duckdb.rows(`DESCRIBE FROM ${table}`);
    const names = described.map(({ column_name }) => String(column_name));
    requireEventName(names);
    onColumns(names);
    for await (const chunk of duckdb.chunks(`SELECT ${names.map(identifier).join(", ")} FROM ${table}`)) {
      const types = names.map((_, index) => chunk.getColumnVector(index).type);
      yield chunk.getRows().map((values): SourceRow => {
        row += 1;
        return rowOf(row, names, (index) => columnValue(names[index] ?? "", values[index] ?? null, types[index]));
      });
    }
  } catch (error) {
    if (error instanceof ImportRefused) throw error;
    // The first line of DuckDB's message is the reason; the others show our statement.
    const [reason] = messageOf(error).split("\n", 1);
    throw new ImportRefused(`cannot be read past row ${row}: ${reason}`, { cause: error });
  }
}

function requireEventName(names: readonly string[]): void {
  if (names.includes("event_name")) return;
  throw new ImportRefused(`has no column event_name; it has ${names.map((name) => JSON.stringify(name)).join(", ")}`);
}

function rowOf(row: number, names: readonly string[], valueAt: (index: number) => string | undefined): SourceRow {
  const members: string[] = [];
  for (const [index, name] of names.entries()) {
    try {
      const json = valueAt(index);
      if (json === '""' && neverEmpty.has(name)) continue;
      if (json !== undefined) members.push(`${JSON.stringify(name)}:${json}`);
    } catch (error) {
      if (!(error instanceof ValueRefused)) throw error;
      return { ok: false, row, problem: `${name}: ${error.message}`, raw: `{${members.join(",")}}` };
    }
  }
  const text = `{${members.join(",")}}`;
  const parsed = parseJson(Buffer.from(text));
  if (parsed.ok) return { ok: true, row, value: parsed.value, exact: parsed.exact };
  return { ok: false, row, problem: parsed.issues.map(({ ctx }) => String(ctx?.["error"])).join("; "), raw: text };
}
