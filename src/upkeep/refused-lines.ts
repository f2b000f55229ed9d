/**
 * Events that are in no segment: lines that DuckDB could not read, and damaged files. An erasure looks through the
 * lines by itself, and names the files, which it cannot search.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import type { ErasureRequest } from "../store/catalog/erasures.ts";
import { keptLine, readKeptLines, replaceDurably } from "../store/folder/kept-file.ts";
import { filesIn } from "../store/folder/layout.ts";
import { type DataFolder, parseSegmentName } from "../store/folder/names.ts";

/**
 * Ids of refused lines that a request is about, and paths below the data folder that cannot be looked through for it.
 */
type OutsideSegments = { ids: string[]; notSearched: string[] };

/** Looks at what is in no segment. An SQL condition cannot be evaluated on a line that DuckDB refused. */
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

/** Takes away the lines that a request is about, durably. */
export function removeRefusedLines(folder: DataFolder, request: ErasureRequest): void {
  for (const file of readdirSync(folder.refused)) {
    const path = join(folder.refused, file);
    const { kept, gone, damaged } = partLines(path, request);
    if (gone.length === 0) continue;
    if (kept.length + damaged.length === 0) {
      removeIfThere(path);
    } else {
      // A damaged line stays as it is: nobody can tell whose it was, and a person may.
      const whole = damaged.flatMap(({ bytes }) => [bytes, Buffer.from("\n")]);
      replaceDurably(path, Buffer.concat([...kept.map((line) => Buffer.from(keptLine(line))), ...whole]));
    }
  }
  // Also when nothing was left to do: a try before this one may have failed at just this sync.
  syncFolder(folder.refused);
}

/** Lines that a request is not about, ids of those that it is, and lines that nobody can read. */
function partLines(path: string, request: ErasureRequest) {
  const { values, damaged } = readKeptLines(path);
  const [[column, value] = ["", ""]] = Object.entries(request);
  const kept: Record<string, unknown>[] = [];
  const gone: string[] = [];
  for (const line of values) {
    // A line is {"reason", "line"}, and what stands in "line" is an event in the columns of `events`.
    const event = JSON.parse(String(line["line"]));
    if (event[column] === value) gone.push(event.event_id);
    else kept.push(line);
  }
  return { kept, gone, damaged };
}
