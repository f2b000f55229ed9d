/** The macro `funnel`: who did step after step. */
import { clockOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";

/**
 * The linear algorithm of ClickHouse's windowFunnel, one step at a time. For each event that ends a chain of steps,
 * only the latest start of such a chain is kept. Starts ascend along the places of a session. So of all chains that an
 * event can continue, the one that ended last before it has the latest start. It uses only sorts and hash tables, so
 * it spills when memory is short.
 */
export const funnel: CatalogItem = {
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
