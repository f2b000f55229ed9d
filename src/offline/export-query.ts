/** The SQL of an export: which days there are, and one day's rows in a format. */
import { eventColumns } from "../event/columns.ts";
import { segmentsQuery } from "../store/segment/segments-query.ts";
import { identifier, literal } from "../store/sql/literals.ts";

/** Formats of an export; also the extensions of its files. */
export const exportFormats = ["parquet", "csv", "ndjson"] as const;

/** One of `exportFormats`. */
export type ExportFormat = (typeof exportFormats)[number];

/** Range of `timestamp`: `from` is included, `to` is not. ISO 8601 in UTC to the microsecond; null: no limit. */
export type ExportRange = { from: string | null; to: string | null };

const time = (text: string) => `${literal(text)}::TIMESTAMPTZ`;
const atUtc = (column: string) => `(${column} AT TIME ZONE 'UTC')`;

/**
 * Counts the events of each UTC day in the range, as `day` and `events`. Whole hours come from the rollups; the events
 * themselves are read only in the hours that the range cuts.
 */
export function dayCountsQuery({ from, to }: ExportRange): string {
  // The first whole hour, and the end of the last one.
  const first =
    from === null ? undefined : `date_trunc('hour', ${time(from)} + INTERVAL '59 minutes 59.999999 seconds')`;
  const last = to === null ? undefined : `date_trunc('hour', ${time(to)})`;
  const whole = [first && `hour >= ${first}`, last && `hour < ${last}`];
  const cut: string[] = [];
  if (from !== null && first !== undefined)
    cut.push(`timestamp >= ${time(from)} AND timestamp < ${to === null ? first : `least(${first}, ${time(to)})`}`);
  if (to !== null && last !== undefined)
    cut.push(`timestamp >= ${first === undefined ? last : `greatest(${last}, ${first})`} AND timestamp < ${time(to)}`);
  const parts = [
    `SELECT ${atUtc("hour")}::DATE AS day, events FROM events_hourly WHERE ${allOf(whole)}`,
    ...cut.map((where) => `SELECT ${atUtc("timestamp")}::DATE AS day, 1 AS events FROM events WHERE ${where}`),
  ];
  return `SELECT day::VARCHAR AS day, sum(events)::DOUBLE AS events FROM (${parts.join(" UNION ALL ")})
    GROUP BY day HAVING sum(events) > 0 ORDER BY day`;
}

/**
 * Selects a fingerprint of the segments that hold each UTC day's events, as `day` and `segments`, for days whose events
 * are all sealed. `segments` are the paths of all current segments. A segment never changes, and its name contains its
 * checksum.
 */
export const segmentsOfDaysQuery = (segments: readonly string[]) => `
  WITH sealed AS (
    SELECT ${atUtc("hour")}::DATE AS day, parse_filename(filename) AS file, sum(events) AS events
    FROM (${segmentsQuery({ table: "rollup", files: segments, extra: ["filename"] })}) GROUP BY ALL
  ), everything AS (SELECT ${atUtc("hour")}::DATE AS day, sum(events) AS events FROM events_hourly GROUP BY ALL)
  SELECT day::VARCHAR AS day, md5(string_agg(file, '/' ORDER BY file)) AS segments
  FROM sealed JOIN everything USING (day) GROUP BY day, everything.events HAVING sum(sealed.events) = everything.events`;

type Day = ExportRange & { day: string };

/**
 * Selects a fingerprint of all columns of a day's events, whatever their order, as `content`: two sums of 64-bit hashes
 * with different keys. They do not agree by chance, and nobody gains from making them agree.
 */
export function dayContentQuery(day: Day): string {
  const columns = Object.keys(eventColumns).map((name) => `${identifier(name)}::VARCHAR`);
  const [one, other] = ["", "'other', "].map((key) => `sum(hash(${key}${columns.join(", ")}))::VARCHAR`);
  return `SELECT concat_ws('-', count(*), ${one}, ${other}) AS content FROM events WHERE ${inDay(day)}`;
}

const inDay = ({ from, to, day }: Day) =>
  allOf([
    `timestamp >= ${time(`${day}T00:00:00Z`)}`,
    `timestamp < ${time(`${day}T00:00:00Z`)} + INTERVAL 1 DAY`,
    from === null ? undefined : `timestamp >= ${time(from)}`,
    to === null ? undefined : `timestamp < ${time(to)}`,
  ]);

/**
 * Writes the events of one UTC day (`YYYY-MM-DD`) within the range to a file, ordered by `timestamp`. Returns their
 * number as `Count`.
 */
export function copyDayStatement(copy: Day & { format: ExportFormat; path: string }): string {
  const { format, path } = copy;
  const columns = selected[format];
  return `COPY (SELECT ${columns} FROM events WHERE ${inDay(copy)} ORDER BY timestamp) TO ${literal(path)} (${copyOptions[format]})`;
}

const allOf = (conditions: readonly (string | undefined)[]) =>
  conditions.filter((each) => each !== undefined).join(" AND ") || "true";

/** Options of DuckDB's COPY for each format. */
export const copyOptions = {
  parquet: "FORMAT parquet, COMPRESSION zstd",
  csv: "FORMAT csv, HEADER true",
  // A single column that is the whole line, without quotes.
  ndjson: "FORMAT csv, HEADER false, QUOTE '', DELIMITER ''",
} as const;

/** SQL expression: an event as a line of JSON. DuckDB's own JSON writer would rewrite the numbers in `properties`. */
export const ndjsonLine = `'{' || ${Object.entries(eventColumns)
  .map(([name, type]) => `'${JSON.stringify(name)}:' || coalesce(${jsonOf(identifier(name), type)}, 'null')`)
  .join(" || ',' || ")} || '}'`;

function jsonOf(column: string, type: string): string {
  // JSON allows line breaks between tokens, and not inside strings: so all of them can become spaces.
  if (type === "JSON") return `translate(${column}::VARCHAR, chr(10) || chr(13), '  ')`;
  if (type === "TIMESTAMPTZ") return `strftime(${atUtc(column)}, '"%Y-%m-%dT%H:%M:%S.%fZ"')`;
  return `to_json(${column})::VARCHAR`;
}

/**
 * Parquet has special types for UUID, JSON and ENUM, which other readers return as bytes (polars) or cannot read.
 * Every reader can read them as strings. Times and strings are the same everywhere.
 */
const asStrings = Object.entries(eventColumns)
  .filter(([, type]) => type !== "VARCHAR" && type !== "TIMESTAMPTZ")
  .map(([name]) => `${identifier(name)}::VARCHAR AS ${identifier(name)}`)
  .join(", ");

const selected: Readonly<Record<ExportFormat, string>> = {
  parquet: `* REPLACE (${asStrings})`,
  csv: "*",
  ndjson: `${ndjsonLine} AS line`,
};
