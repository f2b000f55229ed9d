/** Saved and past queries as cells over the browser's storage. */
import { Cell } from "../state/cell.ts";
import {
  importQueries,
  type PastQuery,
  pastQueries,
  rememberQuery,
  removeQuery,
  type SavedQuery,
  savedQueries,
  saveQuery,
} from "./saved.ts";

/** The saved queries, by name. */
export const saved: Cell<readonly SavedQuery[]> = new Cell<readonly SavedQuery[]>(savedQueries(localStorage));

/** The queries that ran, the newest first. */
export const past: Cell<readonly PastQuery[]> = new Cell<readonly PastQuery[]>(pastQueries(localStorage));

/** Why the browser kept nothing; undefined while it does. */
export const shelfFault: Cell<string | undefined> = new Cell<string | undefined>(undefined);

/** Remembers a query that ran. */
export const remembered = (sql: string): void =>
  keeping(() => {
    past.value = rememberQuery(localStorage, { sql, at: new Date().toISOString() });
  });

/** Saves a query under a name. */
export const save = (query: SavedQuery): void =>
  keeping(() => {
    saved.value = saveQuery(localStorage, query);
  });

/** Removes a saved query. */
export const remove = (name: string): void =>
  keeping(() => {
    saved.value = removeQuery(localStorage, name);
  });

/**
 * Adds the queries of a file, and returns how many were new.
 * @throws NotSavedQueries
 */
export function addFile(file: string): number {
  let count = 0;
  keeping(() => {
    const { added, all } = importQueries(localStorage, file);
    saved.value = all;
    count = added;
  });
  return count;
}

/** A browser's storage may be full. */
function keeping(act: () => void): void {
  try {
    act();
    shelfFault.value = undefined;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    shelfFault.value = "This browser has no room for more queries: remove some, or save them as a file";
  }
}
