/** What lies below a folder of a service that may be running: names, or files by path. */

import { readdirSync } from "node:fs";
import { join } from "node:path";

/** A running service makes and removes this file four times a second, to see whether its disk takes one. */
const diskProbe = "disk.tmp";

/** Everything below a folder, at whatever depth, by its path in the folder; without the service's probe of its disk. */
export function namesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name !== diskProbe);
}

/** The files below a folder, at whatever depth, by their whole path; without the service's probe of its disk. */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== diskProbe)
    .map((entry) => join(entry.parentPath, entry.name));
}
