/** Runs statements and writes their rows as they arrive. */
import { closeSync, createReadStream, fstatSync, openSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ResultReturnType, StatementType } from "@duckdb/node-api";
import { writeAll } from "../base/durable.ts";
import { codeOf, MillraceError, messageOf } from "../base/errors.ts";
import { makeFifo, throughFifo } from "../query/fifo.ts";
import {
  type CopyFormat,
  copyStatement,
  firstRows,
  isJsonFormat,
  type JsonFormat,
  JsonFrame,
  jsonCopyStatement,
  textRows,
  valuesQuery,
} from "../query/formats.ts";
import { queryFormats } from "../query/protocol.ts";
import { runWrapped } from "../query/run.ts";
import { isQuery } from "../query/sql-text.ts";
import { unfinishedSuffix } from "../store/folder/names.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { isNumeric, tableText } from "./table.ts";
import { timeLimit } from "./time-limit.ts";

/** A user's statement failed; the message is DuckDB's. */
export class StatementFailed extends MillraceError {
  override readonly name = "StatementFailed";
}

/** Output formats: a table for people, the others for programs. */
export const sqlFormats = ["table", ...queryFormats] as const;

/** One of `sqlFormats`. */
export type SqlFormat = (typeof sqlFormats)[number];

/** Format and destination. With a file, only the rows of the last statement are written. */
export type SqlOutput = {
  format: SqlFormat;
  file: string | undefined;
  scratch: string;
  /** Longest time of one statement; 0: no limit. */
  timeoutSeconds: number;
};

/** A table shows at most this many rows. */
const tableRowsMax = 100;

/** Width of a terminal that does not report one. Columns */
const widthDefault = 120;

const standardOutput = 1;

/** What a statement is run with. `isKept`: its rows are written to the output's file, if there is one. */
type Running = { output: SqlOutput; isKept: boolean };

/**
 * Runs one statement and writes its rows. Returns false if nobody reads the output any more.
 * @throws StatementFailed with DuckDB's message
 */
export async function runStatement(duckdb: DuckDB, statement: string, running: Running): Promise<boolean> {
  using limit = timeLimit(duckdb, running.output.timeoutSeconds);
  try {
    await run(duckdb, statement, running);
    return true;
  } catch (error) {
    if (limit.isOver) throw new StatementFailed(limit.message, { cause: error });
    // The reader of our output has closed it.
    if (codeOf(error) === "EPIPE" || duckdbFailureOf(error) === "closed") return false;
    throw new StatementFailed(messageOf(error), { cause: error });
  }
}

/** Writes text to standard output, after the rows before it. */
export const writeText = (text: string) => toStandardOutput(Buffer.from(text));

async function run(duckdb: DuckDB, statement: string, { output, isKept }: Running): Promise<void> {
  const sql = isQuery(statement) ? statement : await rowsOf(duckdb, statement, output);
  if (sql === undefined) return;
  if (isKept || output.file === undefined) await writeRows(duckdb, sql, output);
  else await duckdb.run(firstRows(sql, tableRowsMax).text);
}

/**
 * Runs a statement that is not a query. Returns a query for its rows, or undefined if it has none or they are written
 * already.
 */
async function rowsOf(duckdb: DuckDB, statement: string, output: SqlOutput): Promise<string | undefined> {
  const result = await duckdb.result(statement);
  if (result.returnType !== ResultReturnType.QUERY_RESULT) return undefined;
  if (result.statementType !== StatementType.EXPLAIN || output.format !== "table") return valuesQuery(result);
  const rows = await result.getRows();
  const plan = Buffer.from(rows.map((row) => `${row[1]}\n`).join(""));
  await writeTo(output, async (write) => write(plan));
  return undefined;
}

async function writeRows(duckdb: DuckDB, sql: string, output: SqlOutput): Promise<void> {
  const { format } = output;
  if (format === "table") return writeTable(duckdb, sql, output);
  return isJsonFormat(format)
    ? writeJson(duckdb, sql, { ...output, format })
    : copyRows(duckdb, sql, { ...output, format });
}

