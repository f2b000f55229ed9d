/** Queries that this browser keeps: those with a name, and the last that ran. Nothing else is stored, and no token. */
import { jsonOrUndefined } from "../json.ts";

/** A query with a name. */
export type SavedQuery = { readonly name: string; readonly sql: string };

/** A query that ran: the newest come first. */
export type PastQuery = { readonly sql: string; readonly at: string };

/** Where a browser keeps strings: `localStorage`, or one of a test. */
type Shelf = {
  /** The string under a key, null without one. */
  getItem(key: string): string | null;
  /** @throws whatever the browser throws when it is full, or keeps nothing */
  setItem(key: string, value: string): void;
};

/** What was read from a file that holds something else than saved queries. */
export class NotSavedQueries extends Error {
  override readonly name = "NotSavedQueries";
}

const keys = { saved: "millrace.saved-queries", past: "millrace.past-queries" } as const;

/** As many as a person scrolls through. */
const pastMax = 50;

/** The saved queries, by name. */
export const savedQueries = (shelf: Shelf): SavedQuery[] => listOf(shelf.getItem(keys.saved)).filter(isSaved);

/** Saves a query under a name; a query of that name is replaced. Returns all. */
export function saveQuery(shelf: Shelf, query: SavedQuery): SavedQuery[] {
  return put(shelf, [...savedQueries(shelf).filter(({ name }) => name !== query.name), query]);
}

/** Removes a saved query. Returns the others. */
export function removeQuery(shelf: Shelf, removed: string): SavedQuery[] {
  return put(
    shelf,
    savedQueries(shelf).filter(({ name }) => name !== removed),
  );
}

/** The queries that ran, the newest first. */
export const pastQueries = (shelf: Shelf): PastQuery[] => listOf(shelf.getItem(keys.past)).filter(isPast);

/** Remembers a query that ran; the same one is not listed twice. Returns all. */
export function rememberQuery(shelf: Shelf, query: PastQuery): PastQuery[] {
  const all = [query, ...pastQueries(shelf).filter(({ sql }) => sql !== query.sql)].slice(0, pastMax);
  shelf.setItem(keys.past, JSON.stringify(all));
  return all;
}

/** The content of a file with all saved queries. */
export const fileOfQueries = (queries: readonly SavedQuery[]): string =>
  `${JSON.stringify({ millrace_queries: queries }, null, 2)}\n`;

/**
 * Adds the queries of such a file. One whose name is taken by another query gets a number.
 * @throws NotSavedQueries when the file is something else
 */
export function importQueries(shelf: Shelf, file: string): { added: number; all: SavedQuery[] } {
  const listed = queriesIn(file);
  const all = savedQueries(shelf);
  let added = 0;
  for (const { name, sql } of listed) {
    if (all.some((own) => own.name === name && own.sql === sql)) continue;
    all.push({ name: freeName(name, all), sql });
    added++;
  }
  return { added, all: put(shelf, all) };
}

function queriesIn(file: string): SavedQuery[] {
  const content = jsonOrUndefined(file);
  const listed = typeof content === "object" && content !== null ? Reflect.get(content, "millrace_queries") : undefined;
  if (!Array.isArray(listed) || !listed.every(isSaved))
    throw new NotSavedQueries('The file is not a list of saved queries: {"millrace_queries":[{"name","sql"}]}');
  return listed.map(({ name, sql }) => ({ name, sql }));
}

function freeName(name: string, taken: readonly SavedQuery[]): string {
  const isFree = (candidate: string) => taken.every((own) => own.name !== candidate);
  let free = name;
  for (let number = 2; !isFree(free); number++) free = `${name} (${number})`;
  return free;
}

function put(shelf: Shelf, queries: readonly SavedQuery[]): SavedQuery[] {
  const sorted = queries.toSorted((a, b) => a.name.localeCompare(b.name));
  shelf.setItem(keys.saved, JSON.stringify(sorted));
  return sorted;
}

/** What another version of the page, or a person, wrote there may be anything. */
function listOf(text: string | null): unknown[] {
  const value = text === null ? [] : jsonOrUndefined(text);
  return Array.isArray(value) ? value : [];
}

const hasStrings = (value: unknown, names: readonly string[]): boolean =>
  typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "string");

const isSaved = (value: unknown): value is SavedQuery => hasStrings(value, ["name", "sql"]);

const isPast = (value: unknown): value is PastQuery => hasStrings(value, ["sql", "at"]);
