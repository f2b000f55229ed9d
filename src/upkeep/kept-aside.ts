/**
 * Events that stand in no segment: lines that DuckDB did not take, and files that nobody could read. An erasure looks through
 * the former by itself, and says of the latter that it could not.
 */
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { appendDurably, removeIfThere, renameDurably, syncFolder } from "../base/durable.ts";
import type { ErasureRequest } from "../store/erasures.ts";
import { type DataFolder, unfinishedSuffix } from "../store/names.ts";

/** Ids of events kept aside that a request is about, and paths below the data folder that cannot be looked through for it. */
type KeptAside = { ids: string[]; notSearched: string[] };

/** Looks at what is kept aside. An SQL condition cannot be evaluated on a line that DuckDB refused. */
export function keptAside(folder: DataFolder, request: ErasureRequest): KeptAside {
  const notSearched = readdirSync(folder.corrupt).map((file) => `journal/corrupt/${file}`);
  for (const file of readdirSync(folder.segments)) if (file.endsWith(".corrupt")) notSearched.push(`segments/${file}`);
  const refused = readdirSync(folder.refused);
  if ("where" in request) notSearched.push(...refused.map((file) => `journal/refused/${file}`));
  return { ids: refused.flatMap((file) => partLines(join(folder.refused, file), request).gone), notSearched };
}

/** Takes away the lines that a request is about, durably. */
export function removeKeptAside(folder: DataFolder, request: ErasureRequest): void {
  for (const file of readdirSync(folder.refused)) {
    const path = join(folder.refused, file);
    const { kept, gone } = partLines(path, request);
    if (gone.length === 0) continue;
    if (kept.length === 0) {
      removeIfThere(path);
      syncFolder(folder.refused);
      continue;
    }
    const unfinished = path + unfinishedSuffix;
    removeIfThere(unfinished);
    const descriptor = openSync(unfinished, "wx", 0o600);
    try {
      appendDurably(descriptor, Buffer.from(kept.map((line) => `${line}\n`).join("")));
    } finally {
      closeSync(descriptor);
    }
    renameDurably({ from: unfinished, to: path });
  }
}

/** Lines that a request is not about, and ids of those that it is. */
function partLines(path: string, request: ErasureRequest): { kept: string[]; gone: string[] } {
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  const [[column, value] = ["", ""]] = Object.entries(request);
  const kept: string[] = [];
  const gone: string[] = [];
  for (const line of lines) {
    // A line is {"reason", "line"}, and what stands in "line" is an event in the columns of `events`.
    const event = JSON.parse(JSON.parse(line).line);
    if (event[column] === value) gone.push(event.event_id);
    else kept.push(line);
  }
  return { kept, gone };
}
