/** The macro `retention`: who came back. */
import { clockOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";
import { withPerson } from "../person.ts";
import { checked, oneOf } from "./checked.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** Three years of days, each of them a cohort, are 600,000 rows. */
const rowsMax = 1_000_000;

/** SQL expression: the number of rows of the answer. It is computed before any of them is made. */
const boundedSize = checked("rows", [
  {
    when: `rows > ${rowsMax}`,
    message: `'retention: the answer would have ' || rows || ' rows (' || cohorts || ' cohorts from ' || first
      || ', and events until ' || last || '); at most ${rowsMax} are allowed: choose since and until, or a longer period'`,
  },
]);

/** The macro. */
export const retention: CatalogItem = {
  kind: "macro",
  name: "retention",
  parameters: ["period"],
  defaults: {
    start: "NULL",
    return: "NULL",
    tz: "'UTC'",
    ...rangeDefaults,
  },
  query: `
    WITH asked AS MATERIALIZED (
      SELECT ${checked("lower(period)", [
        oneOf("retention: the period", "lower(period)", ["day", "week", "month"]),
        { when: "tz IS NULL", message: "'retention: tz must be the name of a time zone, not NULL'" },
        // An unknown name is DuckDB's error.
        {
          when: "timezone(tz, TIMESTAMPTZ 'epoch') IS NULL",
          message: "'retention: tz must be the name of a time zone'",
        },
      ])} AS unit
    ),
    active AS MATERIALIZED (
      SELECT person, date_trunc((SELECT unit FROM asked), happened)::DATE AS active, count(*) AS events,
        bool_or(start IS NULL OR event_name = start) AS starts, bool_or("return" IS NULL OR event_name = "return") AS returns
      FROM (
        SELECT person, event_name, CASE tz WHEN 'UTC' THEN ${clockOf('"timestamp"')} ELSE timezone(tz, "timestamp") END AS happened
        FROM (${withPerson()}) WHERE ${inRange}
      )
      GROUP BY person, active
    ),
    cohort AS MATERIALIZED (
      SELECT person, min(active) AS cohort FROM active WHERE starts AND person IS NOT NULL GROUP BY person
    ),
    size AS MATERIALIZED (
      SELECT cohort, count(*) AS people, date_diff((SELECT unit FROM asked), cohort, (SELECT max(active) FROM active)) AS periods
      FROM cohort GROUP BY cohort
    ),
    bound AS MATERIALIZED (
      SELECT ${boundedSize} AS rows
      FROM (SELECT sum(periods + 1) AS rows, count(*) AS cohorts, min(cohort) AS first, (SELECT max(active) FROM active) AS last FROM size)
    ),
    cell AS (
      SELECT cohort, people, unnest(range(0, periods + 1)) AS periods_later
      FROM size WHERE (SELECT rows FROM bound) > 0
    ),
    came AS (
      SELECT cohort, date_diff((SELECT unit FROM asked), cohort, active) AS periods_later, count(*) AS people
      FROM active JOIN cohort USING (person) WHERE returns AND active > cohort GROUP BY ALL
    )
    SELECT cell.cohort, cell.periods_later,
      CASE cell.periods_later WHEN 0 THEN cell.people ELSE coalesce(came.people, 0) END AS people,
      CASE cell.periods_later WHEN 0 THEN 1 ELSE coalesce(came.people, 0) / cell.people END AS share,
      (SELECT coalesce(sum(events), 0) FROM active WHERE person IS NULL)::BIGINT AS events_without_id
    FROM cell LEFT JOIN came ON came.cohort = cell.cohort AND came.periods_later = cell.periods_later
    ORDER BY cell.cohort, cell.periods_later`,
  comment: {
    meaning: [
      "How many people came back: cohort (first date of the period, 'day', 'week' or 'month', of a person's first event), periods_later, people of the cohort with an event then, share of the cohort, events_without_id.",
      "Periods in which nobody came back have a row, up to the last period with any event; a period in which nobody came first has none.",
      'start := name of the event that is the first (NULL: any); "return" := name of the event that counts as coming back (NULL: any). Period 0 is the cohort itself.',
      "tz := time zone of the calendar; weeks start on Monday.",
      "Events without a user_id, an anonymous_id and a client_id are nobody's; events_without_id is how many there are, the same in every row.",
      rangeWords,
    ].join(" "),
    example: "FROM retention('week', \"return\" := 'purchase')",
  },
};
