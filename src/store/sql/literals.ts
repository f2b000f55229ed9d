/** Values and names as SQL. It does not load DuckDB, which a thread that only writes SQL does not need. */

import { invariant } from "../../base/invariant.ts";

/** A string as an SQL literal. DuckDB reads SQL only up to a U+0000, so that character is written as `chr(0)`. */
export const literal = (text: string) => {
  const [first = "", ...rest] = text.split("\0").map((piece) => `'${piece.replaceAll("'", "''")}'`);
  return rest.length === 0 ? first : `(${[first, ...rest].join(" || chr(0) || ")})`;
};

/**
 * A whole number as an SQL literal, always a BIGINT. A bare number would be an INTEGER if it fits, and arithmetic with
 * it would overflow at 2^31 (as hours times 3600 do from 2038-01-19 on). So numbers reach SQL only this way or by
 * `digits`.
 * @throws InvariantBroken for a value that is not a whole number, or is past 2^53, where digits are no longer exact
 */
export function integer(value: number): string {
  invariant(Number.isSafeInteger(value), `${value} is a whole number that SQL can be given`);
  // In parentheses: a minus sign binds less than the cast.
  return `(${value})::BIGINT`;
}

/** A whole number where SQL accepts only digits: in options and after LIMIT. REQUIRES: it is not negative. */
export function digits(value: number): string {
  invariant(Number.isSafeInteger(value) && value >= 0, `${value} is a whole number that SQL can be given`);
  return String(value);
}

/** A name as an SQL identifier. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A query that selects no row, in the columns given: name to SQL type. */
export const emptyQuery = (columns: Readonly<Record<string, string>>) =>
  `SELECT ${Object.entries(columns)
    .map(([name, type]) => `NULL::${type} AS ${identifier(name)}`)
    .join(", ")} WHERE false`;

/** A list of strings as an SQL list. */
export const listLiteral = (texts: readonly string[]) => `[${texts.map(literal).join(", ")}]`;
