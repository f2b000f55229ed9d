/** What most questions have in common: a range of time. */

/** The parameters `since` and `until` of a macro, with their defaults. */
export const rangeDefaults = { since: "NULL", until: "NULL" } as const;

/**
 * SQL condition: an event is in the range of the parameters. With a NULL DuckDB folds its half away; with a time it
 * becomes a filter of the scan.
 */
export const inRange = `((since IS NULL OR "timestamp" >= since::TIMESTAMPTZ)
    AND (until IS NULL OR "timestamp" < until::TIMESTAMPTZ))`;

/** Words for a comment. */
export const rangeWords = "since is included, until is not; NULL: no bound.";
