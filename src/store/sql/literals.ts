/** Values and names as SQL text. Without DuckDB itself, which a thread that only writes SQL need not load. */

import { invariant } from "../../base/invariant.ts";

/** A text as an SQL literal; DuckDB reads SQL only to a U+0000, which is written as a call for that reason. */
export const literal = (text: string) => {
  const [first = "", ...rest] = text.split("\0").map((piece) => `'${piece.replaceAll("'", "''")}'`);
  return rest.length === 0 ? first : `(${[first, ...rest].join(" || chr(0) || ")})`;
};

/**
 * A whole number as an SQL literal, always a BIGINT: a bare one would be an INTEGER where it fits, and what is reckoned
 * with it would overflow at 2^31 (as hours times 3600 do from 2038-01-19 on). So no number stands in SQL in another
 * way.
 * @throws InvariantBroken for what is not a whole number, or past 2^53: its digits would not be those that were meant
 */
export function integer(value: number): string {
  invariant(Number.isSafeInteger(value), `${value} is a whole number that SQL can be given`);
  // In parentheses: a minus sign binds less than the cast.
  return `(${value})::BIGINT`;
}

/** A whole number where SQL's grammar takes digits alone: in options and after LIMIT. REQUIRES: it is not negative. */
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

/** A list of texts as an SQL list. */
export const listLiteral = (texts: readonly string[]) => `[${texts.map(literal).join(", ")}]`;
