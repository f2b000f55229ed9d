/**
 * What a failure of DuckDB means. DuckDB tells it in a message alone, whose first words name its own kind of error.
 * This is the one place that reads such a message; everybody else asks for the meaning. Without DuckDB itself.
 */
import { messageOf } from "../../base/errors.ts";

/**
 * - "statement": the statement is wrong, or not allowed
 * - "data": it failed on a value, or on bytes that are not what they should be
 * - "gone": a file that it reads is not there (any more)
 * - "closed": nobody reads what it writes
 * - "descriptors", "memory": there is not enough of them at this moment
 * - "io": the disk failed in another way, or the file is not a database
 * - "fatal": DuckDB gave up, and this instance is of no use any more
 * - "unusable": the instance had been given up before
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
 * The first that fits decides. Each looks at the first words first: what follows them may be a client's own words, or a
 * line of a journal. The system's errors, of files that are opened without DuckDB, begin with their code.
 */
const meanings: readonly [DuckDBFailure, RegExp][] = [
  ["unusable", /^(?:FATAL|INTERNAL|Connection) Error: .*has been invalidated/s],
  ["fatal", /^(?:FATAL|INTERNAL) Error/],
  ["descriptors", /^(?:IO Error: .*Too many open files|EMFILE: |ENFILE: )/s],
  ["memory", /^(?:Out of Memory Error|IO Error: .*Cannot allocate memory|ENOMEM: )/s],
  ["gone", /^(?:IO Error: .*(?:No such file|No files found|database does not exist)|ENOENT: )/s],
  ["closed", /^IO Error: .*Broken pipe$/s],
  ["io", /^IO Error/],
  ["statement", /^(?:Parser|Binder|Catalog|Not implemented|Permission) Error/],
  ["data", /^(?:Conversion|Invalid Input|Out of Range|Serialization) Error/],
];

/**
 * What a failure means; undefined for what is not an error of DuckDB's, or one of a kind that nothing here depends on.
 */
export function duckdbFailureOf(error: unknown): DuckDBFailure | undefined {
  const message = messageOf(error);
  return meanings.find(([, words]) => words.test(message))?.[0];
}

/** The file that a locked DuckDB did not open, as a word in quotes; undefined where the failure is another. */
export const refusedFileOf = (error: unknown): string | undefined =>
  /^Permission Error: Cannot access (?:file|directory) (".*")/.exec(messageOf(error))?.[1];
