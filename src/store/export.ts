/**
 * Events as files of other formats, one for each UTC day of `timestamp`: `day=YYYY-MM-DD/events.<format>`.
 *
 * Invariants:
 * - A file has its name only when it is whole and durable. `export.json` says of each finished day how many events its file
 *   has; it is written after the file, so a day is finished when both are there.
 * - Doing it again with the same parameters does what is missing or no longer agrees with the catalog, and nothing else.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { renameDurably, syncFile, syncFolder } from "../base/durable.ts";
import { PlaceRefused } from "../base/errors.ts";
import {
  copyDayStatement,
  dayCountsQuery,
  type ExportFormat,
  type ExportRange,
  exportFormats,
} from "./export-query.ts";
import { FolderReader, retriedWhileGone } from "./folder-reader.ts";
import { keepJson, readKeptJson } from "./kept-file.ts";
import { lockFile } from "./layout.ts";
import { type DataFolder, unfinishedSuffix } from "./names.ts";

const manifestSchema = Type.Object({
  from: Type.Union([Type.String(), Type.Null()]),
  to: Type.Union([Type.String(), Type.Null()]),
  format: Type.Union(exportFormats.map((format) => Type.Literal(format))),
  /** Events in the file of each finished day. */
  days: Type.Record(Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }), Type.Integer()),
});

type Manifest = Static<typeof manifestSchema>;

/** What to export, and where to. */
type ExportOptions = ExportRange & {
  folder: DataFolder;
  format: ExportFormat;
  out: string;
  /** Told before the first day and after each: events and days that are done of those that there are. */
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

/** What an export did: all days and events that are there now, and the days that were there already. */
type ExportReport = { days: number; events: number; skipped: number };

const manifestFile = "export.json";

/** A day is sorted within this; what it needs beyond goes to the disk of the export. MiB */
const memoryMiB = 1024;

/**
 * Exports events, or goes on with an export that was interrupted.
 * @throws PlaceRefused when `out` holds something else, or an export with other parameters, or one that is running
 */
export async function exportEvents(options: ExportOptions): Promise<ExportReport> {
  const out = resolve(options.out);
  if (!existsSync(options.folder.segments))
    throw new PlaceRefused(`${options.folder.root} is no data folder: it has no segments`);
  requireExport(out);
  using lock = lockFile(join(out, "lock"));
  if (lock === undefined) throw new PlaceRefused(`another export into ${out} is running`);
  const manifest = await openManifest(out, options);
  const scratch = join(out, `scratch${unfinishedSuffix}`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { mode: 0o700 });
  try {
    return await exportDays({ ...options, out, manifest, scratch });
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

type Work = ExportOptions & { manifest: Manifest; scratch: string };

async function exportDays(work: Work): Promise<ExportReport> {
  const { out, manifest, format, onProgress } = work;
  const limits = { threads: availableParallelism(), memoryMiB, spillTo: work.scratch };
  using reader = await FolderReader.open({ folder: work.folder, scratch: work.scratch, limits });
  const counts = await freshly(reader, () => countDays(reader, work));
  for (const day of Object.keys(manifest.days)) if (!counts.has(day)) dropDay(work, day);
  const events = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const progress = { days: counts.size, daysDone: 0, events, eventsDone: 0 };
  onProgress({ ...progress, day: undefined });
  let skipped = 0;
  for (const [day, count] of counts) {
    if (manifest.days[day] === count && existsSync(fileOf(out, day, format))) skipped += 1;
    else await freshly(reader, () => exportDay(reader, work, day));
    progress.daysDone += 1;
    progress.eventsDone += count;
    onProgress({ ...progress, day });
  }
  const written = Object.values(manifest.days).reduce((sum, count) => sum + count, 0);
  return { days: counts.size, events: written, skipped };
}

async function countDays(reader: FolderReader, range: ExportRange): Promise<Map<string, number>> {
  const rows = await reader.duckdb.rows(dayCountsQuery(range));
  return new Map(rows.map((row) => [String(row["day"]), Number(row["events"])]));
}

async function exportDay(reader: FolderReader, work: Work, day: string): Promise<void> {
  const { out, manifest, format, from, to } = work;
  const path = fileOf(out, day, format);
  const unfinished = path + unfinishedSuffix;
  mkdirSync(dirname(path), { recursive: true });
  const [copied] = await reader.duckdb.rows(copyDayStatement({ from, to, day, format, path: unfinished }));
  await syncFile(unfinished);
  renameDurably({ from: unfinished, to: path });
  syncFolder(out);
  manifest.days[day] = Number(copied?.["Count"]);
  keepJson(join(out, manifestFile), manifest);
}

/** Looks at the folder anew first: from a look to its use no more time passes than one day takes. */
const freshly = <Answer>(reader: FolderReader, work: () => Promise<Answer>) =>
  retriedWhileGone(async () => {
    await reader.refresh();
    return await work();
  });

/** Removes a day that has no events any more. */
function dropDay({ out, manifest, format }: Work, day: string): void {
  rmSync(dirname(fileOf(out, day, format)), { recursive: true, force: true });
  delete manifest.days[day];
}

const fileOf = (out: string, day: string, format: ExportFormat) => join(out, `day=${day}`, `events.${format}`);

/** Makes the folder if it is missing. Nothing but an export, or what is left of one that hardly began, may be in it. */
function requireExport(out: string): void {
  mkdirSync(out, { recursive: true });
  const isOurs = (file: string) => file === "lock" || file.endsWith(unfinishedSuffix);
  if (existsSync(join(out, manifestFile)) || readdirSync(out).every(isOurs)) return;
  throw new PlaceRefused(`${out} holds something that is no export; choose an empty folder`);
}

/** The manifest of the export in `out`, written if there is none, before there is any day. */
async function openManifest(out: string, { from, to, format }: ExportOptions): Promise<Manifest> {
  const path = join(out, manifestFile);
  const wanted = { from, to, format };
  if (!existsSync(path)) {
    const begun = { ...wanted, days: {} };
    keepJson(path, begun);
    return begun;
  }
  const found = readManifest(path);
  const { days, ...parameters } = found;
  if (JSON.stringify(parameters) !== JSON.stringify(wanted))
    throw new PlaceRefused(
      `${out} holds an export with other parameters: ${JSON.stringify(parameters)}, not ${JSON.stringify(wanted)}`,
    );
  return found;
}

function readManifest(path: string): Manifest {
  const kept = readKeptJson(path);
  if (kept.kind === "sound" && Value.Check(manifestSchema, kept.value)) return kept.value;
  const why = kept.kind === "damaged" ? kept.why : "does not describe an export";
  throw new PlaceRefused(`${path} ${why}; choose another folder, or remove this one to export all days again`);
}
