/** The macro `timeline`: events, sessions and people over time, without gaps. */
import { digits, integer } from "../../sql/literals.ts";
import { clockOf, instantOf } from "../../sql/utc.ts";
import type { CatalogItem } from "../item.ts";
import { keyedEvents, numberedCells, sessionGap } from "../session.ts";
import { inRange, rangeDefaults, rangeWords } from "./range.ts";

/** Eleven years of hours. A client whose clock is wrong must not make a timeline of a million buckets. */
const bucketsMax = 100_000;

const width = `(CASE WHEN epoch_us((width)::INTERVAL) > 0 THEN (width)::INTERVAL
    ELSE error('timeline: width must be an interval longer than zero, such as INTERVAL 1 HOUR') END)`;

/**
 * SQL condition: buckets are stretches of elapsed time, so that an hour that the clock shows twice is two buckets.
 * Wider ones follow the clock: a day may have 23 or 25 hours.
 */
const isElapsed = "(width)::INTERVAL <= INTERVAL 1 HOUR";

const zone = `(CASE WHEN tz IS NULL
    THEN error('timeline: tz must be the name of a time zone, such as ''Europe/Berlin'', not NULL')
    ELSE tz::VARCHAR END)`;

/** SQL expression: what the clock of the zone shows at an instant. That of UTC is computed twenty times as fast. */
const localOf = (instant: string) =>
  `(CASE WHEN ${zone} = 'UTC' THEN ${clockOf(instant)} ELSE timezone(${zone}, ${instant}) END)`;

/**
 * SQL expression: the start of a bucket, as the clock of the zone shows it, or, where buckets are elapsed time, that of
 * UTC.
 */
function startOf(instant: string): string {
  const local = localOf(instant);
  const floor = `time_bucket(${width}, ${local})`;
  return `(CASE WHEN ${zone} <> 'UTC' AND ${isElapsed} THEN ${clockOf(instant)} - (${local} - ${floor}) ELSE ${floor} END)`;
}

/** SQL expression: an instant at which the clock shows the start of a bucket, or what it would show without a leap. */
const shownAt = `timezone(${zone}, start_shown)`;

/**
 * SQL expression: the instant of the start of a bucket, the first at which the clock shows it or has leapt over it. If
 * the clock was not changed in the day before, it shows the start once. Otherwise the quarters of that day are looked
 * at: a change may be two hours (Antarctica/Troll), half of one (Australia/Lord_Howe) or a day (Pacific/Apia in 2011).
 */
const instantOfStart = `(CASE WHEN ${zone} = 'UTC' OR ${isElapsed} THEN ${instantOf("start_shown")}
    WHEN timezone(${zone}, ${shownAt}) = start_shown
      AND timezone(${zone}, ${shownAt} - INTERVAL 25 HOUR) = start_shown - INTERVAL 25 HOUR THEN ${shownAt}
    ELSE list_min(list_filter(generate_series(${shownAt} - INTERVAL 25 HOUR, ${shownAt}, INTERVAL 15 MINUTE),
      lambda quarter: timezone(${zone}, quarter) >= start_shown)) END)`;

/**
 * SQL expression: a stretch of time that is within one bucket, by the clock of UTC. In UTC it is the bucket. Elsewhere
 * zones are looked up for each stretch, and not for each event, which takes five times as long. Their offsets have been
 * multiples of 15 minutes since 1972.
 */
const slot = `time_bucket(CASE WHEN ${zone} = 'UTC' THEN ${width}
    WHEN epoch_us(${width}) % 900_000_000 = 0 THEN INTERVAL 15 MINUTE
    WHEN epoch_us(${width}) % 60_000_000 = 0 THEN INTERVAL 1 MINUTE
    WHEN epoch_us(${width}) % 1_000_000 = 0 THEN INTERVAL 1 SECOND
    ELSE INTERVAL 1 MICROSECOND END, ${clockOf('"timestamp"')})`;

