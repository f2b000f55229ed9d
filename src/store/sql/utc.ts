/**
 * SQL that computes hours, days and elapsed time in UTC, whatever time zone the reader's session has: DuckDB's own
 * functions on TIMESTAMPTZ follow the session. Both conversions cost 5 ns a row; AT TIME ZONE costs 90 ns, and
 * time_bucket by days 6,000 ns.
 */

/** SQL expression: converts a TIMESTAMPTZ to the TIMESTAMP that a UTC clock shows. */
export const clockOf = (instant: string) => `make_timestamp(epoch_us(${instant}))`;

/** SQL expression: converts a TIMESTAMP of a UTC clock to the TIMESTAMPTZ. */
export const instantOf = (clock: string) => `make_timestamptz(epoch_us(${clock}))`;
