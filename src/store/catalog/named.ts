/** The part of the catalog that one query can read: making all of it takes longer than a small query. */
import { identifier } from "../sql/literals.ts";
import { type CatalogItem, creation } from "./item.ts";
import { typedViews } from "./typed-views.ts";
import { type CatalogContent, catalogItems, catalogStatements, emptyCatalog, eventsWithoutFiles } from "./views.ts";

/** What lists the catalog: then all of it must be there, with its comments. */
const listsCatalog = /duckdb_|information_schema|show|describe|pragma/i;

/** Whether this SQL may list the catalog. */
export const isListing = (sql: string): boolean => listsCatalog.test(sql);

/**
 * Statements that make what this SQL can name, and what that reads, in the current database: views and macros whose
 * names are somewhere in its text. SQL that may list the catalog gets all of it, with its comments.
 */
export function statementsNamedIn(sql: string, content: CatalogContent): string[] {
  if (isListing(sql)) return catalogStatements(content);
  const { typed, items } = itemsNamedIn(sql, content);
  // As in `catalogStatements`; of the views over events, typed views read the first alone.
  const before = typed.length === 0 ? [] : [...eventsWithoutFiles.slice(0, 1), ...typed];
  return [...before, ...items].map(creation);
}

/** In the place of a SELECT of what is not sealed, to find out which items read it. */
const unsealedMark = "SELECT millrace_unsealed";

/**
 * Whether this SQL can read events: whether `statementsNamedIn` makes anything that reads them. No other view or macro
 * is there to be named, so SQL for which this is false reads no event, whatever it says. SQL that may list the catalog
 * counts as reading them.
 */
export function mayReadEvents(sql: string, typedEvents: CatalogContent["typedEvents"]): boolean {
  if (isListing(sql)) return true;
  const { items } = itemsNamedIn(sql, { ...emptyCatalog, typedEvents, unsealed: unsealedMark });
  return items.some(({ query }) => query.includes(unsealedMark));
}

/** The items whose names are in SQL, and those that they read, each kind in the catalog's order. */
function itemsNamedIn(sql: string, content: CatalogContent): { typed: CatalogItem[]; items: CatalogItem[] } {
  const [typed, items] = [typedViews(content.typedEvents), catalogItems(content)];
  const named = new Set<CatalogItem>();
  const read = (text: string) => {
    const lower = asciiLower(text);
    for (const item of [...typed, ...items]) {
      if (named.has(item) || !mayRead(lower, item)) continue;
      named.add(item);
      read(item.query);
    }
  };
  read(sql);
  const isNamed = (item: CatalogItem) => named.has(item);
  return { typed: typed.filter(isNamed), items: items.filter(isNamed) };
}

/**
 * Whether SQL in lower case may read an item: its name is there as a word and, of a macro, with its bracket. Where
 * there may be a comment, the bracket may come later.
 */
function mayRead(sql: string, { kind, name }: CatalogItem): boolean {
  const word = asciiLower(identifier(name).slice(1, -1));
  const isCalled = kind === "macro" && !/--|\/\*/.test(sql);
  for (let at = sql.indexOf(word); at >= 0; at = sql.indexOf(word, at + 1)) {
    const end = at + word.length;
    if (/\w/.test(sql.charAt(at - 1) + sql.charAt(end))) continue;
    if (!isCalled || /^"?\s*(?:\(|$)/.test(sql.slice(end, end + 100))) return true;
  }
  return false;
}

/** As DuckDB compares names. */
const asciiLower = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