/** Lets DuckDB write the rows itself. */
async function copyRows(duckdb: DuckDB, sql: string, output: SqlOutput & { format: CopyFormat }): Promise<void> {
  const { format, file, scratch } = output;
  const copyTo = (target: string) => duckdb.run(copyStatement({ sql, format, target, rowsMax }).text);
  if (file !== undefined) {
    await writeWhole(file, copyTo);
  } else if (fstatSync(standardOutput).isFIFO() && format === "csv") {
    await copyTo("/dev/stdout");
  } else {
    // DuckDB would overwrite an existing file from its start, a socket has no path, and Parquet needs a file.
    const rows = join(scratch, "rows");
    await copyTo(rows);
    // Not `pipeline`: it leaves listeners on standard output, and Node warns from the eleventh statement on.
    for await (const bytes of createReadStream(rows)) await toStandardOutput(bytes);
    rmSync(rows);
  }
}

/** No limit on rows. */
const rowsMax = Number.MAX_SAFE_INTEGER - 1;

/** DuckDB writes rows as JSON lines into a named pipe; the text around them is added here. */
async function writeJson(duckdb: DuckDB, sql: string, output: SqlOutput & { format: JsonFormat }): Promise<void> {
  const { format, scratch } = output;
  const columns = await columnsOf(duckdb, sql);
  const fifo = join(scratch, "lines");
  makeFifo(fifo);
  try {
    const copy = jsonCopyStatement({ sql, format, columns, target: fifo, rowsMax });
    const frame = new JsonFrame(format, columns);
    await writeTo(output, async (write) => {
      await write(frame.head());
      const result = await throughFifo(fifo, {
        copy: () => runWrapped(duckdb, copy),
        take: (bytes) => write(frame.rows(bytes)),
        interrupt: () => duckdb.interrupt(),
      });
      await write(frame.tail(result.rowsChanged));
    });
  } finally {
    rmSync(fifo, { force: true });
  }
}

async function writeTable(duckdb: DuckDB, sql: string, output: SqlOutput): Promise<void> {
  const { names, types } = await columnsOf(duckdb, sql);
  const result = await duckdb.result(textRows(sql, types.length, tableRowsMax + 1));
  const rows = (await result.getRows()).map((row) => row.map((cell) => (cell === null ? null : String(cell))));
  const isCut = rows.length > tableRowsMax;
  // The type of a column with nothing but NULL is arbitrary.
  const numbers = types.map((type, index) => isNumeric(type) && rows.some((row) => row[index] !== null));
  const shown = { names, numbers, rows: rows.slice(0, tableRowsMax), isCut };
  const text = Buffer.from(tableText(shown, process.stdout.columns || widthDefault));
  await writeTo(output, async (write) => write(text));
}

async function columnsOf(duckdb: DuckDB, sql: string) {
  const described = await duckdb.result(firstRows(sql, 0).text);
  const [zone] = await duckdb.rows("SELECT current_setting('TimeZone') AS name");
  const isUtc = /^(?:etc\/)?(?:utc|uct|gmt|zulu)$/i.test(String(zone?.["name"]));
  return { names: described.columnNames(), types: described.columnTypes(), isUtc };
}

type Write = (bytes: Uint8Array) => Promise<void>;

/** Gives `work` a writer to standard output, or to the output's file, which gets its name once it is complete. */
async function writeTo({ file }: SqlOutput, work: (write: Write) => Promise<void>): Promise<void> {
  if (file === undefined) return work(toStandardOutput);
  await writeWhole(file, async (unfinished) => {
    const descriptor = openSync(unfinished, "w");
    try {
      await work(async (bytes) => {
        writeAll(descriptor, bytes);
      });
    } finally {
      closeSync(descriptor);
    }
  });
}

const ignored = () => undefined;

/** Resolves when the bytes have been written. */
const toStandardOutput: Write = (bytes) =>
  new Promise((resolve, reject) => {
    // An unhandled error event would end the process with a stack trace; the write's callback reports the same error.
    if (!process.stdout.listeners("error").includes(ignored)) process.stdout.on("error", ignored);
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });

/** Writes under an unfinished name; the file gets its own name once it is complete. */
async function writeWhole(file: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = file + unfinishedSuffix;
  try {
    await write(unfinished);
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
