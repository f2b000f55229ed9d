/** Which refused events belong to somebody, in whatever form they were sent. Pure. */
import { jsonOrUndefined } from "../base/json.ts";
import type { RefusedRecord } from "./record.ts";
import { searchFor } from "./standing.ts";

/** Whose events: the value of one of these columns of `events`. */
type Owner = { column: string; value: string };

/**
 * Whether a refused event belongs to somebody. An event in the own API's form does if its field says so. Of an event as
 * an SDK sent it nobody knows which member means what, so it does if the value stands anywhere in it: a refused event
 * too many is a smaller harm than one that stays.
 */
export function belongsTo({ subject, is_mapped, event }: RefusedRecord, { column, value }: Owner): boolean {
  if (column === "subject") return subject === value;
  const parsed = jsonOrUndefined(event);
  if (parsed === undefined) return searchFor([value])(event);
  if (!is_mapped) return holds(parsed, value);
  if (typeof parsed !== "object" || parsed === null) return false;
  const field: unknown = Object.entries(parsed).find(([name]) => name === column)?.[1];
  // A field of a wrong type is what the event may have been refused for.
  return holds(field, value);
}

/** A person: the id, and the anonymous ids whose events without a `user_id` are theirs. */
export type Person = { person: string; ids: ReadonlySet<string> };

/**
 * Returns the check whether a refused event belongs to a person. An event in the own API's form does by the rule of the
 * column `person`. An event as an SDK sent it does if one of their ids stands anywhere in it.
 */
export function belongsToPerson({ person, ids }: Person): (record: RefusedRecord) => boolean {
  const isTheirs = (value: string) => value === person || ids.has(value);
  let search: ((text: string) => boolean) | undefined;
  return ({ is_mapped, event }) => {
    const parsed = jsonOrUndefined(event);
    if (parsed === undefined) {
      search ??= searchFor([person, ...ids]);
      return search(event);
    }
    if (!is_mapped) return holdsOne(parsed, isTheirs);
    if (typeof parsed !== "object" || parsed === null) return false;
    return isOfPerson(Object.fromEntries(Object.entries(parsed)), { person, ids });
  };
}

/** Whether an event in the columns of `events` is a person's. A field of a wrong type counts by what stands in it. */
export function isOfPerson(event: Readonly<Record<string, unknown>>, { person, ids }: Person): boolean {
  const { user_id, anonymous_id, client_id } = event;
  if (isGiven(user_id)) return holds(user_id, person);
  if (isGiven(anonymous_id)) return holdsOne(anonymous_id, (value) => ids.has(value));
  return isGiven(client_id) && holds(client_id, person);
}

const isGiven = (field: unknown) => field !== undefined && field !== null;

const holds = (json: unknown, value: string) => holdsOne(json, (found) => found === value);

/** Whether a condition holds for a string or a number in a JSON value, at any depth. */
function holdsOne(json: unknown, isMeant: (value: string) => boolean): boolean {
  // Not by recursion: what was refused may nest deeper than the stack.
  const rest = [json];
  for (let next = rest.pop(); next !== undefined || rest.length > 0; next = rest.pop()) {
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) rest.push(member);
    else if (isMeant(String(next))) return true;
  }
  return false;
}
