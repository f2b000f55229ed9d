/**
 * Events that are in no segment: lines that DuckDB could not read, and damaged files. An erasure searches the lines
 * itself and lists the files, which it cannot search.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import { isOfPerson } from "../refused/matching.ts";
import { readPersonIds } from "../store/catalog/erased-person.ts";
import { keptLine, readKeptLines, replaceDurably } from "../store/folder/kept-file.ts";
import { damagedFiles } from "../store/folder/layout.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { Wanted } from "./refused-events.ts";

/** Ids of refused lines that match a request, and paths below the data folder that cannot be searched for it. */
type OutsideSegments = { ids: string[]; notSearched: string[] };

/** Searches what is in no segment. An SQL condition cannot be evaluated on a line that DuckDB refused. */
export function outsideSegments(folder: DataFolder, wanted: Wanted): OutsideSegments {
  const notSearched = damagedFiles(folder);
  const ids: string[] = [];
  const files = readdirSync(folder.refused);
  const isMeant = meaningOf(wanted, files);
  for (const file of files) {
    const { gone, damaged } = partLines(join(folder.refused, file), isMeant);
    ids.push(...gone);
    if ("where" in wanted.request || damaged.length > 0) notSearched.push(`journal/refused/${file}`);
  }
  return { ids, notSearched };
}

/** Removes the lines that match a request, durably. */
export function removeRefusedLines(folder: DataFolder, wanted: Wanted): void {
  const files = readdirSync(folder.refused);
  const isMeant = meaningOf(wanted, files);
  for (const file of files) {
    const path = join(folder.refused, file);
    const { kept, gone, damaged } = partLines(path, isMeant);
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
function partLines(path: string, isMeant: Meaning) {
  const { values, damaged } = readKeptLines(path);
  const kept: Record<string, unknown>[] = [];
  const gone: string[] = [];
  for (const line of values) {
    // A line is {"reason", "line"}, and "line" holds an event in the columns of `events`.
    const event = JSON.parse(String(line["line"]));
    if (isMeant(event)) gone.push(event.event_id);
    else kept.push(line);
  }
  return { kept, gone, damaged };
}

/** Whether an event in the columns of `events` is to be erased. */
type Meaning = (event: Readonly<Record<string, unknown>>) => boolean;

function meaningOf({ request, ids }: Wanted, files: readonly string[]): Meaning {
  // There are hardly ever such files, and reading 100,000 ids takes a while.
  if (files.length === 0) return () => false;
  if ("person" in request && ids !== undefined) {
    const whose = { person: request.person, ids: readPersonIds(ids) };
    return (event) => isOfPerson(event, whose);
  }
  const [[column, value] = ["", ""]] = Object.entries(request);
  return (event) => event[column] === value;
}
