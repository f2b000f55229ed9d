/** The catalog in memory, over events that a test tells: its SQL can be compared with a plain computation. */
import { eventColumns } from "../../src/event/columns.ts";
import { catalogStatements, emptyCatalog } from "../../src/store/catalog/views.ts";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { emptyQuery, literal } from "../../src/store/sql/literals.ts";
import { openDuckDB } from "./sealed.ts";

/** An event as a test tells it; what it leaves out is NULL. `at`: ms since 1970. */
export type ToldEvent = {
  at: number;
  event_name?: string;
  user_id?: string | null;
  anonymous_id?: string | null;
  client_id?: string | null;
  session_id?: string | null;
  page_url?: string | null;
  referrer?: string | null;
  /** JSON. */
  properties?: string | null;
};

/** A catalog over what `tellEvents` tells last. */
export async function catalogOfTold(): Promise<DuckDB> {
  const duckdb = await openDuckDB();
  await duckdb.run("SET TimeZone = 'UTC'");
  await duckdb.run(`CREATE TABLE told AS ${emptyQuery(eventColumns)}`);
  await duckdb.script(catalogStatements({ ...emptyCatalog, unsealed: "FROM told" }));
  return duckdb;
}

/** The columns that are strings, or NULL. */
const texts = [
  "event_name",
  "user_id",
  "anonymous_id",
  "client_id",
  "session_id",
  "page_url",
  "referrer",
  "properties",
] as const;

/** Makes these events all that there is. The id of each is its place among them. */
export async function tellEvents(duckdb: DuckDB, events: readonly ToldEvent[]): Promise<void> {
  await duckdb.run("DELETE FROM told");
  if (events.length === 0) return;
  const rows = events.map((event, place) => {
    const values = texts.map((name) => {
      const value = name === "event_name" ? (event.event_name ?? "tested") : event[name];
      return value === undefined || value === null ? "NULL" : literal(value);
    });
    return `('${idOfPlace(place)}'::UUID, epoch_ms(${event.at}::BIGINT), ${values.join(", ")})`;
  });
  await duckdb.run(
    `INSERT INTO told BY NAME SELECT event_id, "timestamp"::TIMESTAMPTZ AS "timestamp", ${texts.join(", ")}
     FROM (VALUES ${rows.join(", ")}) AS row(event_id, "timestamp", ${texts.join(", ")})`,
  );
}

/** The `event_id` of the event at a place, from 0: ids ascend as places do. */
export const idOfPlace = (place: number) => `00000000-0000-7000-8000-${String(place).padStart(12, "0")}`;
