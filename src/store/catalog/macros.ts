/** The table macros of the catalog: questions that analysts ask often, over the view `events`. */

import { clockOf, instantOf } from "../sql/utc.ts";
import type { CatalogItem } from "./item.ts";

const top: CatalogItem = {
  kind: "macro",
  name: "top",
  parameters: ["column", "n"],
  query: `
    SELECT "column" AS value, count(*) AS events
    FROM events GROUP BY value ORDER BY events DESC, value NULLS LAST LIMIT n`,
  comment: {
    meaning:
      "The n most frequent values of a column or expression over events: value, events. Events without one count under NULL; equal counts come in the order of values.",
    example: "FROM top(page_url, 10)",
  },
};

const timeline: CatalogItem = {
  kind: "macro",
  name: "timeline",
  parameters: ["width"],
  query: `
    SELECT ${instantOf(`time_bucket(width::INTERVAL, ${clockOf('"timestamp"')})`)} AS bucket,
      count(*) AS events, count(DISTINCT session_id) AS sessions
    FROM events GROUP BY bucket ORDER BY bucket`,
  comment: {
    meaning:
      "Events and distinct sessions in stretches of this width by timestamp: bucket (its start), events, sessions. Stretches follow the clock in UTC, weeks start on Monday; those without events are left out.",
    example: "FROM timeline(INTERVAL 1 HOUR)",
  },
};

/**
 * The linear algorithm of ClickHouse's windowFunnel, one step at a time. For each event that ends a chain of steps,
 * only the latest start of such a chain is kept. Starts ascend along the places of a session. So of all chains that an
 * event can continue, the one that ended last before it has the latest start. It uses only sorts and hash tables, so
 * it spills when memory is short.
 */
const funnel: CatalogItem = {
  kind: "macro",
  name: "funnel",
  parameters: ["steps", "within"],
  query: `
    WITH RECURSIVE hit AS MATERIALIZED (
      SELECT session_id, event_name, ${clockOf('"timestamp"')} AS happened,
        row_number() OVER (PARTITION BY session_id ORDER BY "timestamp", list_position(steps, event_name)) AS place
      FROM events WHERE session_id IS NOT NULL AND event_name IN (SELECT unnest(steps))
    ),
    chain AS (
      SELECT 1 AS step, session_id, place, happened AS started FROM hit WHERE event_name = steps[1]
      UNION ALL
      SELECT step, session_id, place, latest_start
      FROM (
        SELECT *, last_value(started IGNORE NULLS) OVER (
            PARTITION BY session_id ORDER BY place, started NULLS FIRST ROWS UNBOUNDED PRECEDING) AS latest_start
        FROM (
          SELECT step + 1 AS step, session_id, place, NULL AS happened, started FROM chain
          UNION ALL
          SELECT step, session_id, place, happened, NULL
          FROM hit, (SELECT max(step) + 1 AS step FROM chain) WHERE event_name = steps[step]
        )
      )
      WHERE happened <= latest_start + within::INTERVAL
    ),
    reached AS (
      SELECT unnest(range(1, len(steps) + 1)) AS step, unnest(steps) AS event_name
    )
    SELECT step, event_name, count(DISTINCT session_id) AS sessions,
      sessions / nullif(first_value(sessions) OVER (ORDER BY step), 0) AS of_first,
      CASE step WHEN 1 THEN of_first ELSE sessions / nullif(lag(sessions) OVER (ORDER BY step), 0) END AS of_previous
    FROM reached LEFT JOIN chain USING (step) GROUP BY step, event_name ORDER BY step`,
  comment: {
    meaning:
      "How many sessions did these steps, each by an event of its own and not before the one before, the last within the interval from the first: step, event_name, sessions, of_first and of_previous (shares from 0 to 1; NULL where nobody came so far). Events at the same instant count in the order of their names in steps.",
    example: "FROM funnel(['view_item', 'add_to_cart', 'purchase'], INTERVAL 1 HOUR)",
  },
};

const retention: CatalogItem = {
  kind: "macro",
  name: "retention",
  parameters: ["period"],
  query: `
    WITH checked AS (
      SELECT CASE WHEN lower(period) IN ('day', 'week', 'month') THEN lower(period)
        ELSE error('retention: the period must be day, week or month, not ' || coalesce(period, 'NULL')) END AS unit
    ),
    active AS (
      SELECT DISTINCT client_id, date_trunc((SELECT unit FROM checked), ${clockOf('"timestamp"')})::DATE AS active
      FROM events WHERE client_id IS NOT NULL
    ),
    placed AS (
      SELECT min(active) OVER (PARTITION BY client_id) AS cohort, active FROM active
    )
    SELECT cohort, date_diff((SELECT unit FROM checked), cohort, active) AS periods_later, count(*) AS clients,
      clients / first_value(clients) OVER (PARTITION BY cohort ORDER BY periods_later) AS share
    FROM placed GROUP BY cohort, periods_later ORDER BY cohort, periods_later`,
  comment: {
    meaning:
      "How many clients came back: cohort (first date, in UTC, of the period 'day', 'week' or 'month' of a client's first event), periods_later, clients of the cohort with an event then, share of the cohort. Periods without any are left out; weeks start on Monday.",
    example: "FROM retention('week')",
  },
};

/** All macros, in the order in which they are created; each needs the view `events` in the same database. */
export const catalogMacros: readonly CatalogItem[] = [top, timeline, funnel, retention];
