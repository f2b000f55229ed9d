/**
 * The one way to read a table of several segments: by name, in the columns of this version, whatever their formats.
 *
 * `read_duckdb` assumes that all files have the columns of the first. With `union_by_name` it opens every file before
 * the query is planned: 100 ms for 400 segments, each time. So there is one `read_duckdb` for the segments of each
 * format, which is in their names.
 */
import { basename } from "node:path";
import { columnsSince, eventColumns, rollupColumns } from "../../event/columns.ts";
import { currentFormat, parseSegmentName } from "../folder/names.ts";
import { emptyQuery, identifier, listLiteral } from "../sql/literals.ts";
import { requireKnownSegment, SegmentUnreadable } from "./open-segment.ts";

/** What is read of which segments. */
type SegmentsRead = {
  table: "events" | "rollup";
  /** Names of segments, with or without a path. */
  files: readonly string[];
  /** Returns an SQL expression for the list of the paths of some of `files`. By default `files` are paths. */
  listOf?: (files: readonly string[]) => string;
  /**
   * Columns besides those of the table: `filename`, the path of the segment, and `sequence`, which only `events` has.
   */
  extra?: readonly (keyof typeof extraColumns)[];
};

const tables: Readonly<Record<SegmentsRead["table"], Readonly<Record<string, string>>>> = {
  events: eventColumns,
  rollup: rollupColumns,
};

const extraColumns = { filename: "VARCHAR", sequence: "BIGINT" } as const;

/** The first format whose segments have a column, for columns that the first format lacks. */
const since: Readonly<Record<string, number>> = { ...columnsSince, sequence: 3 };

/**
 * Selects the rows of a table of segments, in the columns of this version. A column that a segment's format lacks is
 * NULL.
 * @throws SegmentUnreadable naming a segment of a later format
 */
export function segmentsQuery({ table, files, listOf = listLiteral, extra = [] }: SegmentsRead): string {
  const columns = {
    ...tables[table],
    ...Object.fromEntries(extra.map((name) => [name, extraColumns[name]])),
  };
  if (files.length === 0) return emptyQuery(columns);
  const options = extra.includes("filename") ? ", filename = true" : "";
  const queries = [...byFormat(files)].map(([format, group]) => {
    const selected = Object.entries(columns).map(([name, type]) => columnOf(name, type, format));
    return `SELECT ${selected.join(", ")} FROM read_duckdb(${listOf(group)}, table_name = '${table}'${options})`;
  });
  return unionOf(queries);
}

/** Selects the rows of all these queries, which name the same columns. REQUIRES: at least one query. */
export const unionOf = (queries: readonly string[]) =>
  queries.length === 1 ? queries.join() : queries.map((query) => `(${query})`).join(" UNION ALL BY NAME ");

function byFormat(files: readonly string[]): Map<number, string[]> {
  const groups = new Map<number, string[]>();
  for (const file of files) {
    const format = formatOf(file);
    const group = groups.get(format);
    if (group === undefined) groups.set(format, [file]);
    else group.push(file);
  }
  return groups;
}

function formatOf(file: string): number {
  const name = parseSegmentName(basename(file));
  if (name === undefined) throw new SegmentUnreadable(`${file} is not a segment: its name is not that of one`);
  requireKnownSegment(file, name.format);
  return name.format;
}

function columnOf(name: string, type: string, format: number): string {
  const column = identifier(name);
  if (format < (since[name] ?? 0)) return `NULL::${type} AS ${column}`;
  // An ENUM of an earlier format may have fewer members. If they are the same, DuckDB omits the cast.
  return format < currentFormat && type.startsWith("ENUM") ? `${column}::${type} AS ${column}` : column;
}
