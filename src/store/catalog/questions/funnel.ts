/** The macro `funnel`: who did step after step. */
import { integer } from "../../sql/literals.ts";
import { clockOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";
import { cellOf, keyedEvents, numberedCells, sessionGap } from "../session.ts";
import { checked, oneOf, shown } from "./checked.ts";
import { firstOfFurthest, gatheredSteps, sequentialChains, sequentialTries, strictChains } from "./funnel-chains.ts";
import { pointerOf } from "./property.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** Each step is one more pass over the events of all steps; PostHog allows as many. */
const stepsMax = 30;

/** Values of the breakdown that have rows of their own; PostHog shows as many. */
const valuesMax = 25;

/** The value of the rest. */
const rest = "'(other)'";

/** The names of the steps, checked with all other arguments. */
const names = checked("names", [
  {
    when: `coalesce(len(names) NOT BETWEEN 1 AND ${stepsMax} OR len(list_filter(names, lambda name: name IS NULL)) > 0, true)`,
    message: `'funnel: steps must be a list of 1 to ${stepsMax} event names without NULL, not ' || coalesce(left(names::VARCHAR, 200), 'NULL')`,
  },
  {
    when: "coalesce(within::INTERVAL < INTERVAL 0 SECOND, true)",
    message: `'funnel: within must be an interval that is not negative, such as INTERVAL 1 DAY, not ' || ${shown("within")}`,
  },
  oneOf("funnel: by", `"by"`, ["person", "session"]),
  oneOf(`funnel: "order"`, `"order"`, ["sequential", "strict", "any"]),
]);

/**
 * A string literal (or a parameter of a prepared statement, which is one) names a property; anything else is an
 * expression. `alias` gives the expression as it was written.
 */
const value = `CASE WHEN starts_with(alias(breakdown), '''')
  THEN properties->>(${pointerOf("breakdown::VARCHAR")})
  ELSE breakdown::VARCHAR END`;

/** SQL expression: who or which session, if `is_lone` is the same. */
const key = "coalesce(session_id, lone)";

/** Where each event of a session belongs: cells of time with the number of the session among those of the key. */
const sessionCells = `
  SELECT ${key} AS key, session_id IS NULL AS is_lone, cell, number
  FROM (${numberedCells({
    gap: sessionGap,
    from: `SELECT * FROM keyed WHERE "by" = 'session' AND ${key} IS NOT NULL`,
    aggregates: ["count(*) AS events"],
  })})`;

/**
 * SQL condition: the answer needs this event. Between the steps of the order `strict` any event counts. The names are
 * looked for in the argument, and not in a table: DuckDB makes that a filter of the scan, before persons are looked up.
 */
const isRead = `("order" = 'strict' OR list_contains(steps::VARCHAR[], event_name))`;

/** SQL expression: microseconds from the first to the last of these times. */
const spanOf = (times: string) => `(epoch_us(list_max(${times})) - epoch_us(list_min(${times})))`;

/** The macro. */
export const funnel: CatalogItem = {
  kind: "macro",
  name: "funnel",
  parameters: ["steps", "within"],
  defaults: {
    by: "'person'",
    breakdown: "NULL",
    order: "'sequential'",
    ...rangeDefaults,
  },
  query: `
    WITH RECURSIVE asked AS MATERIALIZED (
      SELECT ${names} AS names FROM (SELECT steps::VARCHAR[] AS names)
    ),
    step AS MATERIALIZED (
      SELECT step, names[step] AS event_name, list_position(names, names[step]) AS number,
        len(list_filter(names[:step], lambda name: name = names[step])) AS occurrence
      FROM (SELECT names, unnest(range(1, len(names) + 1)) AS step FROM asked)
    ),
    keyed AS NOT MATERIALIZED (SELECT * FROM (${keyedEvents}) WHERE ${inRange}),
    cell AS (${sessionCells}),
    act AS MATERIALIZED (
      SELECT key, is_lone, session, ${clockOf('"timestamp"')} AS happened,
        list_position((SELECT names FROM asked), event_name) AS number, value
      FROM (
        SELECT person AS key, true AS is_lone, 0 AS session, "timestamp", event_name, ${value} AS value
        FROM keyed AS events WHERE "by" = 'person' AND person IS NOT NULL AND ${isRead}
        UNION ALL
        SELECT key, is_lone, cell.number, "timestamp", event_name, value
        FROM (
          SELECT ${key} AS key, session_id IS NULL AS is_lone, ${cellOf(sessionGap)} AS cell, "timestamp", event_name,
            ${value} AS value
          FROM keyed AS events WHERE "by" = 'session' AND ${isRead}
        ) JOIN cell USING (key, is_lone, cell)
      )
    ),
    unit AS (
      SELECT key, is_lone, session, row_number() OVER () AS id
      FROM (SELECT DISTINCT key, is_lone, session FROM act WHERE number = 1)
    ),
    hit AS MATERIALIZED (
      SELECT id, happened, number, value, place, instant
      FROM (
        SELECT id, happened, number, value,
          row_number() OVER (PARTITION BY id ORDER BY happened, number, value) AS place,
          CASE WHEN "order" = 'strict' THEN dense_rank() OVER (PARTITION BY id ORDER BY happened) END AS instant
        FROM act JOIN unit USING (key, is_lone, session)
      )
      WHERE number IS NOT NULL
    ),
    chain AS (${sequentialChains}),
    adjacent AS (${strictChains}),
    gathered AS (${gatheredSteps}),
    furthest AS MATERIALIZED (
      SELECT depth, times, value FROM (${sequentialTries})
      UNION ALL
      SELECT max(step), arg_max(times, ${firstOfFurthest}), arg_max_null(value, ${firstOfFurthest})
      FROM (
        SELECT step, id, place, times, value FROM adjacent
        UNION ALL
        SELECT step, id, place, times, value FROM gathered WHERE step > 0
      )
      GROUP BY id
    ),
    counted AS MATERIALIZED (
      SELECT value, rank, CASE WHEN rank > ${integer(valuesMax)} THEN ${rest} ELSE value END AS label
      FROM (
        SELECT value, row_number() OVER (ORDER BY count(*) DESC, value NULLS LAST) AS rank FROM furthest GROUP BY value
      )
    ),
    label AS (
      SELECT label, max(rank) AS rank FROM counted GROUP BY label
      UNION ALL
      SELECT NULL, 0 WHERE NOT EXISTS (FROM counted)
    ),
    passed AS (
      SELECT label, step, count(*) AS came, median(took) / 1e6 AS took, median(took - took_before) / 1e6 AS took_since
      FROM (
        SELECT label, step, ${spanOf("times[:step]")} AS took, ${spanOf("times[:step - 1]")} AS took_before
        FROM (
          SELECT label, times, unnest(range(1, depth + 1)) AS step
          FROM furthest JOIN counted ON counted.value IS NOT DISTINCT FROM furthest.value
        )
      )
      GROUP BY label, step
    )
    SELECT step, event_name, reached, reached / nullif(first, 0) AS of_first,
      CASE step WHEN 1 THEN of_first ELSE reached / nullif(previous, 0) END AS of_previous,
      took_since AS median_seconds, took AS median_seconds_from_first,
      CASE step WHEN 1 THEN 0 ELSE previous - reached END AS dropped, label AS breakdown
    FROM (
      SELECT *, first_value(reached) OVER steps_of_label AS first, lag(reached) OVER steps_of_label AS previous
      FROM (
        SELECT step.step, event_name, label.label, rank, coalesce(came, 0) AS reached,
          CASE WHEN step.step > 1 THEN took END AS took, CASE WHEN step.step > 1 THEN took_since END AS took_since
        FROM label CROSS JOIN step
          LEFT JOIN passed ON passed.step = step.step AND passed.label IS NOT DISTINCT FROM label.label
      )
      WINDOW steps_of_label AS (PARTITION BY label ORDER BY step)
    )
    ORDER BY rank, step`,
  comment: {
    meaning: [
      "How many people did these steps, each by an event of its own, the last within the interval from the first.",
      "One row for each step: step, event_name, reached (how many came so far), of_first and of_previous (shares from 0 to 1; NULL where nobody was), median_seconds (median time since the previous step) and median_seconds_from_first, dropped (how many reached the previous step and not this one), breakdown.",
      "by := 'person' or 'session' (a stretch without 30 minutes of inactivity). Events without either are left out.",
      `"order" := 'sequential': no step before the one before, whatever is between; events at the same instant count in the order of their names in steps. 'strict': also no other event, of any name, between two steps; one at the same instant as a step is not between. 'any': a step is reached by who did it and all steps above it, in any order; its times are the longer stretch that these steps need.`,
      "Of somebody who tried several times, the try that came furthest counts, and of such tries the first.",
      `breakdown := an expression over events, or the name of a property as a string: its value at the first step; the ${valuesMax} most frequent values have rows of their own, the others are together under '(other)', and NULL is who had no value.`,
      rangeWords,
    ].join(" "),
    example: "FROM funnel(['view_item', 'add_to_cart', 'purchase'], INTERVAL 1 HOUR, breakdown := 'plan')",
  },
};
