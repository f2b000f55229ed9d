/**
 * JSON as text: objects and lists are cut into the text of their members, and nothing is parsed and printed, so numbers
 * keep their digits and strings their escapes.
 */

import { backslash, closeList, closeObject, comma, openList, openObject, quote, space } from "../base/ascii.ts";

/** Text that JSON.parse accepts, without space around it. */
export type Json = string & { readonly __brand: "Json" };

/** The members of an object, in their order; of a repeated key the last one counts, as everywhere in JavaScript. */
export type Members = ReadonlyMap<string, Json>;

/** The text as JSON, or why it is not. */
export function readJson(text: string): { ok: true; json: Json } | { ok: false; error: string } {
  try {
    JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return { ok: false, error: error.message };
    throw error;
  }
  return { ok: true, json: text.trim() as Json };
}

/** The JSON of a value that holds no number with digits to keep. */
export const jsonOf = (value: string | number | boolean | null): Json => JSON.stringify(value) as Json;

/** The JSON of an object with these members. */
export function objectOf(members: Members): Json {
  let text = "";
  for (const [key, value] of members) text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${value}`;
  return `{${text}}` as Json;
}

/** The JSON of a list of these items. */
export const listOf = (items: readonly Json[]): Json => `[${items.join(",")}]` as Json;

/** The members of an object; undefined for anything else. */
export function membersOf(json: Json | undefined): Members | undefined {
  if (json?.charCodeAt(0) !== openObject) return undefined;
  const members = new Map<string, Json>();
  let at = skipSpace(json, 1);
  while (json.charCodeAt(at) === quote) {
    const keyEnd = stringEnd(json, at);
    const key = contentOf(json.slice(at, keyEnd));
    const valueAt = skipSpace(json, skipSpace(json, keyEnd) + 1);
    const end = valueEnd(json, valueAt);
    members.set(key, json.slice(valueAt, end) as Json);
    at = afterMember(json, end);
  }
  return members;
}

/** The items of a list; undefined for anything else. */
export function itemsOf(json: Json | undefined): Json[] | undefined {
  if (json?.charCodeAt(0) !== openList) return undefined;
  const items: Json[] = [];
  let at = skipSpace(json, 1);
  while (at < json.length && json.charCodeAt(at) !== closeList) {
    const end = valueEnd(json, at);
    items.push(json.slice(at, end) as Json);
    at = afterMember(json, end);
  }
  return items;
}

/** A string; undefined for anything else. */
export const stringOf = (json: Json | undefined): string | undefined =>
  json?.charCodeAt(0) === quote ? contentOf(json) : undefined;

/** What a JSON string says. Most have no escapes. */
const contentOf = (string: string): string => (string.includes("\\") ? JSON.parse(string) : string.slice(1, -1));

/** A string that is not empty; undefined for anything else. */
export const filledStringOf = (json: Json | undefined): string | undefined => stringOf(json) || undefined;

/** The value, unless it is null. */
export const presentOf = (json: Json | undefined): Json | undefined => (json === "null" ? undefined : json);

/** A page's address; SDKs write `$direct` or an empty string for none. */
export function addressOf(json: Json | undefined): string | undefined {
  const address = filledStringOf(json);
  return address === "$direct" ? undefined : address;
}

/** A string that is not empty, or a number as it is spelled: some SDKs use it as an id. Undefined for all else. */
export function wordOf(json: Json | undefined): string | undefined {
  return isNumber(json) ? json : filledStringOf(json);
}

/** Whether a value is a number. */
export const isNumber = (json: Json | undefined): json is Json => json !== undefined && /^[-\d]/.test(json);

/** After a value: the next member, or the end of the container. */
function afterMember(json: string, end: number): number {
  const at = skipSpace(json, end);
  return json.charCodeAt(at) === comma ? skipSpace(json, at + 1) : at;
}

function skipSpace(json: string, from: number): number {
  let at = from;
  while (json.charCodeAt(at) <= space) at += 1;
  return at;
}

/** Where a value ends. REQUIRES: one begins here. */
function valueEnd(json: string, start: number): number {
  const first = json.charCodeAt(start);
  if (first === quote) return stringEnd(json, start);
  if (first !== openObject && first !== openList) return scalarEnd(json, start);
  let depth = 0;
  for (let at = start; at < json.length; ) {
    const code = json.charCodeAt(at);
    if (code === quote) {
      at = stringEnd(json, at);
      continue;
    }
    if (code === openObject || code === openList) depth += 1;
    else if (code === closeObject || code === closeList) depth -= 1;
    at += 1;
    if (depth === 0) return at;
  }
  return json.length;
}

function scalarEnd(json: string, start: number): number {
  let at = start;
  for (let code = json.charCodeAt(at); at < json.length; code = json.charCodeAt(++at))
    if (code <= space || code === comma || code === closeObject || code === closeList) break;
  return at;
}

/** Where a string ends. REQUIRES: it begins here. */
function stringEnd(json: string, start: number): number {
  for (let at = json.indexOf('"', start + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let escapes = at;
    while (json.charCodeAt(escapes - 1) === backslash) escapes -= 1;
    if ((at - escapes) % 2 === 0) return at + 1;
  }
  return json.length;
}
