/**
 * Events that are in no segment: lines that DuckDB could not read, and damaged files. An erasure searches the lines
 * itself and lists the files, which it cannot search.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import { keptLine, readKeptLines, replaceDurably } from "../store/folder/kept-file.ts";
import { filesIn } from "../store/folder/layout.ts";
import { type DataFolder, parseSegmentName } from "../store/folder/names.ts";

/** Ids of refused lines that match a request, and paths below the data folder that cannot be searched for it. */
type OutsideSegments = { ids: string[]; notSearched: string[] };

/** Searches what is in no segment. An SQL condition cannot be evaluated on a line that DuckDB refused. */
export function outsideSegments(folder: DataFolder, request: ErasureRequest): OutsideSegments {
  const notSearched = readdirSync(folder.corrupt).map((file) => `journal/corrupt/${file}`);
  for (const file of readdirSync(folder.segments)) if (file.endsWith(".corrupt")) notSearched.push(`segments/${file}`);
  for (const file of filesIn(folder.quarantine))
    if (parseSegmentName(file) !== undefined) notSearched.push(`quarantine/${file}`);
  const ids: string[] = [];
  for (const file of readdirSync(folder.refused)) {
    const { gone, damaged } = partLines(join(folder.refused, file), request);
    ids.push(...gone);
    if ("where" in request || damaged.length > 0) notSearched.push(`journal/refused/${file}`);
  }
  return { ids, notSearched };
}

/** Removes the lines that match a request, durably. */
export function removeRefusedLines(folder: DataFolder, request: ErasureRequest): void {
  for (const file of readdirSync(folder.refused)) {
    const path = join(folder.refused, file);
    const { kept, gone, damaged } = partLines(path, request);
    if (gone.length === 0) continue;
    if (kept.length + damaged.length === 0) {
      removeIfThere(path);
    } else {
      // A damaged line stays as it is: no program can tell whose it was, but a person may.
      const whole = damaged.flatMap(({ bytes }) => [bytes, Buffer.from("\n")]);
      replaceDurably(path, Buffer.concat([...kept.map((line) => Buffer.from(keptLine(line))), ...whole]));
    }
  }
  // Synced even when nothing was removed: an earlier try may have failed at this sync.
  syncFolder(folder.refused);
}

/** Splits a file into lines that do not match, ids of lines that match, and damaged lines. */
function partLines(path: string, request: ErasureRequest) {
  const { values, damaged } = readKeptLines(path);
  const [[column, value] = ["", ""]] = Object.entries(request);
  const kept: Record<string, unknown>[] = [];
  const gone: string[] = [];
  for (const line of values) {
    // A line is {"reason", "line"}, and "line" holds an event in the columns of `events`.
    const event = JSON.parse(String(line["line"]));
    if (event[column] === value) gone.push(event.event_id);
    else kept.push(line);
  }
  return { kept, gone, damaged };
}
