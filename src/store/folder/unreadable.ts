/**
 * Current segments that cannot be read. The keeper finds them and writes them down in `unreadable.json`, so that every
 * process that looks at the folder leaves them out, and those that must not go on without them can name them.
 *
 * An entry holds for the file as it was then: one that was put back is looked at again.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../base/errors.ts";
import { keepJson, readKeptJson } from "./kept-file.ts";
import type { DataFolder } from "./names.ts";

/** A segment that cannot be read, why, and what tells this state of its file from others. */
export type UnreadableSegment = { file: string; why: string; state: string };

/** What tells one state of a file from another; undefined when it is not there. */
export function fileState(path: string): string | undefined {
  try {
    // Without the time of its last change of links: a snapshot makes one.
    const { size, mtimeMs, ino } = statSync(path);
    return [size, mtimeMs, ino].join(" ");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The segments of a folder that were found unreadable and are as they were then. */
export function readUnreadable(folder: DataFolder): UnreadableSegment[] {
  const kept = readKeptJson(folder.unreadable);
  const listed = kept.kind === "sound" ? kept.value["segments"] : [];
  if (!Array.isArray(listed)) return [];
  return listed.flatMap((each): UnreadableSegment[] => {
    const { file, why, state } = Object(each);
    if (typeof file !== "string" || typeof why !== "string" || typeof state !== "string") return [];
    return fileState(join(folder.segments, file)) === state ? [{ file, why, state }] : [];
  });
}

/** Writes them down, durably, if they differ from what is written. */
export function keepUnreadable(folder: DataFolder, segments: readonly UnreadableSegment[]): void {
  const kept = readKeptJson(folder.unreadable);
  if (kept.kind === "missing" && segments.length === 0) return;
  const isSame = kept.kind === "sound" && JSON.stringify(kept.value["segments"]) === JSON.stringify(segments);
  if (!isSame) keepJson(folder.unreadable, { segments });
}

/** What a person can do about an unreadable segment. */
export const unreadableAdvice = (file: string) =>
  `put the file back from a snapshot, or run "millrace quarantine ${file}"`;
