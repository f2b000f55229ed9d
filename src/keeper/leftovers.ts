/** What a keeper leaves behind that ended under its work. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DataFolder, unfinishedSuffix } from "../store/folder/names.ts";

/** A rewriting process, which may be at work, has its id in the names of its unfinished files; the keeper has not. */
const unfinished = new RegExp(`^[^.]+\\.(?:duckdb|ndjson)(?:\\.probe)?\\${unfinishedSuffix}(?:\\.wal)?$`);

/**
 * Removes the unfinished files of a keeper that has ended, which nothing was ever promised about; gives their paths.
 * REQUIRES: no other keeper works on the folder.
 */
export function sweepOfKeeper(folder: DataFolder): string[] {
  const removed: string[] = [];
  for (const each of [folder.root, folder.journal, folder.segments])
    for (const file of readdirSync(each)) {
      if (!unfinished.test(file)) continue;
      rmSync(join(each, file), { force: true });
      removed.push(join(each, file));
    }
  return removed;
}
