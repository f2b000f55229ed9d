/**
 * Current segments that cannot be read. The keeper finds them and notes them in `unreadable.json`, so that every
 * process that reads the folder leaves them out, and one that cannot do without them can name them.
 *
 * An entry is valid only while the file is as it was then: a file that was put back is checked again.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { codeOf } from "../../base/errors.ts";
import { keepJson, readKeptJson } from "./kept-file.ts";
import type { DataFolder } from "./names.ts";

/** A segment that cannot be read, why, and the state (`fileState`) that its file had. */
export type UnreadableSegment = { file: string; why: string; state: string };

/** A string that changes when a file changes; undefined if the file does not exist. */
export function fileState(path: string): string | undefined {
  try {
    // Without ctime: a snapshot changes it by adding a hard link.
    const { size, mtimeMs, ino } = statSync(path);
    return [size, mtimeMs, ino].join(" ");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** The segments of a folder that were found unreadable and whose files have not changed since. */
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

/** Notes unreadable segments, durably, if they differ from the note. */
export function keepUnreadable(folder: DataFolder, segments: readonly UnreadableSegment[]): void {
  const kept = readKeptJson(folder.unreadable);
  if (kept.kind === "missing" && segments.length === 0) return;
  const isSame = kept.kind === "sound" && JSON.stringify(kept.value["segments"]) === JSON.stringify(segments);
  if (!isSame) keepJson(folder.unreadable, { segments });
}

/** What a person can do about an unreadable segment. */
export const unreadableAdvice = (file: string) =>
  `put the file back from a snapshot, or run "millrace quarantine ${file}"`;
