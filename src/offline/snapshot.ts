/**
 * Snapshots: takes a copy of everything that is sealed at one moment, in a folder of its own, and restores it.
 *
 * Invariants:
 * - A snapshot appears whole: it is made under a temporary name beside its own, and renamed.
 * - It shares its segments with the data folder by hard links. Nobody writes a sealed file, so changes on one side do
 *   not reach the other.
 * - A restore is committed by its last rename, that of `segments`. If it is killed before, the folder still counts as
 *   empty for the next restore, and a start removes what the restore left.
 */
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { checksumOfFile, renameDurably, syncFolder } from "../base/durable.ts";
import { codeOf, PlaceRefused } from "../base/errors.ts";
import { keepTypedEvents } from "../store/catalog/kept-typed-views.ts";
import { publishedVersion, writeCatalog } from "../store/catalog/publish.ts";
import { refusedFilesIn } from "../store/catalog/refused-view.ts";
import { carryEpochs } from "../store/folder/epochs.ts";
import { markFormat, requireKnownFormat } from "../store/folder/format-mark.ts";
import { keepJson, readKeptJson } from "../store/folder/kept-file.ts";
import {
  filesIn,
  holdsEvents,
  prepareDataFolder,
  refusedEventsIn,
  requireDataFolder,
  requirePlaceOfItsOwn,
} from "../store/folder/layout.ts";
import { lockDataFolder } from "../store/folder/lock.ts";
import { type DataFolder, dataFolder, parseSegmentName, summaryFile, unfinishedSuffix } from "../store/folder/names.ts";
import { inspectSmallFiles } from "../store/small-files.ts";
import { literal } from "../store/sql/literals.ts";
import { openLockedDuckDB } from "../store/sql/lock-duckdb.ts";
import { sweepUnfinished } from "../store/sweep.ts";
import { type Carried, carrySealed } from "./carry.ts";

const summarySchema = Type.Object({
  /** When it was begun, ISO 8601 in UTC. */
  taken_at: Type.String(),
  segments: Type.Integer(),
  events: Type.Integer(),
  /** Of the segments. */
  bytes: Type.Integer(),
  /** Segments that shared their bytes with the data folder when it was made, and those that did not. */
  linked: Type.Integer(),
  copied: Type.Integer(),
  /** Smallest and largest `timestamp`, ISO 8601 in UTC; null where there is no event. */
  first_timestamp: Type.Union([Type.String(), Type.Null()]),
  last_timestamp: Type.Union([Type.String(), Type.Null()]),
});

/** What a snapshot holds: the content of `snapshot.json`. */
type SnapshotSummary = Static<typeof summarySchema>;

/** A folder that was made by a snapshot or a restore, and what it holds. */
export type SnapshotReport = SnapshotSummary & { path: string };

const limits = { threads: 2, memoryMiB: 512 };

/**
 * Takes a snapshot of a data folder into `path`. A service may write the data folder meanwhile.
 * @throws PlaceRefused when `path` is within a folder of the service, or exists and is not an empty folder, or when
 * `folder` is not a data folder
 */
export async function takeSnapshot(folder: DataFolder, path: string): Promise<SnapshotReport> {
  requireKnownFormat(folder);
  requireDataFolder(folder);
  const root = resolve(path);
  requirePlaceOfItsOwn(folder, root);
  requireEmpty(root);
  sweepBeside(root);
  const takenAt = new Date().toISOString();
  const unfinished = prepareDataFolder(unfinishedName(root, process.pid));
  markFormat(unfinished);
  try {
    const carried = carrySealed(folder, unfinished);
    const counts = await writeCatalogFor({ root, from: folder, unfinished, carried });
    const { segments, bytes, linked, copied } = carried;
    const summary = { taken_at: takenAt, segments: segments.length, bytes, linked, copied, ...counts };
    keepJson(join(unfinished.root, summaryFile), summary);
    syncFolder(unfinished.root);
    renameSync(unfinished.root, root);
    // If its name may not be durable, the snapshot is removed: it would block the next try.
    syncOr(dirname(root), () => rmSync(root, { recursive: true, force: true }));
    return { path: root, ...summary };
  } catch (error) {
    rmSync(unfinished.root, { recursive: true, force: true });
    throw error;
  }
}

