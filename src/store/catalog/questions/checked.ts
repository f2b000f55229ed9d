/** The check of a macro's arguments. */
import { literal } from "../../sql/literals.ts";

/** An SQL condition that an argument must not meet, and the SQL string that says what is allowed. */
type Refusal = { when: string; message: string };

/**
 * SQL expression: `value`, or an error for the first condition that holds. The query must need the value for its
 * answer, since DuckDB does not compute what is not needed.
 */
export const checked = (value: string, refusals: readonly Refusal[]) =>
  `CASE ${refusals.map(({ when, message }) => `WHEN ${when} THEN error(${message})`).join(" ")} ELSE ${value} END`;

/**
 * SELECT of a query's rows, or an error for the first condition that holds, also where there are no events: DuckDB does
 * not compute what no row needs. `column` is one of the query's, which gets no row more. Costs nothing otherwise.
 */
export const checkedRows = (query: string, column: string, refusals: readonly Refusal[]) =>
  `${query} UNION ALL BY NAME SELECT NULL AS ${column} WHERE ${checked("false", refusals)}`;

/** Refuses an argument, NULL too, that is not one of these words. `what` names macro and argument. */
export const oneOf = (what: string, argument: string, words: readonly string[]): Refusal => ({
  when: `coalesce(${argument}::VARCHAR NOT IN (${words.map(literal).join(", ")}), true)`,
  message: `${literal(`${what} must be ${listed(words)}, not `)} || ${shown(argument)}`,
});

/** SQL string: an argument as an error shows it. */
export const shown = (argument: string) => `coalesce('''' || (${argument})::VARCHAR || '''', 'NULL')`;

/** Words as an error lists them: 'day', 'week' or 'month'. */
const listed = (words: readonly string[]) =>
  `${words
    .slice(0, -1)
    .map((word) => `'${word}'`)
    .join(", ")} or '${words.at(-1)}'`;
