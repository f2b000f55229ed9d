/** Copies the data folder of a service that was killed, without `scratch/`: pipes of queries lie there, and no data. */

import { cpSync } from "node:fs";
import { join } from "node:path";

/** Copies a data folder to a path that may exist. */
export function copyFolder(dataDir: string, to: string): void {
  const scratch = join(dataDir, "scratch");
  cpSync(dataDir, to, { recursive: true, filter: (path) => path !== scratch });
}
