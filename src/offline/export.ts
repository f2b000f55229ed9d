/**
 * Exports events to files of other formats, one for each UTC day of `timestamp`: `day=YYYY-MM-DD/events.<format>`.
 *
 * Invariants:
 * - A file has its name only once it is whole and durable. `_export.json` records what the file of each finished day
 *   holds; it is written after the file, so a day is finished once both are there.
 * - A second run with the same parameters writes only the days that are missing or no longer agree with the catalog. A
 *   day agrees if its events come from the same segments, which never change, or else if all columns of all its events
 *   are the same.
 */
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { removeIfThere, renameDurably, syncFile, syncFolder } from "../base/durable.ts";
import { requireDataFolder, requirePlaceOfItsOwn } from "../store/folder/layout.ts";
import { type DataFolder, unfinishedSuffix } from "../store/folder/names.ts";
import {
  type ExportedDay,
  type ExportManifest,
  exportScratch,
  openManifest,
  takeExportFolder,
  writeManifest,
} from "./export-manifest.ts";
import {
  copyDayStatement,
  dayContentQuery,
  dayCountsQuery,
  type ExportFormat,
  type ExportRange,
  segmentsOfDaysQuery,
} from "./export-query.ts";
import { FolderReader, retriedWhileGone } from "./folder-reader.ts";

/** What to export, and where to. */
type ExportOptions = ExportRange & {
  folder: DataFolder;
  format: ExportFormat;
  out: string;
  /** Called before the first day and after each day, with the days and events done and in total. */
  onProgress: (progress: ExportProgress) => void;
};

/** How far an export is. */
type ExportProgress = {
  day: string | undefined;
  days: number;
  daysDone: number;
  events: number;
  eventsDone: number;
};

/** What an export did: all days and events of the export, and the days that were up to date already. */
type ExportReport = { days: number; events: number; skipped: number };

/** Memory for sorting a day; beyond it DuckDB spills to the disk of the export. MiB */
const memoryMiB = 1024;

/**
 * Exports events, or continues an export that was interrupted.
 * @throws PlaceRefused when `out` is within a folder of the service, holds something else or an export with other
 * parameters, or another export into it is running
 */
export async function exportEvents(options: ExportOptions): Promise<ExportReport> {
  const out = resolve(options.out);
  requireDataFolder(options.folder);
  requirePlaceOfItsOwn(options.folder, out);
  using _lock = takeExportFolder(out);
  const manifest = openManifest(out, options);
  const scratch = exportScratch(out);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { mode: 0o700 });
  try {
    return await exportDays({ ...options, out, manifest, scratch });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Work = ExportOptions & { manifest: ExportManifest; scratch: string };

/** What the catalog has of a day; `segments` is undefined if not all of it is sealed. */
type DayInCatalog = { events: number; segments: string | undefined };

async function exportDays(work: Work): Promise<ExportReport> {
  const { manifest, onProgress } = work;
  const limits = { threads: availableParallelism(), memoryMiB, spillTo: work.scratch };
  using reader = await FolderReader.open({ folder: work.folder, scratch: work.scratch, limits, isReadOnly: true });
  const days = await freshly(reader, () => readDays(reader, work));
  for (const day of Object.keys(manifest.days)) if (!days.has(day)) dropDay(work, day);
  const events = [...days.values()].reduce((sum, day) => sum + day.events, 0);
  const progress = { days: days.size, daysDone: 0, events, eventsDone: 0 };
  onProgress({ ...progress, day: undefined });
  let skipped = 0;
  for (const [day, now] of days) {
    if (await freshly(reader, () => isUpToDate(reader, work, { day, now }))) skipped += 1;
    else await freshly(reader, () => exportDay(reader, work, day));
    progress.daysDone += 1;
    progress.eventsDone += now.events;
    onProgress({ ...progress, day });
  }
  const written = Object.values(manifest.days).reduce<number>((sum, day) => sum + eventsOf(day), 0);
  return { days: days.size, events: written, skipped };
}

const eventsOf = (day: ExportedDay | number | undefined) => (typeof day === "object" ? day.events : (day ?? 0));

async function readDays(reader: FolderReader, range: ExportRange): Promise<Map<string, DayInCatalog>> {
  const counted = await reader.duckdb.rows(dayCountsQuery(range));
  const segments = await readSegmentsOfDays(reader);
  return new Map(
    counted.map((row) => [
      String(row["day"]),
      { events: Number(row["events"]), segments: segments.get(String(row["day"])) },
    ]),
  );
}

/** Fingerprints of the segments of each day whose events are all sealed. */
async function readSegmentsOfDays({ duckdb, segments }: FolderReader): Promise<Map<string, string>> {
  if (segments.length === 0) return new Map();
  const rows = await duckdb.rows(segmentsOfDaysQuery(segments));
  return new Map(rows.map(({ day, segments }) => [String(day), String(segments)]));
}

/**
 * Whether the file of a day agrees with the catalog. The events themselves are read only if their segments differ.
 */
async function isUpToDate(
  reader: FolderReader,
  { out, manifest, format, from, to }: Work,
  { day, now }: { day: string; now: DayInCatalog },
): Promise<boolean> {
  const done = manifest.days[day];
  if (typeof done !== "object" || done.events !== now.events || !existsSync(fileOf(out, day, format))) return false;
  if (done.segments !== null && done.segments === now.segments) return true;
  const [found] = await reader.duckdb.rows(dayContentQuery({ from, to, day }));
  if (found?.["content"] !== done.content) return false;
  // Next time it is enough to compare the names.
  manifest.days[day] = { ...done, segments: now.segments ?? null };
  writeManifest(out, manifest);
  return true;
}

async function exportDay(reader: FolderReader, work: Work, day: string): Promise<void> {
  const { out, manifest, format, from, to } = work;
  const path = fileOf(out, day, format);
  const unfinished = join(dirname(path), `_${basename(path)}${unfinishedSuffix}`);
  mkdirSync(dirname(path), { recursive: true });
  // Left by the previous release. Programs that read the folder meanwhile skip only names that begin with `_`.
  removeIfThere(path + unfinishedSuffix);
  const segments = (await readSegmentsOfDays(reader)).get(day) ?? null;
  const [found] = await reader.duckdb.rows(dayContentQuery({ from, to, day }));
  const [copied] = await reader.duckdb.rows(copyDayStatement({ from, to, day, format, path: unfinished }));
  await syncFile(unfinished);
  renameDurably({ from: unfinished, to: path });
  syncFolder(out);
  manifest.days[day] = { events: Number(copied?.["Count"]), content: String(found?.["content"]), segments };
  writeManifest(out, manifest);
}

/** Refreshes the reader before the work, so that its view is never older than the export of one day takes. */
const freshly = <Answer>(reader: FolderReader, work: () => Promise<Answer>) =>
  retriedWhileGone(async () => {
    await reader.refresh();
    return await work();
  });

/** Removes a day that no longer has events. */
function dropDay({ out, manifest, format }: Work, day: string): void {
  rmSync(dirname(fileOf(out, day, format)), { recursive: true, force: true });
  delete manifest.days[day];
}

const fileOf = (out: string, day: string, format: ExportFormat) => join(out, `day=${day}`, `events.${format}`);
