/**
 * What the service and a query's process say to each other: an order on standard input, a failure on standard error.
 */

/** What answers can be written as. */
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

/** What a client asks. */
export type Query = {
  sql: string;
  /** By position or by name; its numbers may be JSON.rawJSON, so that they keep their digits. */
  parameters: readonly unknown[] | Readonly<Record<string, unknown>>;
  format: QueryFormat;
};

/** What a process is started for. */
export type QueryOrder = Query & {
  /** The data folder. */
  root: string;
  /** A private folder, removed by who gives the order. */
  scratch: string;
  rowsMax: number;
};

/** Why there is no answer, or only a part of it. */
export type QueryFailure = {
  /**
   * `refused`: the statement is not allowed or fails; `rows`, `memory`: it went past a limit; `interrupted`: a file was
   * gone, and another try will find the ones that replaced it; `unavailable`: the machine has no room or no process for
   * it now, and the message is for the log alone; `broken`: our own fault, and the message is for the log alone.
   */
  kind: "refused" | "rows" | "memory" | "interrupted" | "unavailable" | "broken";
  message: string;
  /** Code points of the statement before the place that is meant. */
  position: number | undefined;
};
