/**
 * The anonymous ids of the person whom an erasure means. An event that has one of them, and no `user_id`, is theirs.
 *
 * They are decided once, by the rule of `person.ts`, and written down before the first event is removed: afterwards
 * the events that connect them with the user are gone.
 */
import { MillraceError } from "../../base/errors.ts";
import { keptLine, readKeptLines } from "../folder/kept-file.ts";
import { segmentsQuery } from "../segment/segments-query.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { literal } from "../sql/literals.ts";
import { withPerson } from "./person.ts";

/** A file of anonymous ids, and how many there are. */
export type PersonIds = { path: string; count: number };

/** The file of anonymous ids is damaged, so nobody can know whose events are meant. */
export class PersonIdsDamaged extends MillraceError {
  override readonly name = "PersonIdsDamaged";
}

/** The table of anonymous ids that `loadPersonIds` makes. */
const idsTable = "temp.main.ids_of_person";

/**
 * Selects, as `anonymous_id`, the anonymous ids whose events belong to a person where they have no `user_id`. The
 * person's own id is among them, unless events with that anonymous id belong to another user. `events` is a relation
 * with the columns of `events`. Only events that can decide it are read, so the devices of others take no memory; a row
 * without a user is asked for each candidate.
 */
export const anonymousIdsQuery = (events: string, person: string) => `
  WITH candidates AS (
    SELECT anonymous_id FROM ${events} WHERE user_id = ${literal(person)} AND anonymous_id IS NOT NULL
    UNION SELECT ${literal(person)}
  ), asked AS (
    SELECT "timestamp", user_id, anonymous_id, client_id FROM ${events}
    WHERE user_id IS NOT NULL AND anonymous_id IN (FROM candidates)
    UNION ALL SELECT NULL, NULL, anonymous_id, NULL FROM candidates
  )
  SELECT anonymous_id FROM (${withPerson("asked")}) WHERE user_id IS NULL AND person = ${literal(person)}`;

/** SQL condition for a person's events. REQUIRES: a relation `ids` of their anonymous ids; `loadPersonIds` makes it. */
export const personCondition = (person: string, ids = idsTable) =>
  `(user_id = ${literal(person)} OR (user_id IS NULL AND (anonymous_id IN (FROM ${ids})
    OR (anonymous_id IS NULL AND client_id = ${literal(person)}))))`;

/** The anonymous ids of a person in segments, as lines of a file that `readPersonIds` reads. */
export async function personIdLines(duckdb: DuckDB, files: readonly string[], person: string): Promise<string[]> {
  const events = `(${segmentsQuery({ table: "events", files })})`;
  const rows = await duckdb.rows(anonymousIdsQuery(events, person));
  return rows.map(({ anonymous_id: id }) => keptLine({ id: String(id) }));
}

/**
 * Reads a file of anonymous ids.
 * @throws PersonIdsDamaged when an id is missing or damaged
 */
export function readPersonIds({ path, count }: PersonIds): Set<string> {
  const { values, damaged } = readKeptLines(path);
  const ids = new Set(values.flatMap(({ id }) => (typeof id === "string" ? [id] : [])));
  if (damaged.length === 0 && ids.size === count) return ids;
  throw new PersonIdsDamaged(`${path} should hold ${count} anonymous ids, and ${ids.size} of them can be read`);
}

/**
 * Makes the table that `personCondition` reads.
 * @throws PersonIdsDamaged when an id is missing or damaged
 */
export async function loadPersonIds(duckdb: DuckDB, ids: PersonIds): Promise<void> {
  // Read twice: here each line's checksum is compared, and DuckDB reads a file faster than it takes values.
  const { size } = readPersonIds(ids);
  const read = `read_json(${literal(ids.path)}, format = 'newline_delimited', columns = {id: 'VARCHAR'})`;
  await duckdb.run(
    `CREATE TEMP TABLE ids_of_person AS SELECT id ${size === 0 ? "FROM (SELECT '' AS id) WHERE false" : `FROM ${read}`}`,
  );
}
