/** Segments that others replaced, and the time that readers get to be done with them. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import { covers, currentSegments } from "./current.ts";
import { listNames } from "./layout.ts";
import { type DataFolder, parseSegmentName } from "./names.ts";

/** When a replaced segment may go: its replacement has had its name for so long, and stands in a published catalog. */
type Grace = { nowMs: number; graceMs: number; published: ReadonlySet<string> };

/** Removes replaced segments whose time is over; gives their names. */
export function removeReplaced(folder: DataFolder, { nowMs, graceMs, published }: Grace): string[] {
  const { current, replaced } = currentSegments(listNames(folder.segments, parseSegmentName));
  const removed: string[] = [];
  for (const { file, name } of replaced) {
    const by = current.find((each) => covers(each.name, name));
    if (by === undefined || !published.has(by.file)) continue;
    // The rename set this time, and a restart does not set it back.
    if (statSync(join(folder.segments, by.file)).ctimeMs > nowMs - graceMs) continue;
    removeIfThere(join(folder.segments, file));
    removed.push(file);
  }
  if (removed.length > 0) syncFolder(folder.segments);
  return removed;
}
