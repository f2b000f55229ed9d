/** Unfinished files of a keeper that died while it worked. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DataFolder, unfinishedSuffix } from "../store/folder/names.ts";

/** Only the keeper's unfinished files: a rewriting process, which may still run, has its process id in their names. */
const unfinished = new RegExp(`^[^.]+\\.(?:duckdb|ndjson)(?:\\.probe)?\\${unfinishedSuffix}(?:\\.wal)?$`);

/**
 * Removes the unfinished files of a dead keeper and returns their paths. Nothing was promised about these files.
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
