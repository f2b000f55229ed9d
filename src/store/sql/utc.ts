/**
 * SQL that reckons hours, days and elapsed time in UTC, whatever time zone its reader's session has: DuckDB's own
 * functions on TIMESTAMPTZ follow the session. Both turns cost 5 ns a row, where AT TIME ZONE costs 90, and time_bucket
 * by days 6,000.
 */

/** SQL expression: a TIMESTAMPTZ as the clock in UTC shows it, a TIMESTAMP. */
export const clockOf = (instant: string) => `make_timestamp(epoch_us(${instant}))`;

/** SQL expression: the TIMESTAMPTZ at which the clock in UTC shows this TIMESTAMP. */
export const instantOf = (clock: string) => `make_timestamptz(epoch_us(${clock}))`;
