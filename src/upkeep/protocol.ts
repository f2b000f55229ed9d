/** Requests to the rewriting process and its answers: one JSON value each. */

import type { PersonIds } from "../store/catalog/erased-person.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { ImportedLines, Rewrite, Rewritten } from "../store/segment/rewrite.ts";

/**
 * A job for the rewriting process. `ids` are those of the person whom an erasure means. Without `mayOrder` events stay
 * in the order of the sources.
 */
export type RewriteJob =
  | { kind: "rewrite"; rewrite: Rewrite; mayOrder: boolean; ids?: PersonIds | undefined }
  /** Turns imported events into a segment; `others` are names of segments whose events take precedence. */
  | { kind: "import"; range: Rewrite["range"]; lines: ImportedLines; others: readonly string[] }
  /** Merges small files of imported ids into one when there are many. */
  | { kind: "merge imported ids" }
  /** Removes the ids in a file, one a line, from the files of imported ids. */
  | { kind: "forget imported ids"; path: string }
  /**
   * Finds the events that an erasure would remove. Their client-made ids are written to `idsTo`, one a line, if it is
   * given. An event on which the SQL condition fails is skipped, or the request is refused.
   */
  | {
      kind: "find";
      request: ErasureRequest;
      ids?: PersonIds | undefined;
      files: readonly string[];
      idsTo: string | undefined;
      whereItFails: "skip" | "refuse";
    }
  /** Finds the refused events that an erasure of a person, or by an SQL condition, means. */
  | { kind: "find refused"; request: ErasureRequest; ids?: PersonIds | undefined }
  /** Writes the anonymous ids of a person, as segments of these names show them, to a file. */
  | { kind: "decide ids"; person: string; files: readonly string[]; to: string };

/** Names of segments with such events, and how many events there are, each counted once. */
export type Found = { files: string[]; events: number };

/** The answer to each kind of job. */
export type RewriteReplies = {
  rewrite: Rewritten;
  import: Rewritten;
  find: Found;
  /** Keys of the events, `refused/refused-file.ts`. */
  "find refused": string[];
  "decide ids": PersonIds;
  "merge imported ids": null;
  "forget imported ids": null;
};

/** Everything that the process needs for one job. */
export type RewriteOrder = {
  folder: DataFolder;
  threads: number;
  memoryMiB: number;
  /** Most that DuckDB may spill to the disk; undefined: as much as there is. */
  spillMiB: number | undefined;
  job: RewriteJob;
};

/** How the job ended: `refused` is the request's fault, `failed` may succeed later, `out of memory` with more of it. */
export type RewriteOutcome<Result> =
  | { kind: "done"; result: Result }
  | { kind: "refused"; message: string }
  | { kind: "failed" | "out of memory"; message: string };
