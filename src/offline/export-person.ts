/**
 * Exports one person's events, for a request of access: lines of JSON. First the events, as `export --format ndjson`
 * writes them, ordered by `timestamp`; then, each as `{"refused": {…}}`, those that were refused or that DuckDB could
 * not read.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { appendToFile, removeIfThere, renameDurably, syncFile } from "../base/durable.ts";
import { PlaceRefused } from "../base/errors.ts";
import { jsonOrUndefined } from "../base/json.ts";
import { belongsToPerson, isOfPerson, type Person } from "../refused/matching.ts";
import { readRefusedFile } from "../refused/refused-file.ts";
import { anonymousIdsQuery, personCondition } from "../store/catalog/erased-person.ts";
import { readKeptLines } from "../store/folder/kept-file.ts";
import { damagedFiles, filesIn, refusedEventsIn } from "../store/folder/layout.ts";
import { type DataFolder, unfinishedSuffix } from "../store/folder/names.ts";
import { readUnreadable } from "../store/folder/unreadable.ts";
import { literal } from "../store/sql/literals.ts";
import { copyOptions, ndjsonLine } from "./export-query.ts";
import { FolderReader, retriedWhileGone } from "./folder-reader.ts";

/** Whose events, and where to; `scratch` is a private folder of the caller. */
type PersonExport = { folder: DataFolder; person: string; out: string; scratch: string };

/** How many lines of each part, and paths below the data folder that could not be searched. */
type PersonReport = { events: number; refused: number; notSearched: string[] };

/** Memory for sorting; beyond it DuckDB spills to the scratch folder. MiB */
const memoryMiB = 1024;

/**
 * Writes one person's events to the file `out`, which has its name only once it is whole and durable.
 * @throws PlaceRefused when there is something of that name
 */
export async function exportPerson({ folder, person, out, scratch }: PersonExport): Promise<PersonReport> {
  const path = resolve(out);
  if (existsSync(path)) throw new PlaceRefused(`${path} is there already; remove it, or name another file`);
  const limits = { threads: availableParallelism(), memoryMiB, spillTo: join(scratch, "spill") };
  using reader = await FolderReader.open({ folder, scratch, limits, isReadOnly: true });
  const unfinished = path + unfinishedSuffix;
  try {
    const { events, ids } = await retriedWhileGone(async () => {
      await reader.refresh();
      return await copyEvents(reader, person, unfinished);
    });
    const refused = [...refusedLines(folder, { person, ids })];
    await syncFile(unfinished);
    appendToFile(unfinished, refused.join(""));
    renameDurably({ from: unfinished, to: path });
    const unreadable = readUnreadable(folder).map(({ file }) => `segments/${file}`);
    return { events, refused: refused.length, notSearched: [...unreadable, ...damagedFiles(folder)] };
  } finally {
    removeIfThere(unfinished);
  }
}

/** Writes the events to a file, and returns how many there are, and the anonymous ids that are the person's. */
async function copyEvents({ duckdb }: FolderReader, person: string, path: string) {
  await duckdb.run(`CREATE OR REPLACE TEMP TABLE ids_of_person AS ${anonymousIdsQuery("events", person)}`);
  const found = await duckdb.rows("FROM ids_of_person");
  const [copied] = await duckdb.rows(
    `COPY (SELECT ${ndjsonLine} AS line FROM events WHERE coalesce(${personCondition(person)}, false)
       ORDER BY "timestamp", received_at) TO ${literal(path)} (${copyOptions.ndjson}, USE_TMP_FILE false)`,
  );
  return { events: Number(copied?.["Count"]), ids: new Set(found.map(({ anonymous_id: id }) => String(id))) };
}

/** The lines of refused events, and of accepted ones that DuckDB could not read. */
function* refusedLines(folder: DataFolder, whose: Person): Iterable<string> {
  const isTheirs = belongsToPerson(whose);
  for (const file of refusedEventsIn(folder))
    for (const { kept } of readRefusedFile(join(folder.refusedEvents, file))) {
      if (kept === undefined || !isTheirs(kept.record)) continue;
      const { refused_at, subject, protocol, reason, event_id, event } = kept.record;
      yield lineOf({ refused_at, subject, protocol, reason, event_id }, event);
    }
  for (const file of filesIn(folder.refused))
    for (const { reason, line } of readKeptLines(join(folder.refused, file)).values) {
      const event = jsonOrUndefined(String(line));
      if (typeof event === "object" && event !== null && isOfPerson(Object.fromEntries(Object.entries(event)), whose))
        yield lineOf({ reason }, String(line));
    }
}

/** The event keeps the digits of its numbers; one that is not JSON is a string. */
function lineOf(about: object, event: string): string {
  const written = jsonOrUndefined(event) === undefined ? JSON.stringify(event) : event.replaceAll(/[\r\n]/g, " ");
  return `{"refused":${JSON.stringify(about).slice(0, -1)},"event":${written}}}\n`;
}
