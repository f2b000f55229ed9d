/** Who asks, and what for. */

/** What a token may be for. */
export const scopes = ["events:write", "stats:read", "query", "admin"] as const;

/** One of `scopes`. */
export type Scope = (typeof scopes)[number];

/** Who asks: known after authentication, whatever the credential was. */
export type Principal = {
  /** The token's `sub`, whole Unicode, null if it has none; or the name of the write key. */
  subject: string | null;
  scopes: ReadonlySet<Scope>;
  kind: "token" | "write key";
  /** Of a write key: events a second, in the place of `MILLRACE_RATE_LIMIT`. */
  rate?: number;
  /** Of a write key: the pages that may use it; undefined: all. Checked before anybody gets the principal. */
  origins?: readonly string[];
};

/** Scopes of a token without a `scope` claim, as in the reference. */
export const defaultScopes: ReadonlySet<Scope> = new Set<Scope>(["events:write", "stats:read"]);
