/** The outbox of a page: one key in localStorage for each event that waits. */
import { eventId } from "./event-id.ts";
import { keptStrings } from "./page.ts";
import type { Outbox } from "./types.ts";

/** The outbox under keys that begin with `prefix`; undefined where the browser keeps nothing. */
export function localStorageOutbox(prefix: string): Outbox | undefined {
  /** A tenth of what browsers give an origin: the application's own data comes first. Characters. */
  const charsMax = 500_000;
  const storage = keptStrings();
  if (storage === undefined) return undefined;
  let chars = 0;
  /** How much each key holds. Another tab may have claimed it. Characters. */
  const kept = new Map<string | undefined, number>();
  return {
    add(event) {
      if (chars + event.length > charsMax) return undefined;
      const key = prefix + eventId(Date.now());
      storage.setItem(key, event);
      chars += event.length;
      kept.set(key, event.length);
      return key;
    },
    remove(keys) {
      for (const key of keys) {
        chars -= kept.get(key) ?? 0;
        // An event that was not kept has no key: there is none by this name.
        if (kept.delete(key)) storage.removeItem(`${key}`);
      }
    },
    claim(take) {
      // A page that is still open in another tab may lose its keys to this one. Both then send the same ids.
      for (const key of Object.keys(storage)) {
        if (!key.startsWith(prefix)) continue;
        take(storage.getItem(key) ?? "");
        storage.removeItem(key);
      }
    },
  };
}
