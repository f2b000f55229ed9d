/**
 * Sessions: stretches of events of one `session_id`, or, of events without one, of one person, in which no pause is
 * longer than the gap. A pause of exactly the gap does not end a session. Events with neither are in no session.
 *
 * Events are first counted in cells as wide as the gap, since no pause inside of such a cell ends a session. Only the
 * cells are sorted: a tenth of the events, usually. A sort of the events takes three times as long.
 */
import { withPerson } from "./person.ts";

/** The gap of the view, and of whatever else speaks of sessions: the usual one of web analytics. */
export const sessionGap = "INTERVAL 30 MINUTE";

/** SQL expression: the microseconds of a gap. `gap` is SQL for an interval, or for its words. */
export const gapMicros = (gap: string) => `(CASE WHEN epoch_us((${gap})::INTERVAL) > 0
    THEN epoch_us((${gap})::INTERVAL)
    ELSE error('${gapRefused}') END)`;

/** What is said of a wrong gap. */
export const gapRefused = "sessions: gap must be longer than zero, such as INTERVAL 30 MINUTE";

/** Makes every timestamp positive, so that the division into cells rounds down. Microseconds. */
const shift = "4611686018427387904::BIGINT";

/** SQL expression: the cell of the timestamp `t`. Two events in one cell are never further apart than the gap. */
export const cellOf = (gap: string) => `(t + ${shift}) // (${gapMicros(gap)} + 1)`;

/**
 * SELECT of all columns of events, and `person`, `t` (the timestamp in microseconds) and `lone`: the person who stands
 * for a missing session_id. Session ids and lone persons are the keys of sessions.
 */
export const keyedEvents = `
  SELECT epoch_us("timestamp") AS t, CASE WHEN session_id IS NULL THEN person END AS lone, *
  FROM (${withPerson()})`;

/** What cells are made of. */
type Cells = {
  /** SQL for the interval. */
  gap: string;
  /** SELECT with the columns of `keyedEvents`. */
  from: string;
  /** Columns of `from` that cells have besides their key: events with different ones are in different cells. */
  by?: readonly string[];
  /** Aggregates of a cell, each with its name. */
  aggregates: readonly string[];
};

/**
 * SELECT of cells with the number of their session among those of its key: `session_id`, `lone`, `cell`, `first_t`,
 * `last_t`, `number`, and what was asked.
 */
export function numberedCells({ gap, from, by = [], aggregates }: Cells): string {
  const key = "PARTITION BY session_id, lone ORDER BY first_t";
  // Cells that differ only in `by` overlap: the end of all cells before counts, not that of the last one.
  const before =
    by.length === 0
      ? `lag(last_t) OVER (${key})`
      : `max(last_t) OVER (${key} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)`;
  return `
    SELECT *, sum(is_new) OVER (${key}) AS number
    FROM (
      SELECT *, CASE WHEN first_t - ${before} <= ${gapMicros(gap)} THEN 0 ELSE 1 END AS is_new
      FROM (
        SELECT session_id, lone, ${cellOf(gap)} AS cell, min(t) AS first_t, max(t) AS last_t,
          ${[...by, ...aggregates].join(", ")}
        FROM (${from}) GROUP BY ALL
      )
    )`;
}
