/** Who is measured: the anonymous id, and whether the person has opted out. */
import { eventId } from "./event-id.ts";
import { quietly } from "./event-text.ts";
import { keptStrings } from "./page.ts";

/** What localStorage holds under `millrace URL`. */
type Kept = { anonymous_id?: string | undefined; user_id?: string | undefined; opted_out?: boolean };

/** The visitor of one client. */
interface Visitor {
  isOut(): boolean | undefined;
  /** Undefined: the client adds none. `user` is known from now on. */
  anonymousId(user?: string): string | undefined;
  /** Forgets everything but this choice. */
  choose(choice: { opted_out?: true }): void;
}

/** Reads what an earlier page kept. `given`: an id of the application's own, which is not kept; null for none. */
export function createVisitor(key: string, given: string | null | undefined): Visitor {
  const storage = keptStrings();
  // Denied, or written by somebody else: begun again.
  let kept: Kept = quietly(() => JSON.parse(storage?.getItem(key) ?? "")) ?? {};
  const keep = (next: Kept) => {
    kept = next;
    // Full or denied: it lasts as long as the page.
    quietly(() => storage?.setItem(key, JSON.stringify(kept)));
  };
  return {
    isOut: () => kept.opted_out,
    anonymousId(user = kept.user_id) {
      if (given !== undefined) return given ?? undefined;
      const { anonymous_id, user_id } = kept;
      // A device that another user had before gets a new id, so that two users never become one.
      if (!anonymous_id || user_id !== user)
        keep({ anonymous_id: (!user_id && anonymous_id) || eventId(Date.now()), user_id: user });
      return kept.anonymous_id;
    },
    choose: keep,
  };
}
