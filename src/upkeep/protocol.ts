/** What the rewriting process is asked, and what it answers: JSON, a line each. */
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { ImportedLines, Rewrite, Rewritten } from "../store/segment/rewrite.ts";

/** What is asked. */
export type RewriteJob =
  | { kind: "rewrite"; rewrite: Rewrite }
  /** Imported events to a segment; `others` are names of segments whose events go first. */
  | { kind: "import"; range: Rewrite["range"]; lines: ImportedLines; others: readonly string[] }
  /** Makes one file of small files of imported ids where there are many. */
  | { kind: "merge imported ids" }
  /** Takes ids, in a file one a line, out of the files of imported ids. */
  | { kind: "forget imported ids"; path: string }
  /**
   * Where the events are that an erasure is about; ids of theirs that clients made go to `idsTo`, one a line, where
   * that is given. An event on which an SQL condition fails is none of them, or a reason to refuse it.
   */
  | {
      kind: "find";
      request: ErasureRequest;
      files: readonly string[];
      idsTo: string | undefined;
      whereItFails: "skip" | "refuse";
    };

/** Segments with such events, by name, and how many there are, each counted once. */
export type Found = { files: string[]; events: number };

/** The answer to each kind of job. */
export type RewriteReplies = {
  rewrite: Rewritten;
  import: Rewritten;
  find: Found;
  "merge imported ids": null;
  "forget imported ids": null;
};

/** All that the process needs for one job. */
export type RewriteOrder = { folder: DataFolder; threads: number; memoryMiB: number; job: RewriteJob };

/** How the process ends: `refused` is the fault of what was asked, `failed` may pass later. */
export type RewriteOutcome<Result> =
  | { kind: "done"; result: Result }
  | { kind: "refused"; message: string }
  | { kind: "failed"; message: string };
