/** Where the events are that an erasure is about. */
import { join } from "node:path";
import { MillraceError, messageOf } from "../base/errors.ts";
import { eventColumns } from "../event/columns.ts";
import { judgeCondition } from "../query/statement.ts";
import type { DuckDB } from "../store/duckdb.ts";
import { type ErasureRequest, erasureCondition } from "../store/erasures.ts";
import type { DataFolder } from "../store/names.ts";
import { emptyQuery } from "../store/rollup.ts";
import { listLiteral, literal } from "../store/sql-literals.ts";
import { readSummary } from "../store/summary.ts";
import type { Found, RewriteJob } from "./protocol.ts";

/** DuckDB does not take a condition, or it fails on an event. */
export class ConditionRefused extends MillraceError {
  override readonly name = "ConditionRefused";
}

/**
 * Looks through segments, replaced ones too. An event that stands in several, because one replaced the other, counts once.
 * @throws ConditionRefused with DuckDB's words
 */
export async function findEvents(
  duckdb: DuckDB,
  folder: DataFolder,
  { request, files, idsTo, whereItFails }: Extract<RewriteJob, { kind: "find" }>,
): Promise<Found> {
  const condition =
    whereItFails === "refuse" && "where" in request ? `(${request.where}\n)` : erasureCondition(request);
  await requireSound(duckdb, request);
  const paths = listLiteral(files.map((file) => join(folder.segments, file)));
  const source =
    files.length === 0
      ? emptyQuery({ ...eventColumns, filename: "VARCHAR" })
      : `FROM read_duckdb(${paths}, table_name = 'events', filename = true)`;
  await judged(
    duckdb.run(`CREATE TEMP TABLE found AS SELECT event_id, filename FROM (${source}) AS events
       WHERE coalesce(${condition}, false)`),
  );
  const [count] = await duckdb.rows("SELECT count(DISTINCT event_id)::DOUBLE AS events FROM found");
  const named = await duckdb.rows("SELECT DISTINCT parse_filename(filename) AS file FROM found ORDER BY ALL");
  const names = named.map(({ file }) => String(file));
  const withIds: string[] = [];
  for (const name of names) {
    const { clientIds } = await readSummary(duckdb, join(folder.segments, name));
    if (clientIds > 0) withIds.push(name);
  }
  // One a line, each as long as the other: read in pieces.
  await duckdb.run(
    `COPY (SELECT DISTINCT event_id FROM found WHERE parse_filename(filename) IN (SELECT unnest(${listLiteral(withIds)}::VARCHAR[])))
     TO ${literal(idsTo)} (FORMAT csv, HEADER false, USE_TMP_FILE false)`,
  );
  return { files: names, events: Number(count?.["events"]) };
}

/** Whether a condition is one, over the columns of `events` alone. */
async function requireSound(duckdb: DuckDB, request: ErasureRequest): Promise<void> {
  // As it was sent: within brackets of ours, brackets of its own could make it another one.
  const fault = "where" in request ? await judgeCondition(duckdb, request.where) : undefined;
  if (fault !== undefined) throw new ConditionRefused(fault.message);
  await judged(duckdb.run(`SELECT 1 FROM (${emptyQuery(eventColumns)}) AS events WHERE ${erasureCondition(request)}`));
}

async function judged(statement: Promise<void>): Promise<void> {
  try {
    await statement;
  } catch (error) {
    const text = messageOf(error);
    if (!/^(Parser|Binder|Catalog|Conversion|Invalid Input|Out of Range|Not implemented) Error/.test(text)) throw error;
    // DuckDB shows the statement around the place; the first line alone is about the condition, and has no path.
    throw new ConditionRefused(text.split("\n", 1)[0] ?? "", { cause: error });
  }
}