/**
 * Fills a data folder without events from a snapshot, which is not changed.
 * @throws PlaceRefused when `path` holds events, or `from` is not a whole snapshot; DataFolderRefused when a server
 * holds `path`
 */
export async function restoreSnapshot(from: string, path: string): Promise<SnapshotReport> {
  const snapshot = dataFolder(resolve(from));
  requireKnownFormat(snapshot);
  const summary = readSummary(snapshot);
  await requireSound(snapshot);
  const folder = prepareDataFolder(path);
  using _lock = lockDataFolder(folder);
  sweepUnfinished(folder);
  if (holdsEvents(folder) || holdsOtherRefused(folder, snapshot))
    throw new PlaceRefused(`${folder.root} holds events; restore into an empty folder`);
  const unfinished = dataFolder(join(folder.root, `restore${unfinishedSuffix}`));
  try {
    const { segments, ids, refusedEvents } = unfinished;
    for (const each of [segments, ids, refusedEvents]) mkdirSync(each, { recursive: true });
    const carried = carrySealed(snapshot, unfinished);
    const counts = await writeCatalogFor({ root: folder.root, from: snapshot, unfinished, carried });
    if (carried.segments.length !== summary.segments || counts.events !== summary.events)
      throw new PlaceRefused(
        `${snapshot.root} is not a whole snapshot: it has ${carried.segments.length} segments with ${counts.events} events, ` +
          `and was made with ${summary.segments} and ${summary.events}`,
      );
    if (existsSync(unfinished.erasures)) renameSync(unfinished.erasures, folder.erasures);
    keepTypedEvents(folder, carried.typedEvents);
    carryEpochs(unfinished, folder);
    renameSync(unfinished.catalog, folder.catalog);
    renameDurably({ from: unfinished.ids, to: folder.ids });
    for (const file of refusedEventsIn(unfinished))
      renameDurably({ from: join(unfinished.refusedEvents, file), to: join(folder.refusedEvents, file) });
    if (existsSync(unfinished.quarantine)) renameDurably({ from: unfinished.quarantine, to: folder.quarantine });
    renameSync(unfinished.segments, folder.segments);
    // Undone on failure: otherwise the next try would find events in the folder, and refuse it.
    syncOr(folder.root, () => renameSync(folder.segments, unfinished.segments));
    return { ...summary, linked: carried.linked, copied: carried.copied, path: folder.root };
  } finally {
    rmSync(unfinished.root, { recursive: true, force: true });
  }
}

/** Whether a folder has refused events that did not come from this snapshot, by a restore that was killed. */
function holdsOtherRefused(folder: DataFolder, snapshot: DataFolder): boolean {
  const bytesOf = (place: DataFolder, file: string) => {
    const path = join(place.refusedEvents, file);
    return existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  };
  return refusedEventsIn(folder).some((file) => {
    const bytes = bytesOf(folder, file);
    return bytes.byteLength > 0 && !bytes.equals(bytesOf(snapshot, file));
  });
}

/**
 * Checks a snapshot before any of it is put in place: only regular files, and segments that match the checksums in
 * their names.
 * @throws PlaceRefused naming the first file that is not sound
 */
async function requireSound(snapshot: DataFolder): Promise<void> {
  const refuse = (path: string, why: string): never => {
    throw new PlaceRefused(`${path} ${why}; nothing was restored. Take another copy of the snapshot`);
  };
  const [damaged] = inspectSmallFiles(snapshot);
  if (damaged !== undefined) refuse(join(snapshot.root, damaged.file), damaged.text);
  for (const folder of [snapshot.segments, snapshot.ids, snapshot.refusedEvents])
    for (const file of filesIn(folder)) {
      const path = join(folder, file);
      if (!lstatSync(path).isFile()) refuse(path, "is not a regular file");
      const name = parseSegmentName(file);
      if (name !== undefined && (await checksumOfFile(path)) !== name.crc32)
        refuse(path, "does not match the checksum in its name");
    }
  if (existsSync(snapshot.erasures) && !lstatSync(snapshot.erasures).isFile())
    refuse(snapshot.erasures, "is not a regular file");
}

