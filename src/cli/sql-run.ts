/** Statements run, and their rows written as they come. */
import { createReadStream, createWriteStream, fstatSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type DuckDBValue, StatementType } from "@duckdb/node-api";
import { codeOf, MillraceError, messageOf } from "../base/errors.ts";
import { copyStatement, textOf } from "../query/formats.ts";
import { queryFormats } from "../query/protocol.ts";
import type { DuckDB, StatementResult, Streamed } from "../store/duckdb.ts";
import { unfinishedSuffix } from "../store/names.ts";
import { isQuery, splitStatements } from "./sql-text.ts";
import { tableText } from "./table.ts";

/** A statement of the user's own fails; the message is DuckDB's. */
export class StatementFailed extends MillraceError {
  override readonly name = "StatementFailed";
}

/** What rows are written as: a table for people, the others for programs. */
export const sqlFormats = ["table", ...queryFormats] as const;

/** One of `sqlFormats`. */
export type SqlFormat = (typeof sqlFormats)[number];

/** How and where to. With a file, only the rows of the last statement are kept. */
export type SqlOutput = { format: SqlFormat; file: string | undefined; scratch: string };

/** A table for people ends here. Rows */
const tableRowsMax = 100;

/** A terminal that does not say how wide it is. Columns */
const widthDefault = 120;

const standardOutput = 1;

/**
 * Runs a text of any number of statements; what stands before a failing one is done and written.
 * @throws StatementFailed with DuckDB's message
 */
export async function runStatements(duckdb: DuckDB, text: string, output: SqlOutput): Promise<void> {
  const { statements, rest } = splitStatements(text);
  if (rest !== "") statements.push(rest);
  for (const [index, statement] of statements.entries()) {
    const isKept = output.file === undefined || index === statements.length - 1;
    try {
      if (isKept && (output.format === "csv" || output.format === "parquet") && isQuery(statement))
        await copyRows(duckdb, statement, { ...output, format: output.format });
      else await writeResults(duckdb, statement, isKept ? output : undefined);
    } catch (error) {
      // What reads our output has enough.
      if (codeOf(error) === "EPIPE" || messageOf(error).endsWith("Broken pipe")) return;
      throw new StatementFailed(messageOf(error).replace(/^Failed to extract statements: /, ""), { cause: error });
    }
  }
}

/** Lets DuckDB write the rows itself. */
async function copyRows(duckdb: DuckDB, sql: string, output: SqlOutput & { format: "csv" | "parquet" }): Promise<void> {
  const { format, file, scratch } = output;
  const copyTo = (target: string) =>
    duckdb.run(copyStatement({ sql, format, target, rowsMax: Number.MAX_SAFE_INTEGER - 1 }));
  if (file !== undefined) {
    await writeWhole(file, copyTo);
  } else if (fstatSync(standardOutput).isFIFO() && format === "csv") {
    await copyTo("/dev/stdout");
  } else {
    // A file that was there would be written over from its start, a socket has no path, and Parquet wants a file.
    const rows = join(scratch, "rows");
    await copyTo(rows);
    await pipeline(createReadStream(rows), process.stdout, { end: false });
    rmSync(rows);
  }
}

/** A file gets its name when it is whole. */
async function writeWhole(file: string, write: (unfinished: string) => Promise<void>): Promise<void> {
  const unfinished = file + unfinishedSuffix;
  try {
    await write(unfinished);
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}

/** Runs a statement and writes the rows that it gives, if any; without an output, none. */
async function writeResults(duckdb: DuckDB, statement: string, output: SqlOutput | undefined): Promise<void> {
  for await (const result of duckdb.results(statement)) {
    if (output === undefined) await takeRows(result, tableRowsMax);
    else if (output.format === "parquet")
      throw new StatementFailed("only the rows of a query can be written as parquet");
    else if (output.file === undefined) await writeRows(result, output.format, process.stdout);
    else
      await writeWhole(output.file, async (unfinished) => {
        const stream = createWriteStream(unfinished);
        await writeRows(result, output.format, stream);
        await new Promise<void>((resolve, reject) => stream.on("error", reject).end(resolve));
      });
  }
}

async function writeRows(result: StatementResult, format: SqlFormat, to: Writable): Promise<void> {
  const write = async (text: string) => {
    if (!to.write(text)) await new Promise((resolve) => to.once("drain", resolve));
  };
  if (format === "json" || format === "ndjson") {
    for await (const text of textOf(result, { format, rowsMax: Number.MAX_SAFE_INTEGER })) await write(text);
    return;
  }
  const rows = await takeRows(result, tableRowsMax + 1);
  if (result.statementType === StatementType.EXPLAIN) return write(rows.map(([, plan]) => `${plan}\n`).join(""));
  const isCut = rows.length > tableRowsMax;
  const shown = { names: result.names, rows: rows.slice(0, tableRowsMax), isCut };
  await write(tableText(shown, process.stdout.columns || widthDefault));
}

/** The first rows of a result. */
async function takeRows({ chunks }: Streamed, rowsMax: number): Promise<DuckDBValue[][]> {
  const rows: DuckDBValue[][] = [];
  for await (const chunk of chunks) {
    rows.push(...chunk.getRows());
    if (rows.length >= rowsMax) break;
  }
  return rows.slice(0, rowsMax);
}
