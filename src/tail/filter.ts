/** Which events a reader of the tail wants, and an event as it gets it: both from the bytes of a journal line. Pure. */
import { type FieldName, fieldNames } from "../event/fields.ts";

/** Columns that a reader may filter by. */
export const filterNames = ["event_name", "category", "session_id", "user_id", "client_id"] as const;

/** One of `filterNames`. */
export type FilterName = (typeof filterNames)[number];

/** Values that an event must have, by column; none: every event. */
export type TailFilter = Readonly<Partial<Record<FilterName, string>>>;

/** The members of a line: name to JSON, as they are spelled in the line. */
type Members = ReadonlyMap<string, string>;

/**
 * The members of a journal line. Its values are strings, the number `content`, and `properties`, an object that ends
 * the line; so only strings are read through, and no number is.
 */
export function membersOf(line: string): Members {
  const members = new Map<string, string>();
  let at = 1;
  while (at < line.length) {
    const nameEnd = endOfString(line, at);
    const name = line.slice(at + 1, nameEnd - 1);
    const valueAt = nameEnd + 1;
    const first = line[valueAt];
    const end =
      first === '"' ? endOfString(line, valueAt) : first === "{" ? line.length - 1 : endOfNumber(line, valueAt);
    members.set(name, line.slice(valueAt, end));
    at = end + 1;
  }
  return members;
}

/** Where a JSON string that begins at `at` ends: behind its quote; where that is missing, at the end of the line. */
function endOfString(line: string, at: number): number {
  let quote = line.indexOf('"', at + 1);
  while (isEscaped(line, quote)) quote = line.indexOf('"', quote + 1);
  return quote === -1 ? line.length : quote + 1;
}

/** Whether an odd number of backslashes stands before this place. */
function isEscaped(line: string, at: number): boolean {
  let backslashes = 0;
  while (line[at - 1 - backslashes] === "\\") backslashes++;
  return backslashes % 2 === 1;
}

function endOfNumber(line: string, at: number): number {
  const comma = line.indexOf(",", at);
  return comma === -1 ? line.length - 1 : comma;
}

/** Whether an event has the values that a reader wants. */
export function fits(members: Members, filter: TailFilter): boolean {
  for (const name of filterNames) {
    const wanted = filter[name];
    if (wanted === undefined) continue;
    const json = members.get(name);
    if (json === undefined || stringOf(json) !== wanted) return false;
  }
  return true;
}

/** The value of a JSON string; most have no escape. */
const stringOf = (json: string): string => (json.includes("\\") ? String(JSON.parse(json)) : json.slice(1, -1));

/** An event as one JSON object in the columns of `events`, in their order; `properties` with its digits as sent. */
export function eventJson(members: Members): string {
  const columns = fieldNames.map((name) => `"${name}":${jsonOf(name, members.get(name))}`);
  return `{${columns.join(",")}}`;
}

function jsonOf(name: FieldName, json: string | undefined): string {
  if (json === undefined) return "null";
  // Properties are a string of their JSON where numbers must keep their spelling.
  return name === "properties" && json.startsWith('"') ? String(JSON.parse(json)) : json;
}
