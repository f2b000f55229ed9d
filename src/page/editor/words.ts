/** The words of DuckDB's SQL: which names need quotes, and what completion offers beside the catalog. */
import { identifier } from "../sql.ts";

const reserved = new Set(
  "all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create default deferrable desc describe distinct do else end except false fetch for foreign from group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table then to trailing true union unique unpivot using variadic when where window with".split(
    " ",
  ),
);

/** A name as it can stand in SQL: in quotes where it needs them. */
export const quotedIfNeeded = (name: string): string =>
  /^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name) ? name : identifier(name);

/** The reserved words, for the test that compares them with DuckDB's own list. */
export const reservedWords: ReadonlySet<string> = reserved;

/** Words that begin or join parts of a query. */
export const keywords: readonly string[] = [
  ...["SELECT", "DISTINCT", "FROM", "WHERE", "GROUP BY", "GROUP BY ALL", "HAVING", "QUALIFY", "ORDER BY", "LIMIT"],
  ...["OFFSET", "WITH", "AS", "JOIN", "LEFT JOIN", "USING", "ON", "AND", "OR", "NOT", "IN", "BETWEEN", "LIKE"],
  ...["ILIKE", "IS NULL", "IS NOT NULL", "CASE", "WHEN", "THEN", "ELSE", "END", "FILTER (WHERE", "OVER", "DESC"],
  ...["PARTITION BY", "UNION ALL", "INTERVAL", "NULLS LAST", "PIVOT", "UNPIVOT", "VALUES", "EXCLUDE", "REPLACE"],
  ...["DESCRIBE", "SUMMARIZE", "EXPLAIN", "EXPLAIN ANALYZE", "TRUE", "FALSE", "NULL"],
];

/**
 * Functions that questions about events use, with their arguments. The service does not list DuckDB's own functions,
 * and all 700 of them would hide these.
 */
export const functions: readonly (readonly [name: string, parameters: string])[] = [
  ["count", "*"],
  ["sum", "value"],
  ["avg", "value"],
  ["min", "value"],
  ["max", "value"],
  ["median", "value"],
  ["quantile_cont", "value, 0.95"],
  ["approx_count_distinct", "value"],
  ["arg_min", "value, by"],
  ["arg_max", "value, by"],
  ["any_value", "value"],
  ["mode", "value"],
  ["list", "value"],
  ["string_agg", "value, ', '"],
  ["histogram", "value"],
  ["date_trunc", "'hour', time"],
  ["time_bucket", "INTERVAL 1 HOUR, time"],
  ["date_diff", "'day', from, to"],
  ["date_part", "'hour', time"],
  ["strftime", "time, '%Y-%m-%d'"],
  ["now", ""],
  ["age", "time"],
  ["epoch", "time"],
  ["timezone", "'Europe/Berlin', time"],
  ["coalesce", "value, instead"],
  ["nullif", "value, other"],
  ["try_cast", "value AS DOUBLE"],
  ["cast", "value AS VARCHAR"],
  ["round", "value, 2"],
  ["abs", "value"],
  ["floor", "value"],
  ["greatest", "a, b"],
  ["least", "a, b"],
  ["lower", "string"],
  ["upper", "string"],
  ["length", "string"],
  ["trim", "string"],
  ["contains", "string, part"],
  ["starts_with", "string, start"],
  ["replace", "string, old, new"],
  ["split_part", "string, '/', 1"],
  ["regexp_extract", "string, 'pattern', 1"],
  ["regexp_matches", "string, 'pattern'"],
  ["regexp_replace", "string, 'pattern', 'new'"],
  ["json_extract_string", "json, '$.name'"],
  ["json_keys", "json"],
  ["json_each", "json"],
  ["unnest", "list"],
  ["range", "from, to"],
  ["len", "list"],
  ["list_contains", "list, value"],
  ["row_number", ""],
  ["rank", ""],
  ["lag", "value"],
  ["lead", "value"],
  ["first_value", "value"],
  ["last_value", "value"],
];