/** Syncs a folder after the committing rename. If that fails, undoes the rename, so that all of it can be retried. */
function syncOr(folder: string, undo: () => void): void {
  try {
    syncFolder(folder);
  } catch (error) {
    undo();
    throw error;
  }
}

const unfinishedName = (root: string, pid: number) => `${root}.${pid}${unfinishedSuffix}`;

function requireEmpty(root: string): void {
  try {
    if (readdirSync(root).length > 0)
      throw new PlaceRefused(`${root} is not empty; a snapshot needs a folder of its own`);
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") throw new PlaceRefused(`${root} is a file`);
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** Removes unfinished snapshots of this name whose processes are dead. */
function sweepBeside(root: string): void {
  const folder = dirname(root);
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    if (!file.startsWith(`${basename(root)}.`) || !file.endsWith(unfinishedSuffix)) continue;
    const pid = Number(file.slice(basename(root).length + 1, -unfinishedSuffix.length));
    if (Number.isInteger(pid) && !isAlive(pid)) rmSync(join(folder, file), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== "ESRCH";
  }
}

/** Writes the catalog for `root` into `unfinished`, where the segments are for now, and queries it for the counts. */
async function writeCatalogFor(made: { root: string; from: DataFolder; unfinished: DataFolder; carried: Carried }) {
  const { root, from, unfinished, carried } = made;
  using duckdb = await openLockedDuckDB(limits, { folders: [from.root, unfinished.root] });
  await duckdb.run(`SET VARIABLE millrace_dir = ${literal(unfinished.root)}`);
  await writeCatalog(duckdb, unfinished.catalog, {
    root,
    segments: carried.segments,
    unsealed: undefined,
    // None: events that are not sealed may be older than those that are.
    watermarks: [],
    erasures: carried.erasures,
    refusedFiles: refusedFilesIn(unfinished.root, refusedEventsIn(unfinished)),
    typedEvents: carried.typedEvents,
    version: await publishedVersion(duckdb, from),
    publishedAtMs: Date.now(),
  });
  await duckdb.run(`ATTACH ${literal(unfinished.catalog)} AS taken (READ_ONLY)`);
  // The rollups give the first and the last hour; only the events of those two hours are read.
  const [hours] = await duckdb.rows(
    "SELECT coalesce(sum(events), 0)::DOUBLE AS events, min(hour) AS first, max(hour) AS last FROM taken.events_hourly",
  );
  const events = Number(hours?.["events"]);
  if (events === 0) return { events, first_timestamp: null, last_timestamp: null };
  const [range] = await duckdb.rows(
    `SELECT ${isoText("min(timestamp)")} AS first, ${isoText("max(timestamp)")} AS last FROM taken.events
     WHERE timestamp < ${literal(String(hours?.["first"]))}::TIMESTAMPTZ + INTERVAL 1 HOUR
        OR timestamp >= ${literal(String(hours?.["last"]))}::TIMESTAMPTZ`,
  );
  return { events, first_timestamp: String(range?.["first"]), last_timestamp: String(range?.["last"]) };
}

const isoText = (time: string) => `strftime(${time} AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ')`;

function readSummary(snapshot: DataFolder): SnapshotSummary {
  const path = join(snapshot.root, summaryFile);
  const kept = readKeptJson(path);
  if (kept.kind === "missing") throw new PlaceRefused(`${snapshot.root} is not a snapshot: it has no ${summaryFile}`);
  if (kept.kind === "damaged")
    throw new PlaceRefused(`${path} ${kept.why}; restore it from another copy of the snapshot`);
  if (Value.Check(summarySchema, kept.value)) return kept.value;
  throw new PlaceRefused(`${path} does not describe a snapshot`);
}
