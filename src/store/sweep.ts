/** Removes what a crash left unfinished. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type DataFolder, unfinishedSuffix } from "./names.ts";

/** Removes unfinished files, which nothing was ever promised about; gives their paths. Before any actor starts. */
export function sweepUnfinished(folder: DataFolder): string[] {
  const removed: string[] = [];
  for (const each of [folder.root, folder.journal, folder.refused, folder.segments, folder.ids])
    for (const file of readdirSync(each)) {
      if (!file.endsWith(unfinishedSuffix) && !file.endsWith(`${unfinishedSuffix}.wal`)) continue;
      rmSync(join(each, file), { recursive: true, force: true });
      removed.push(join(each, file));
    }
  return removed;
}
