/** Reading DuckDB files as an analyst does: read-only, from outside the service. */
import { DuckDBInstance, type Json } from "@duckdb/node-api";

/** A row by column name; what JSON cannot hold (BIGINT, UUID, time) comes as its text. */
export type Row = Record<string, Json>;

/** Opens `path` read-only, runs one query with the time zone UTC, or after other settings, closes. */
export async function queryFile(
  path: string,
  sql: string,
  settings: readonly string[] = ["SET TimeZone = 'UTC'"],
): Promise<Row[]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY", threads: "2" });
  try {
    const connection = await instance.connect();
    try {
      for (const setting of settings) await connection.run(setting);
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowObjectsJson();
    } finally {
      connection.closeSync();
    }
  } finally {
    instance.closeSync();
  }
}

/**
 * The only value of the only row, as a number.
 * @throws Error if the answer has another form
 */
export function single(rows: readonly Row[]): number {
  const values = rows.length === 1 && rows[0] !== undefined ? Object.values(rows[0]) : [];
  const number = Number(values[0]);
  if (values.length !== 1 || !Number.isFinite(number)) throw new Error(`not one number: ${JSON.stringify(rows)}`);
  return number;
}
