/** The macro `sessions`: what the view of the same name shows, with another gap or of a range. */
import type { CatalogItem } from "../item.ts";
import { gapMicros, gapRefused, sessionGap } from "../session.ts";
import { sessionsQuery } from "../sessions.ts";
import { checkedRows } from "./checked.ts";
import { rangeDefaults, rangeWords } from "./range.ts";

/** The year 1, before every event. Microseconds since 1970. */
const earliest = "-62135596800000000";

/**
 * SQL condition: an event can tell something of a session that starts at or after `since`. Whether an event starts a
 * session depends on the gap before it, and all later events of that session are later than `since`. What an earlier
 * event seems to start is left out by its time. An end cannot be told so: a session goes on after `until`, and how long
 * depends on every event of it.
 */
const isRead = `(since IS NULL OR "timestamp" >= make_timestamptz(
  greatest(epoch_us(since::TIMESTAMPTZ)::HUGEINT - ${gapMicros("gap")}, ${earliest})::BIGINT))`;

/** The macro. */
export const sessions: CatalogItem = {
  kind: "macro",
  name: "sessions",
  parameters: [],
  defaults: { gap: sessionGap, ...rangeDefaults },
  query: checkedRows(
    sessionsQuery({
      gap: "gap",
      read: isRead,
      where: `(since IS NULL OR start >= since::TIMESTAMPTZ) AND (until IS NULL OR start < until::TIMESTAMPTZ)`,
    }),
    "session",
    [{ when: "coalesce(epoch_us((gap)::INTERVAL) <= 0, true)", message: `'${gapRefused}'` }],
  ),
  comment: {
    meaning: `The sessions that start in a range, in the columns of the view sessions, with another gap if it is given. The view ignores WITH events AS (…), and this macro does not. ${rangeWords}`,
    example: "FROM sessions(gap := INTERVAL 10 MINUTE, since := now() - INTERVAL 1 DAY)",
  },
};
