/** The sessions: the same query for the view of the 30 minutes and for the macro that takes another gap. */
import { withChannel } from "./channel.ts";
import { keyedEvents, numberedCells } from "./session.ts";

/**
 * SQL expression for the order of the events of a session. Of several at one instant always the same one is first, by
 * a hash of its id: one number is compared faster, and takes less memory, than a time and an id.
 */
const place = `(t::HUGEINT * 18446744073709551616::HUGEINT + hash(event_id))`;

/**
 * SQL expression for an order in which what has a page comes before what has none. `page` is SQL for the page, `order`
 * for a number.
 */
const pagesFirst = (page: string, order: string) =>
  `${order}::HUGEINT + CASE WHEN ${page} IS NULL THEN 85070591730234615865843651857942052864::HUGEINT ELSE 0 END`;

/** The parameters of an entry page's URL that say where a session came from. */
const utmNames = ["source", "medium", "campaign", "term", "content"] as const;

/** SQL expression: a parameter of the URL `entry_page`, decoded; as it is, if that fails; NULL if it is empty. */
const urlParameter = (name: string) => {
  const raw = `regexp_extract(split_part(entry_page, '#', 1), '[?&]${name}=([^&]*)', 1)`;
  return `CASE WHEN contains(entry_page, '?')
      THEN nullif(coalesce(TRY(url_decode(replace(${raw}, '+', ' '))), ${raw}), '') END`;
};

/** Which sessions are wanted. */
type Wanted = {
  /** SQL for an interval. */
  gap: string;
  /** SQL condition on the columns of events, for those that can tell anything of these sessions. */
  read?: string;
  /** SQL condition on the columns of a session. */
  where?: string;
};

/** SELECT of the sessions. */
export function sessionsQuery({ gap, read = "true", where = "true" }: Wanted): string {
  const cells = numberedCells({
    gap,
    from: `SELECT ${place} AS place, * FROM (${keyedEvents})
      WHERE (session_id IS NOT NULL OR lone IS NOT NULL) AND ${read}`,
    aggregates: [
      "count(*) AS events",
      "arg_min(person, place) FILTER (session_id IS NOT NULL) AS person",
      "arg_min(page_url, place) AS entry_page",
      "arg_max(page_url, place) AS exit_page",
      // NULL, too, is what an event says of its referrer.
      `arg_min_null(referrer, ${pagesFirst("page_url", "place")}) AS referrer`,
    ],
  });
  const found = `
    SELECT session_id, make_timestamptz(min(first_t)) AS start, make_timestamptz(max(last_t)) AS "end",
      make_timestamp(max(last_t)) - make_timestamp(min(first_t)) AS duration, sum(events)::BIGINT AS events,
      arg_min(entry_page, first_t) AS entry_page, arg_max(exit_page, first_t) AS exit_page,
      CASE WHEN session_id IS NULL THEN 'person:' || lone ELSE 'session:' || session_id END
        || '@' || min(first_t) AS session,
      coalesce(lone, arg_min(person, first_t)) AS person, sum(events) = 1 AS bounce,
      arg_min_null(referrer, ${pagesFirst("entry_page", "first_t")}) AS referrer
    FROM (${cells}) GROUP BY session_id, lone, number`;
  const utms = utmNames.map((name) => `${urlParameter(`utm_${name}`)} AS utm_${name}`);
  return withChannel(`SELECT *, ${utms.join(",\n      ")} FROM (${found}) WHERE ${where}`);
}
