/**
 * What the page asks: every statement of its own views, made from the chosen span. Pure. The bench asks the same, so
 * that it measures this page.
 */
import { digits, instant, literal } from "./sql.ts";
import type { Span } from "./state/span.ts";

/** Values of a list. */
const listMax = 10;

const within = ({ sinceMs, untilMs }: Span, column: string) =>
  `${column} >= ${instant(sinceMs)} AND ${column} < ${instant(untilMs)}`;

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Counts by the hour are enough where each bucket begins with an hour of UTC. Some zones are half an hour off, and one
 * of them only in winter.
 */
const isHourly = ({ bucket, buckets, untilMs }: Span) =>
  (bucket === "1 HOUR" || bucket === "1 DAY") && [...buckets, untilMs].every((atMs) => atMs % hourMs === 0);

/** The source of counts: the hourly counts where they are enough, else the events. */
const counted = (span: Span) =>
  isHourly(span)
    ? { from: "events_hourly", time: "hour", events: "sum(events)::BIGINT" }
    : { from: "events", time: `"timestamp"`, events: "count(*)" };

/**
 * The start of a time's bucket. Buckets of one length are counted from the first one. Days of a span in which clocks
 * change are those of the zone, which takes a hundred times as long.
 */
function bucketOf({ bucket, buckets, zone, sinceMs, untilMs }: Span, time: string): string {
  const width = bucket === "1 DAY" ? "24 HOURS" : bucket;
  const isEven = [...buckets, untilMs].every((atMs, index) => atMs === sinceMs + index * dayMs);
  if (bucket !== "1 DAY" || isEven) return `time_bucket(INTERVAL ${width}, ${time}, ${instant(sinceMs)})`;
  return `date_trunc('day', ${time} AT TIME ZONE ${literal(zone)}) AT TIME ZONE ${literal(zone)}`;
}

/** Events of a bucket and a category: `bucket`, `category`, `events`. */
export function eventsOverTime(span: Span): string {
  const { from, time, events } = counted(span);
  return `SELECT ${bucketOf(span, time)} AS bucket,
  category, ${events} AS events
FROM ${from}
WHERE ${within(span, time)}
GROUP BY ALL ORDER BY ALL`;
}

/** One row of the sessions that start in the span, beside those of the span before it. */
export function visits(span: Span): string {
  const since = instant(span.sinceMs);
  const before: Span = { ...span, sinceMs: 2 * span.sinceMs - span.untilMs };
  return `WITH events AS (SELECT * FROM events WHERE ${within(before, `"timestamp"`)})
SELECT count(*) FILTER (start >= ${since}) AS sessions,
  count(*) FILTER (start < ${since}) AS sessions_before,
  count(DISTINCT person) FILTER (start >= ${since}) AS people,
  count(DISTINCT person) FILTER (start < ${since}) AS people_before,
  avg(events) FILTER (start >= ${since}) AS events_each,
  avg(bounce::INTEGER) FILTER (start >= ${since}) AS bounced,
  median(epoch(duration)) FILTER (start >= ${since}) AS median_seconds
FROM sessions()`;
}

/** Where sessions begin: `entry_page`, `sessions`. */
export const topEntryPages = (span: Span): string => topOfSessions(span, "entry_page");

/** What brought sessions: `channel`, `sessions`. */
export const topChannels = (span: Span): string => topOfSessions(span, "channel");

const topOfSessions = (
  span: Span,
  column: string,
) => `WITH events AS (SELECT * FROM events WHERE ${within(span, `"timestamp"`)})
SELECT ${column}, count(*) AS sessions
FROM sessions()
WHERE ${column} IS NOT NULL
GROUP BY ALL ORDER BY sessions DESC, ${column} LIMIT ${digits(listMax)}`;

/** Who was there in the span, the last one first; `search` is a part of the person's id. */
export const people = (
  span: Span,
  search: string,
) => `SELECT person, user_id IS NOT NULL AS known, events, first_seen, last_seen
FROM persons
WHERE ${within(span, "last_seen")}${search === "" ? "" : `\n  AND contains(lower(person), lower(${literal(search)}))`}
ORDER BY last_seen DESC, person LIMIT ${digits(peopleMax)}`;

/** People of a list. */
const peopleMax = 200;

/** What one person did, the last event first. */
export const eventsOfPerson = (person: string) => `SELECT "timestamp", event_name, page_url, session_id, properties
FROM person_events(${literal(person)})
ORDER BY "timestamp" DESC, event_id LIMIT ${digits(personEventsMax)}`;

/** Events of a person's list. */
const personEventsMax = 500;

/** The most frequent names: `event_name`, `events`. */
export function topNames(span: Span): string {
  const { from, time, events } = counted(span);
  return `SELECT event_name, ${events} AS events
FROM ${from}
WHERE ${within(span, time)}
GROUP BY ALL ORDER BY events DESC, event_name LIMIT ${digits(listMax)}`;
}

/** The most frequent pages: `page_url`, `events`. */
export const topPages = (span: Span): string => topOf(span, "page_url");

/** The most frequent referrers: `referrer`, `events`. */
export const topReferrers = (span: Span): string => topOf(span, "referrer");

const topOf = (span: Span, column: string) => `SELECT ${column}, count(*) AS events
FROM events
WHERE ${column} IS NOT NULL AND ${within(span, `"timestamp"`)}
GROUP BY ALL ORDER BY events DESC, ${column} LIMIT ${digits(listMax)}`;

/** What the overview keeps asking while it is seen, one after the other. */
export const overviewQuestions: readonly ((span: Span) => string)[] = [
  eventsOverTime,
  visits,
  topNames,
  topPages,
  topReferrers,
  topChannels,
  topEntryPages,
];
