/** Removes what a crash left unfinished. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../base/log.ts";
import { markFormat } from "./folder/format-mark.ts";
import { filesIn, holdsEvents } from "./folder/layout.ts";
import { type DataFolder, unfinishedSuffix } from "./folder/names.ts";
import { sweepScratch } from "./folder/scratch.ts";
import { removeUnsealedIds } from "./ids/imported-folder.ts";

/**
 * Makes a folder this version's: marks it, and removes what an earlier life left unfinished. Gives warnings. REQUIRES:
 * its lock.
 */
export function takeOver(folder: DataFolder, log: Log): string[] {
  const warnings = markFormat(folder);
  const swept = sweepUnfinished(folder);
  if (swept.length > 0) log.info({ files: swept.length }, "unfinished files of an earlier run removed");
  for (const failure of sweepScratch(folder)) log.warn({ failure }, "what an earlier run left in scratch/ stays");
  return warnings;
}

/** Removes unfinished files, which nothing was ever promised about; gives their paths. Before any actor starts. */
export function sweepUnfinished(folder: DataFolder): string[] {
  const removed: string[] = [];
  for (const each of [folder.root, folder.journal, folder.refused, folder.segments, folder.ids, folder.quarantine])
    for (const file of filesIn(each)) {
      if (!file.endsWith(unfinishedSuffix) && !file.endsWith(`${unfinishedSuffix}.wal`)) continue;
      // A restore that was killed leaves a folder.
      rmSync(join(each, file), { recursive: true, force: true });
      removed.push(join(each, file));
    }
  sweepImports(folder);
  removeUnsealedIds(folder);
  return [...removed, ...sweepIdsAlone(folder)];
}

/** Removes what an import that ended half-way left; a folder that somebody put there is not ours. */
export function sweepImports(folder: DataFolder): void {
  for (const entry of readdirSync(folder.imports, { withFileTypes: true }))
    if (!entry.isDirectory()) rmSync(join(folder.imports, entry.name), { force: true });
}

/** Ids beside no event: a restore puts them there before its segments, and was killed in between. */
function sweepIdsAlone(folder: DataFolder): string[] {
  // A restored folder has no note of what was sealed before its first start; one that lost its segments has.
  if (holdsEvents(folder) || existsSync(folder.sealed)) return [];
  const alone = readdirSync(folder.ids).map((file) => join(folder.ids, file));
  for (const path of alone) rmSync(path);
  return alone;
}
