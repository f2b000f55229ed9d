/** Finds the refused events of a person, or those for which an SQL condition on the columns of `events` holds. */
import { join } from "node:path";
import { categoryDefault, priorityDefault } from "../event/categories.ts";
import { eventColumns } from "../event/columns.ts";
import { belongsToPerson } from "../refused/matching.ts";
import { readRefusedFile } from "../refused/refused-file.ts";
import { type PersonIds, readPersonIds } from "../store/catalog/erased-person.ts";
import { type ErasureRequest, erasureCondition } from "../store/catalog/erasures.ts";
import { refusedLinesQuery } from "../store/catalog/refused-view.ts";
import { refusedEventsIn } from "../store/folder/layout.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { identifier, listLiteral, literal } from "../store/sql/literals.ts";

/** Columns that do not come from a field of the event, and fields with a default. */
const special: Readonly<Record<string, string>> = {
  received_at: "refused_at",
  subject: "subject",
  event_id: "event_id",
  properties: "event->'$.properties'",
  timestamp: `coalesce(${fieldOf("timestamp")}, refused_at)`,
  category: `coalesce(${fieldOf("category")}, ${literal(categoryDefault)}::${eventColumns.category})`,
  priority: `coalesce(${fieldOf("priority")}, ${literal(priorityDefault)}::${eventColumns.priority})`,
};

/** A field of the event; NULL where it is not of its column's type, which may be why the event was refused. */
function fieldOf(name: keyof typeof eventColumns): string {
  return `TRY_CAST(event->>'$.${name}' AS ${eventColumns[name]})`;
}

/** Whose events: a request, and the anonymous ids of its person. */
type Wanted = { request: ErasureRequest; ids?: PersonIds | undefined };

/**
 * Returns the keys of the events that the request means, see `KeptEvent`. An SQL condition is evaluated on events in
 * the own API's form; where it cannot be evaluated, it does not hold.
 */
export async function findRefused(duckdb: DuckDB, folder: DataFolder, wanted: Wanted): Promise<string[]> {
  const { request, ids } = wanted;
  const paths = refusedEventsIn(folder).map((file) => join(folder.refusedEvents, file));
  if (paths.length === 0) return [];
  if ("person" in request && ids !== undefined) {
    const isTheirs = belongsToPerson({ person: request.person, ids: readPersonIds(ids) });
    const events = paths.flatMap((path) => readRefusedFile(path));
    return events.flatMap(({ kept }) => (kept !== undefined && isTheirs(kept.record) ? [kept.key] : []));
  }
  const names = Object.keys(eventColumns) as (keyof typeof eventColumns)[];
  const columns = names.map((name) => `${special[name] ?? fieldOf(name)} AS ${identifier(name)}`);
  const rows = await duckdb.rows(
    `SELECT key FROM (
       SELECT event_id::VARCHAR || ' ' || crc32 AS key, ${columns.join(", ")}
       FROM (${refusedLinesQuery(listLiteral(paths))}) WHERE is_mapped
     ) AS events WHERE coalesce(${erasureCondition(request)}, false)`,
  );
  return rows.map(({ key }) => String(key));
}
