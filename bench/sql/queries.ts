/** What analysts ask all day, and how much of a plain table's time it may take through the catalog. */
import type { History } from "./history.ts";

/** One question; `events` is where it is asked. */
export interface Question {
  readonly name: string;
  readonly sql: string;
  /** Most of the plain table's time that counts as reached. */
  readonly shareMax: number;
}

/** The five questions of the issue, with its targets. */
export function questionsOf({ day, session }: Pick<History, "day" | "session">): Question[] {
  return [
    {
      name: "count by category and day",
      sql: "SELECT category, date_trunc('day', \"timestamp\") AS day, count(*) AS n FROM events GROUP BY ALL ORDER BY ALL",
      shareMax: 1.3,
    },
    {
      name: "top pages of a day",
      sql: `SELECT page_url, count(*) AS n FROM events WHERE event_name = 'page_viewed' AND
        "timestamp" >= TIMESTAMPTZ '${day} 00:00:00+00' AND "timestamp" < TIMESTAMPTZ '${day} 00:00:00+00' + INTERVAL 1 DAY
        GROUP BY ALL ORDER BY n DESC, page_url LIMIT 10`,
      shareMax: 0.5,
    },
    {
      name: "distinct sessions by hour",
      sql: "SELECT date_trunc('hour', \"timestamp\") AS hour, count(DISTINCT session_id) AS n FROM events GROUP BY ALL ORDER BY ALL",
      shareMax: 1.3,
    },
    {
      name: "average of a property by another",
      sql: `SELECT properties->>'tab' AS tab, count(*) AS n, round(avg((properties->>'load_ms')::DOUBLE), 3) AS load_ms
        FROM events WHERE event_name = 'page_viewed' GROUP BY ALL ORDER BY ALL`,
      shareMax: 1.3,
    },
    {
      name: "one session's events",
      sql: `SELECT * FROM events WHERE session_id = '${session}' ORDER BY "timestamp", event_id`,
      shareMax: 0.5,
    },
  ];
}
