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
 * Prepares a folder for this version: marks its format, and removes what an earlier run left unfinished. Returns
 * warnings. REQUIRES: the folder's lock.
 */
export function takeOver(folder: DataFolder, log: Log): string[] {
  const warnings = markFormat(folder);
  const swept = sweepUnfinished(folder);
  if (swept.length > 0) log.info({ files: swept.length }, "unfinished files of an earlier run removed");
  for (const failure of sweepScratch(folder)) log.warn({ failure }, "what an earlier run left in scratch/ stays");
  return warnings;
}

/** Removes unfinished files, about which nothing was promised, and returns their paths. Before any actor starts. */
export function sweepUnfinished(folder: DataFolder): string[] {
  const removed: string[] = [];
  const { root, journal, refused, refusedEvents, segments, ids, quarantine } = folder;
  for (const each of [root, journal, refused, refusedEvents, segments, ids, quarantine])
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

/** Removes what an interrupted import left. Folders are kept: Millrace makes none there. */
export function sweepImports(folder: DataFolder): void {
  for (const entry of readdirSync(folder.imports, { withFileTypes: true }))
    if (!entry.isDirectory()) rmSync(join(folder.imports, entry.name), { force: true });
}

/** Removes ids without events: a restore puts ids into place before segments, and was killed in between. */
function sweepIdsAlone(folder: DataFolder): string[] {
  // Before its first start a restored folder has no `sealed.json`; a folder that lost its segments has one.
  if (holdsEvents(folder) || existsSync(folder.sealed)) return [];
  const alone = readdirSync(folder.ids).map((file) => join(folder.ids, file));
  for (const path of alone) rmSync(path);
  return alone;
}
