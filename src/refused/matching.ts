/** Which refused events belong to somebody, in whatever form they were sent. Pure. */
import { jsonOrUndefined } from "../base/json.ts";
import type { RefusedRecord } from "./record.ts";

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
  if (parsed === undefined) return event.includes(value) || event.includes(JSON.stringify(value).slice(1, -1));
  if (!is_mapped) return holds(parsed, value);
  if (typeof parsed !== "object" || parsed === null) return false;
  const field: unknown = Object.entries(parsed).find(([name]) => name === column)?.[1];
  // A field of a wrong type is what the event may have been refused for.
  return holds(field, value);
}

/** Whether a string or a number in a JSON value, at any depth, is this one. */
function holds(json: unknown, value: string): boolean {
  // Not by recursion: what was refused may nest deeper than the stack.
  const rest = [json];
  for (let next = rest.pop(); next !== undefined || rest.length > 0; next = rest.pop()) {
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) rest.push(member);
    else if (String(next) === value) return true;
  }
  return false;
}
