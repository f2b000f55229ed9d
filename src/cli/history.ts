/** Rows of files of events from elsewhere, one after another. */
import { accessSync, constants, createReadStream, statSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { createGunzip } from "node:zlib";
import { MillraceError, messageOf } from "../base/errors.ts";
import { eventColumns } from "../event/columns.ts";
import type { ImportedRow } from "../event/imported.ts";
import { parseJson } from "../event/parse.ts";
import { DuckDB } from "../store/duckdb.ts";
import { identifier, literal } from "../store/sql-literals.ts";

/** A row, and how much of the file was read by then in bytes, as far as that is known; or why there is none. */
export type HistoryRow = ((ImportedRow & { ok: true }) | { ok: false; error: string }) & { readBytes: number };

/** A file's name does not say what it holds, or it cannot be read. */
class FileRefused extends MillraceError {
  override readonly name = "FileRefused";
}

/** A file that can be read, what it holds, and its size. */
export type HistoryFile = { file: string; kind: "csv" | "parquet" | "json"; isPacked: boolean; bytes: number };

/**
 * Looks at a file and its name, before anything is read.
 * @throws FileRefused naming the file
 */
export function historyFile(file: string): HistoryFile {
  const [, ending, packed] = /\.(ndjson|jsonl|json|csv|parquet)(\.gz)?$/.exec(file.toLowerCase()) ?? [];
  if (ending === undefined || (ending === "parquet" && packed !== undefined))
    throw new FileRefused(`${file}: the name must end in .ndjson, .jsonl, .json, .csv (all also with .gz) or .parquet`);
  const kind = ending === "csv" || ending === "parquet" ? ending : "json";
  try {
    accessSync(file, constants.R_OK);
    return { file, kind, isPacked: packed !== undefined, bytes: statSync(file).size };
  } catch (error) {
    throw new FileRefused(`${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * Reads a file's rows.
 * @throws FileRefused naming the file
 */
export async function* historyRows({ file, kind, isPacked }: HistoryFile): AsyncGenerator<HistoryRow> {
  try {
    if (kind === "csv")
      yield* tableRows(
        `read_csv(${literal(file)}, all_varchar = true, header = true, quote = '"', escape = '"', allow_quoted_nulls = false)`,
      );
    else if (kind === "parquet") yield* tableRows(`read_parquet(${literal(file)})`);
    else yield* jsonRows(file, isPacked);
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new FileRefused(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

async function* jsonRows(file: string, isPacked: boolean): AsyncGenerator<HistoryRow> {
  const stream = createReadStream(file);
  for await (const line of linesOf(isPacked ? stream.pipe(createGunzip()) : stream)) {
    const parsed = parseJson(line);
    const readBytes = stream.bytesRead;
    yield parsed.ok
      ? { ok: true, value: parsed.value, exact: parsed.exact, readBytes }
      : { ok: false, error: parsed.issues.map(({ ctx }) => ctx?.["error"] ?? "no JSON").join("; "), readBytes };
  }
}

/** Lines that are not blank. By bytes: readline would also split at U+2028, which may stand in a JSON text. */
async function* linesOf(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(newline); end !== -1; end = bytes.indexOf(newline, start)) {
      const line = bytes.subarray(start, end);
      if (!isBlank(line)) yield line;
      start = end + 1;
    }
    rest = bytes.subarray(start);
  }
  if (!isBlank(rest)) yield rest;
}

const newline = 0x0a;

const isBlank = (line: Buffer) => line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);

/** DuckDB's own defaults: the command has the machine to itself. */
const limits = {
  threads: availableParallelism(),
  memoryMiB: Math.floor((totalmem() * 0.8) / 2 ** 20),
};

/** Columns of `events` come as text, times as ISO 8601; columns that it does not have are left out. */
async function* tableRows(table: string): AsyncGenerator<HistoryRow> {
  using duckdb = await DuckDB.open(limits);
  const described = await duckdb.rows(`DESCRIBE FROM ${table}`);
  const found = new Set(described.map((row) => String(row["column_name"])));
  const columns = Object.entries(eventColumns).filter(([name]) => found.has(name));
  const selected = columns.map(([name, type]) =>
    type === "TIMESTAMPTZ"
      ? `strftime(${identifier(name)}::TIMESTAMPTZ AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`
      : `${identifier(name)}::VARCHAR`,
  );
  for await (const chunk of duckdb.chunks(
    `SELECT ${selected.length === 0 ? "NULL" : selected.join(", ")} FROM ${table}`,
  ))
    for (const values of chunk.getRows()) {
      const value = Object.fromEntries(columns.map(([name], index) => [name, values[index] ?? null]));
      yield { ok: true, value, exact: value, readBytes: 0 };
    }
}
