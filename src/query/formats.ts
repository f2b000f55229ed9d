/** How rows are written, for HTTP and for the command line. */
import type { DuckDBDataChunk } from "@duckdb/node-api";
import type { Streamed } from "../store/duckdb.ts";
import { digits, literal } from "../store/sql-literals.ts";
import { type JsonWriter, jsonWriter, typeText } from "./json-text.ts";

/** Formats that are written here, from rows as they come. DuckDB itself writes the others: see `copyStatement`. */
type TextFormat = "json" | "ndjson";

/**
 * The text of a result, a piece for each chunk of at most 2,048 rows, and in the end how many rows there were.
 * Takes no more than the first chunk past `rowsMax`: a caller that gets more rows than that has not got them all.
 */
export async function* textOf(
  { names, types, chunks }: Streamed,
  { format, rowsMax }: { format: TextFormat; rowsMax: number },
): AsyncGenerator<string, number> {
  const writers = types.map(jsonWriter);
  const heads = format === "json" ? [] : distinct(names).map((name) => `${JSON.stringify(name)}:`);
  if (format === "json") {
    const columns = types.map((type, index) => ({ name: names[index], type: typeText(type) }));
    yield `{"columns":${JSON.stringify(columns)},"rows":[`;
  }
  let rows = 0;
  for await (const chunk of chunks) {
    if (rows > rowsMax) break;
    const texts = rowTexts(chunk, writers, heads);
    if (format === "json") yield `${rows === 0 ? "" : ","}\n${texts.map((text) => `[${text}]`).join(",\n")}`;
    else yield texts.map((text) => `{${text}}\n`).join("");
    rows += chunk.rowCount;
  }
  if (format === "json") yield `\n],"row_count":${rows}}\n`;
  return rows;
}

/** The members of each row, without the brackets around them. */
function rowTexts(chunk: DuckDBDataChunk, writers: readonly JsonWriter[], heads: readonly string[]): string[] {
  const texts = Array.from({ length: chunk.rowCount }, () => "");
  for (const [column, write] of writers.entries()) {
    const vector = chunk.getColumnVector(column);
    const head = (column === 0 ? "" : ",") + (heads[column] ?? "");
    for (let row = 0; row < texts.length; row++) texts[row] += head + write(vector.getItem(row));
  }
  return texts;
}

/** Names in which none comes twice: repeats get `_1`, `_2`, as DuckDB gives them to the columns of a subquery. */
function distinct(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    for (let number = 1; taken.has(free); number++) free = `${name}_${number}`;
    taken.add(free);
    return free;
  });
}

/** What DuckDB writes by itself, and the options of its COPY. */
const copyOptions = { csv: "FORMAT csv, HEADER true", parquet: "FORMAT parquet, COMPRESSION zstd" } as const;

/** Formats that DuckDB writes. */
export type CopyFormat = keyof typeof copyOptions;

/** What a statement stands behind in `copyStatement`: places in it move by so much. */
export const copyPrefix = "COPY (SELECT * FROM (\n";

/**
 * A statement that writes the rows of one SELECT to `target`, one row past `rowsMax` at most; it can be prepared with the
 * parameters of the SELECT, and tells how many rows it wrote. A semicolon may end the SELECT; nothing but blanks may follow it.
 */
export const copyStatement = (copy: { sql: string; format: CopyFormat; target: string; rowsMax: number }) =>
  `${copyPrefix}${copy.sql.replace(/[;\s]+$/, "")}\n) LIMIT ${digits(copy.rowsMax + 1)}) TO ${literal(copy.target)} (${copyOptions[copy.format]})`;
