/** Messages between the service and a query's process: an order on standard input, reports on standard error. */

import type { SealedEvents } from "../store/segment/sealed-events.ts";

/** Formats of answers. */
export const queryFormats = ["json", "ndjson", "csv", "parquet"] as const;

/** One of `queryFormats`. */
export type QueryFormat = (typeof queryFormats)[number];

/** The media type of each format. */
export const contentTypes: Readonly<Record<QueryFormat, string>> = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv; charset=utf-8",
  parquet: "application/vnd.apache.parquet",
};

/** A client's query; or, for the tail, sealed events: then `sql` and `parameters` are empty. */
export type Query = {
  sql: string;
  /** By position or by name. Numbers may be JSON.rawJSON, so that they keep their digits. */
  parameters: readonly unknown[] | Readonly<Record<string, unknown>>;
  format: QueryFormat;
  sealed?: SealedEvents;
};

/** What a process has to do. */
export type QueryOrder = Query & {
  /** The data folder. */
  root: string;
  /** A private folder, which the service removes. */
  scratch: string;
  rowsMax: number;
};

/** Why an answer is missing or incomplete. */
export type QueryFailure = {
  /**
   * `refused`: the statement is not allowed or fails; `rows`, `memory`: it exceeded a limit; `interrupted`: a file was
   * removed, and another try will find the files that replaced it; `unavailable`: the machine has no room or no process
   * for it now; `broken`: our own fault. The messages of the last two are for the log alone.
   */
  kind: "refused" | "rows" | "memory" | "interrupted" | "unavailable" | "broken";
  message: string;
  /** Code points of the statement before the fault. */
  position: number | undefined;
};

/**
 * What a process reports, one line of JSON each. `ready`: DuckDB is loaded; `taken`: it has its order; `answered`: the
 * whole answer is on standard output. A failure is the last report.
 */
export type QueryReport = { kind: "ready" } | { kind: "taken" } | { kind: "answered" } | QueryFailure;

/** What to do about a query that needs more memory than it may have. */
export const memoryRemedy =
  "Ask for less, such as WITH events AS (SELECT * FROM events WHERE …), or raise MILLRACE_QUERY_MEMORY_MIB";
