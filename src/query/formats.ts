/** How rows are written, for HTTP and for the command line: always by DuckDB, with a COPY that this file builds. */
import type { DuckDBMaterializedResult, DuckDBType } from "@duckdb/node-api";
import { digits, identifier, literal } from "../store/sql/literals.ts";
import { jsonExpression, typeText } from "./json-sql.ts";
import type { QueryFormat } from "./protocol.ts";
import { withoutSemicolon } from "./sql-text.ts";

/** The columns of a result of `firstRows`: if a name appears twice, the later ones get `_1`, `_2`. */
type Columns = { names: readonly string[]; types: readonly DuckDBType[]; isUtc: boolean };

/** Formats that need to know the columns. */
export type JsonFormat = "json" | "ndjson";

/** Formats that DuckDB writes by itself, and the options of its COPY. */
const copyOptions = { csv: "FORMAT csv, HEADER true", parquet: "FORMAT parquet, COMPRESSION zstd" } as const;

/** Formats that DuckDB writes by itself. */
export type CopyFormat = keyof typeof copyOptions;

/** Whether a format needs to know the columns. */
export const isJsonFormat = (format: QueryFormat): format is JsonFormat => format === "json" || format === "ndjson";

/** Writes one column of lines unchanged: JSON has no control characters, so these two never appear. */
const lineOptions = "FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\u0002', NULLSTR '\u0003'";

/** A statement, and how many code points precede the client's own in it. */
export type Wrapped = { text: string; before: number };

/**
 * A statement that writes the rows of one SELECT to `target`, at most one row more than `rowsMax`; its result is how
 * many rows it wrote. A semicolon may end the SELECT, followed only by blanks and comments.
 */
export function copyStatement(copy: { sql: string; format: CopyFormat; target: string; rowsMax: number }): Wrapped {
  return wrapped(
    "COPY (SELECT * FROM (\n",
    copy.sql,
    `LIMIT ${digits(copy.rowsMax + 1)}) TO ${to(copy)} (${copyOptions[copy.format]})`,
  );
}

/** The same for JSON: one line a row, without the frame of `json`, which `JsonFrame` adds. */
export function jsonCopyStatement(copy: {
  sql: string;
  format: JsonFormat;
  columns: Columns;
  target: string;
  rowsMax: number;
}): Wrapped {
  const { columns, format } = copy;
  const places = columns.types.map((_, index) => `c${index}`);
  const keys = format === "json" ? [] : columns.names.map((name) => `${JSON.stringify(name)}:`);
  const parts = columns.types.flatMap((type, index) => [
    literal(`${index === 0 ? "" : ","}${keys[index] ?? ""}`),
    jsonExpression(type, places[index] ?? "", columns),
  ]);
  const [open, close] = format === "json" ? ["'['", "'],'"] : ["'{'", "'}'"];
  const line = `concat(${[open, ...parts, close].join(", ")})`;
  return wrapped(
    `COPY (SELECT ${line} FROM (\n`,
    copy.sql,
    `AS t(${places.join(", ")}) LIMIT ${digits(copy.rowsMax + 1)}) TO ${to(copy)} (${lineOptions})`,
  );
}

/** A SELECT of the first rows of another one; with `rowsMax` 0, of its columns alone. */
export const firstRows = (sql: string, rowsMax: number): Wrapped =>
  wrapped("SELECT * FROM (\n", sql, `LIMIT ${digits(rowsMax)}`);

/**
 * A SELECT of rows that are already known, for a result that cannot be used after FROM: a plan, or the result of a
 * CALL.
 */
export async function valuesQuery(result: DuckDBMaterializedResult): Promise<string> {
  const types = result.columnTypes();
  const cells = types.map(
    (type, index) => `${identifier(`c${index}`)}::${type} AS ${identifier(result.columnName(index))}`,
  );
  const rows = (await result.getRows()).map(
    (row) => `(${row.map((cell) => (cell === null ? "NULL" : literal(String(cell)))).join(", ")})`,
  );
  const places = types.map((_, index) => `c${index}`).join(", ");
  // A list of VALUES cannot be empty.
  const none = `(${types.map(() => "NULL").join(", ")})`;
  const source = `FROM (VALUES ${rows.length === 0 ? none : rows.join(", ")}) AS t(${places})`;
  return `SELECT ${cells.join(", ")} ${source}${rows.length === 0 ? " WHERE false" : ""}`;
}

/** A SELECT of the first rows of another one, with every value as DuckDB displays it. */
export function textRows(sql: string, columns: number, rowsMax: number): string {
  const places = Array.from({ length: columns }, (_, index) => `c${index}`);
  const cells = places.map((place) => `${place}::VARCHAR AS ${place}`).join(", ");
  return wrapped(`SELECT ${cells} FROM (\n`, sql, `AS t(${places.join(", ")}) LIMIT ${digits(rowsMax)}`).text;
}

const wrapped = (before: string, sql: string, after: string): Wrapped => ({
  text: `${before}${withoutSemicolon(sql)}\n) ${after}`,
  before: before.length,
});

const to = ({ target }: { target: string }) => literal(target);

/** The frame of a JSON answer: columns before the rows, their number after. `ndjson` has none. */
export class JsonFrame {
  readonly #columns: Columns;
  readonly #format: JsonFormat;
  /** The last two bytes so far: the comma after the last row must not be sent. */
  #held: Uint8Array = new Uint8Array();

  constructor(format: JsonFormat, columns: Columns) {
    this.#format = format;
    this.#columns = columns;
  }

  /** What comes before the rows. */
  head(): Uint8Array {
    const columns = this.#columns.types.map((type, index) => ({
      name: this.#columns.names[index],
      type: typeText(type),
    }));
    return Buffer.from(this.#format === "json" ? `{"columns":${JSON.stringify(columns)},"rows":[\n` : "");
  }

  /** Takes some bytes of the rows and returns those that can be sent now. */
  rows(bytes: Uint8Array): Uint8Array {
    if (this.#format === "ndjson") return bytes;
    const all = Buffer.concat([this.#held, bytes]);
    this.#held = all.subarray(-rowEndBytes);
    return all.subarray(0, -rowEndBytes);
  }

  /** What comes after the rows. */
  tail(rows: number): Uint8Array {
    return Buffer.from(this.#format === "json" ? `${rows === 0 ? "" : "\n"}],"row_count":${rows}}\n` : "");
  }
}

/** A comma and a line feed. */
const rowEndBytes = 2;
