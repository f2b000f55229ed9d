/** The macro `timeline`: events over time. */
import { clockOf, instantOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";

/** The macro. */
export const timeline: CatalogItem = {
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
