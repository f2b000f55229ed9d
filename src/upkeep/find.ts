/** Where the events are for which a condition holds. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { MillraceError, messageOf } from "../base/errors.ts";
import { type DuckDB, listLiteral, literal } from "../store/duckdb.ts";
import type { DataFolder } from "../store/names.ts";
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
  { condition, files, idsTo }: Extract<RewriteJob, { kind: "find" }>,
): Promise<Found> {
  if (files.length === 0) {
    writeFileSync(idsTo, "");
    return { files: [], events: 0 };
  }
  const paths = files.map((file) => join(folder.segments, file));
  try {
    await duckdb.run(
      `CREATE TEMP TABLE found AS SELECT event_id, filename FROM (
         FROM read_duckdb(${listLiteral(paths)}, table_name = 'events', filename = true)) AS events
       WHERE coalesce((${condition}), false)`,
    );
  } catch (error) {
    if (/^(Parser|Binder|Catalog|Conversion|Invalid Input|Out of Range|Not implemented) Error/.test(messageOf(error)))
      throw new ConditionRefused(messageOf(error), { cause: error });
    throw error;
  }
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
    `COPY (SELECT DISTINCT event_id FROM found WHERE parse_filename(filename) IN ${listLiteral(withIds)})
     TO ${literal(idsTo)} (FORMAT csv, HEADER false)`,
  );
  return { files: names, events: Number(count?.["events"]) };
}
