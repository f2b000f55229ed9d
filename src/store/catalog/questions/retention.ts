/** The macro `retention`: who came back. */
import { clockOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";

/** The macro. */
export const retention: CatalogItem = {
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
