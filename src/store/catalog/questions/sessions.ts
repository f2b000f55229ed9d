/** The macro `sessions`: what the view of the same name shows, with another gap or of a range. */
import type { CatalogItem } from "../item.ts";
import { sessionGap } from "../session.ts";
import { sessionsQuery } from "../sessions.ts";
import { rangeDefaults, rangeWords } from "./range.ts";

/** The macro. */
export const sessions: CatalogItem = {
  kind: "macro",
  name: "sessions",
  parameters: [],
  defaults: { gap: sessionGap, ...rangeDefaults },
  query: sessionsQuery({
    gap: "gap",
    where: `(since IS NULL OR start >= since::TIMESTAMPTZ) AND (until IS NULL OR start < until::TIMESTAMPTZ)`,
  }),
  comment: {
    meaning: `The sessions that start in a range, in the columns of the view sessions, with another gap if it is given. The view ignores WITH events AS (…), and this macro does not. ${rangeWords}`,
    example: "FROM sessions(gap := INTERVAL 10 MINUTE, since := now() - INTERVAL 1 DAY)",
  },
};
