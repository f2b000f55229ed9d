/**
 * Classifies DuckDB's errors. DuckDB reports only a message, whose first words name its kind of error. Only this file
 * reads such messages; all other code uses the class. It does not load DuckDB.
 */
import { messageOf } from "../../base/errors.ts";

/**
 * - "statement": the statement is wrong, or not allowed
 * - "data": it failed on a value, or on damaged bytes
 * - "gone": a file that it reads does not exist, or no longer
 * - "closed": the reader of its output has closed
 * - "descriptors", "memory": not enough of them at this moment
 * - "io": the disk failed in another way, or the file is not a database
 * - "fatal": DuckDB failed for good, and this instance is unusable from now on
 * - "unusable": an earlier failure made the instance unusable
 */
export type DuckDBFailure =
  | "statement"
  | "data"
  | "gone"
  | "closed"
  | "descriptors"
  | "memory"
  | "io"
  | "fatal"
  | "unusable";

/**
 * The first pattern that matches decides. Each pattern begins with the first words, because what follows may be a
 * client's own words or a journal line. The system's errors, of files that are opened without DuckDB, begin with their
 * code.
 */
const meanings: readonly [DuckDBFailure, RegExp][] = [
  ["unusable", /^(?:FATAL|INTERNAL|Connection) Error: .*has been invalidated/s],
  ["fatal", /^(?:FATAL|INTERNAL) Error/],
  ["descriptors", /^(?:IO Error: .*Too many open files|EMFILE: |ENFILE: )/s],
  ["memory", /^(?:Out of Memory Error|IO Error: .*(?:Cannot allocate memory|\(bad allocation\))|ENOMEM: )/s],
  ["gone", /^(?:IO Error: .*(?:No such file|No files found|database does not exist)|ENOENT: )/s],
  ["closed", /^IO Error: .*Broken pipe$/s],
  ["io", /^IO Error/],
  ["statement", /^(?:Parser|Binder|Catalog|Not implemented|Permission) Error/],
  ["data", /^(?:Conversion|Invalid Input|Out of Range|Serialization) Error/],
];

/**
 * The class of a failure; undefined if it is not DuckDB's or the system's, or of a kind on which no code depends.
 */
export function duckdbFailureOf(error: unknown): DuckDBFailure | undefined {
  const message = messageOf(error);
  return meanings.find(([, words]) => words.test(message))?.[0];
}

/** The path, in quotes, that a locked DuckDB refused to open; undefined for any other failure. */
export const refusedFileOf = (error: unknown): string | undefined =>
  /^Permission Error: Cannot access (?:file|directory) (".*")/.exec(messageOf(error))?.[1];
