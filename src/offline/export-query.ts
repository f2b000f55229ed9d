/** The SQL of an export: which days there are, and one day's rows in a format. */
import { eventColumns } from "../event/columns.ts";
import { segmentsQuery } from "../store/segment/segments-query.ts";
import { identifier, literal } from "../store/sql/literals.ts";

/** What an export can be written as, and the end of its files' names. */
export const exportFormats = ["parquet", "csv", "ndjson"] as const;

/** One of `exportFormats`. */
export type ExportFormat = (typeof exportFormats)[number];

/** Times by `timestamp`: `from` is in, `to` is not; ISO 8601 in UTC to the microsecond, null: open. */
export type ExportRange = { from: string | null; to: string | null };

const time = (text: string) => `${literal(text)}::TIMESTAMPTZ`;
const atUtc = (column: string) => `(${column} AT TIME ZONE 'UTC')`;

/**
 * Counts the events of each UTC day in the range, as `day` and `events`: whole hours from the rollups, and the events
 * themselves only in the hours that the range cuts.
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
 * Gives a fingerprint of the segments that each UTC day's events lie in, as `day` and `segments`, for days of which
 * every event is sealed; `segments` are the paths of all that there are. A segment never changes, and its name holds
 * its checksum.
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
 * Gives a fingerprint of all columns of a day's events, whatever their order, as `content`. Two sums of 64-bit hashes
 * with different keys: that they agree by chance does not happen, and nobody gains who makes them agree.
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
 * Writes the events of one UTC day (`YYYY-MM-DD`) that lie in the range to a file, by `timestamp`; gives their number
 * as `Count`.
 */
export function copyDayStatement(copy: Day & { format: ExportFormat; path: string }): string {
  const { format, path } = copy;
  const columns = selected[format];
  return `COPY (SELECT ${columns} FROM events WHERE ${inDay(copy)} ORDER BY timestamp) TO ${literal(path)} (${copyOptions[format]})`;
}

const allOf = (conditions: readonly (string | undefined)[]) =>
  conditions.filter((each) => each !== undefined).join(" AND ") || "true";

const copyOptions = {
  parquet: "FORMAT parquet, COMPRESSION zstd",
  csv: "FORMAT csv, HEADER true",
  // One column that is a line already, and no quotes around it.
  ndjson: "FORMAT csv, HEADER false, QUOTE '', DELIMITER ''",
} as const;

/** A row as a line of JSON. DuckDB's own writer would respell the numbers in `properties`. */
const ndjsonLine = `'{' || ${Object.entries(eventColumns)
  .map(([name, type]) => `'${JSON.stringify(name)}:' || coalesce(${jsonOf(identifier(name), type)}, 'null')`)
  .join(" || ',' || ")} || '}'`;

function jsonOf(column: string, type: string): string {
  // Between the tokens of JSON a line may end; inside a string it cannot.
  if (type === "JSON") return `translate(${column}::VARCHAR, chr(10) || chr(13), '  ')`;
  if (type === "TIMESTAMPTZ") return `strftime(${atUtc(column)}, '"%Y-%m-%dT%H:%M:%S.%fZ"')`;
  return `to_json(${column})::VARCHAR`;
}

/**
 * Parquet has types of its own for a UUID, for JSON and for an ENUM, which other readers give as bytes (polars) or not
 * at all: as strings everybody reads them. Times and strings are the same everywhere.
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