/** The macro. */
export const timeline: CatalogItem = {
  kind: "macro",
  name: "timeline",
  parameters: ["width"],
  defaults: { tz: "'UTC'", ...rangeDefaults },
  query: `
    WITH cell AS (
      ${numberedCells({
        gap: sessionGap,
        from: `SELECT ${slot} AS slot, * FROM (${keyedEvents}) WHERE ${inRange}`,
        by: ["slot", "person"],
        aggregates: ["count(*) AS events"],
      })}
    ),
    placed AS (
      SELECT slot, CASE WHEN ${zone} = 'UTC' THEN slot ELSE ${startOf(instantOf("slot"))} END AS start_shown
      FROM (SELECT DISTINCT slot FROM cell)
    ),
    counted AS (
      SELECT start_shown, sum(events) AS events, count(DISTINCT person) AS people,
        count(DISTINCT (session_id, lone, number)) FILTER (session_id IS NOT NULL OR lone IS NOT NULL) AS sessions
      FROM cell JOIN placed USING (slot) GROUP BY start_shown
    ),
    bound AS (
      SELECT coalesce(since::TIMESTAMPTZ, make_timestamptz(min(first_t))) AS first,
        coalesce(until::TIMESTAMPTZ - INTERVAL 1 MICROSECOND, make_timestamptz(max(last_t))) AS last
      FROM cell
      -- Names the zone if there is none of that name, also where there are no events.
      HAVING timezone(${zone}, TIMESTAMP '2000-01-01') IS NOT NULL
    ),
    checked AS (
      SELECT first, CASE
          WHEN (epoch_us(last) - epoch_us(first)) // epoch_us(${width}) < ${integer(bucketsMax)} THEN last
          WHEN last IS NULL OR first IS NULL THEN NULL
          ELSE error(format('timeline: from {} to {} there are more than ${digits(bucketsMax)} buckets of {}; give since and until, or a wider width',
            ${clockOf("first")}::VARCHAR, ${clockOf("last")}::VARCHAR, (${width})::VARCHAR)) END AS last
      FROM bound
    ),
    shown AS (
      SELECT unnest(generate_series(${startOf("first")}, ${localOf("last")}, ${width})) AS start_shown
      FROM checked WHERE first <= last AND (${zone} = 'UTC' OR NOT ${isElapsed})
      UNION
      SELECT ${startOf("point")} FROM (
        -- From the first instant, not from the start of its bucket: where the clock leapt, that is in the bucket before.
        SELECT unnest(generate_series(first, last, least(${width}, INTERVAL 15 MINUTE)) || [last]) AS point FROM checked
        WHERE first <= last AND ${zone} <> 'UTC' AND ${isElapsed}
        UNION ALL
        -- A clock that is put back near an end of the range shows there what is not between the ends.
        SELECT unnest(generate_series(first, least(last, first + INTERVAL 3 HOUR), INTERVAL 15 MINUTE)
          || generate_series(last, greatest(first, last - INTERVAL 3 HOUR), -INTERVAL 15 MINUTE)) FROM checked
        WHERE first <= last AND ${zone} <> 'UTC' AND NOT ${isElapsed}
      )
    )
    SELECT ${instantOfStart} AS bucket, coalesce(sum(events), 0)::BIGINT AS events,
      coalesce(sum(sessions), 0)::BIGINT AS sessions, coalesce(sum(people), 0)::BIGINT AS people
    FROM counted FULL JOIN shown USING (start_shown)
    GROUP BY bucket ORDER BY bucket`,
  comment: {
    meaning: `Events over time: bucket (its start), events, sessions and people with an event in it. Buckets without events are there, from since, or the first event, to until, or the last one; there are at most ${bucketsMax.toLocaleString("en")}. They follow the clock of the time zone tz: days may have 23 or 25 hours, weeks start on Monday, and up to an hour's width an hour that the clock shows twice is two buckets. ${rangeWords}`,
    example: "FROM timeline(INTERVAL 1 DAY, tz := 'Europe/Berlin', since := now() - INTERVAL 30 DAY)",
  },
};
