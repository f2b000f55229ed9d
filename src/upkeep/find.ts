/** Finds the events that an erasure would remove. */
import { join } from "node:path";
import { erasureCondition } from "../store/catalog/erasures.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { segmentsQuery } from "../store/segment/segments-query.ts";
import { readSummary } from "../store/segment/summary.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { listLiteral, literal } from "../store/sql/literals.ts";
import { bracketed, refusedByDuckDB, requireCondition } from "./condition.ts";
import type { Found, RewriteJob } from "./protocol.ts";

/**
 * Searches segments, replaced ones too. An event that is in several of them, because one replaced the other, counts
 * once.
 * @throws ConditionRefused if `whereItFails` is "refuse" and the condition is invalid or fails on an event
 */
export async function findEvents(
  duckdb: DuckDB,
  folder: DataFolder,
  { request, files, idsTo, whereItFails }: Extract<RewriteJob, { kind: "find" }>,
): Promise<Found> {
  const paths = files.map((file) => join(folder.segments, file));
  const source = segmentsQuery({ table: "events", files: paths, extra: ["filename"] });
  const collect = (condition: string) =>
    duckdb.run(`CREATE TEMP TABLE found AS SELECT event_id, filename FROM (${source}) AS events
       WHERE coalesce(${condition}, false)`);
  if (whereItFails === "refuse" && "where" in request) {
    await requireCondition(duckdb, request.where);
    await refusedByDuckDB(() => collect(bracketed(request.where)));
  } else await collect(erasureCondition(request));
  const [count] = await duckdb.rows("SELECT count(DISTINCT event_id)::DOUBLE AS events FROM found");
  const named = await duckdb.rows("SELECT DISTINCT parse_filename(filename) AS file FROM found ORDER BY ALL");
  const names = named.map(({ file }) => String(file));
  if (idsTo !== undefined) await writeIds(duckdb, folder, { names, idsTo });
  return { files: names, events: Number(count?.["events"]) };
}

/**
 * Writes the ids that clients may have made, one a line. All lines have the same length, because the file is read in
 * pieces.
 */
async function writeIds(
  duckdb: DuckDB,
  folder: DataFolder,
  { names, idsTo }: { names: readonly string[]; idsTo: string },
): Promise<void> {
  const withIds: string[] = [];
  for (const name of names) {
    const { clientIds } = await readSummary(duckdb, join(folder.segments, name));
    if (clientIds > 0) withIds.push(name);
  }
  await duckdb.run(
    `COPY (SELECT DISTINCT event_id FROM found WHERE parse_filename(filename) IN (SELECT unnest(${listLiteral(withIds)}::VARCHAR[])))
     TO ${literal(idsTo)} (FORMAT csv, HEADER false, USE_TMP_FILE false)`,
  );
}
