/**
 * The manifest of an export, `_export.json`: its parameters and each finished day.
 *
 * Every name in the folder that is not a day begins with `_`, because programs that open the folder as a data set skip
 * such names.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { removeIfThere } from "../base/durable.ts";
import { codeOf, PlaceRefused } from "../base/errors.ts";
import { keepJson, readKeptJson } from "../store/folder/kept-file.ts";
import { lockFile } from "../store/folder/lock.ts";
import { unfinishedSuffix } from "../store/folder/names.ts";
import { type ExportFormat, type ExportRange, exportFormats } from "./export-query.ts";

const daySchema = Type.Object({
  /** Events in its file. */
  events: Type.Integer(),
  /** Fingerprint of all columns of its events. */
  content: Type.String(),
  /** Fingerprint of the segments that they came from; null if some were not sealed. */
  segments: Type.Union([Type.String(), Type.Null()]),
});

/** What the file of a finished day holds. */
export type ExportedDay = Static<typeof daySchema>;

const manifestSchema = Type.Object({
  from: Type.Union([Type.String(), Type.Null()]),
  to: Type.Union([Type.String(), Type.Null()]),
  format: Type.Union(exportFormats.map((format) => Type.Literal(format))),
  days: Type.Record(Type.String({ pattern: "^\\d{4}-\\d{2}-\\d{2}$" }), Type.Union([daySchema, Type.Integer()])),
});

/**
 * Parameters and finished days of an export. A day is a number if the previous release wrote it: it recorded only the
 * count of the events.
 */
export type ExportManifest = Static<typeof manifestSchema>;

const manifestFile = "_export.json";
const lockName = "_lock";
const scratchName = `_scratch${unfinishedSuffix}`;

/** Names of the previous release, which programs that read the folder as a data set did not skip. */
const earlier = { manifest: "export.json", lock: "lock", scratch: `scratch${unfinishedSuffix}` } as const;

/** The folder inside an export into which DuckDB may spill. */
export const exportScratch = (out: string) => join(out, scratchName);

/**
 * Makes the folder of an export if it is missing, and locks it for this process.
 * @throws PlaceRefused when it holds something else, or another export into it is running
 */
export function takeExportFolder(out: string): Disposable {
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") throw new PlaceRefused(`${out} is a file`);
    throw error;
  }
  const isOurs = (file: string) => file === lockName || file === earlier.lock || file.endsWith(unfinishedSuffix);
  const isExport = existsSync(join(out, manifestFile)) || existsSync(join(out, earlier.manifest));
  if (!isExport && !readdirSync(out).every(isOurs))
    throw new PlaceRefused(`${out} holds something that is not an export; choose an empty folder`);
  const lock = lockFile(join(out, lockName));
  if (lock === undefined) throw new PlaceRefused(`another export into ${out} is running`);
  try {
    takeEarlierLock(out);
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
  return lock;
}

/** Refuses if a process of the previous release runs on the folder; otherwise removes the lock and scratch it left. */
function takeEarlierLock(out: string): void {
  const path = join(out, earlier.lock);
  if (!existsSync(path)) return;
  using lock = lockFile(path);
  if (lock === undefined) throw new PlaceRefused(`another export into ${out} is running`);
  removeIfThere(path);
  rmSync(join(out, earlier.scratch), { recursive: true, force: true });
}

/**
 * Reads the manifest of an export, or makes an empty one, and writes it before any day is written. REQUIRES: the folder
 * is locked.
 * @throws PlaceRefused when the file is not a manifest, or is one of an export with other parameters
 */
export function openManifest(out: string, wanted: ExportRange & { format: ExportFormat }): ExportManifest {
  const parameters = { from: wanted.from, to: wanted.to, format: wanted.format };
  const found = readManifest(join(out, manifestFile)) ?? readManifest(join(out, earlier.manifest));
  if (found !== undefined) {
    const { days: _, ...given } = found;
    if (JSON.stringify(given) !== JSON.stringify(parameters))
      throw new PlaceRefused(
        `${out} holds an export with other parameters: ${JSON.stringify(given)}, not ${JSON.stringify(parameters)}`,
      );
  }
  const manifest = found ?? { ...parameters, days: {} };
  writeManifest(out, manifest);
  removeIfThere(join(out, earlier.manifest));
  return manifest;
}

/** Writes a manifest, durably. */
export const writeManifest = (out: string, manifest: ExportManifest) => keepJson(join(out, manifestFile), manifest);

function readManifest(path: string): ExportManifest | undefined {
  const kept = readKeptJson(path);
  if (kept.kind === "missing") return undefined;
  if (kept.kind === "damaged") throw new PlaceRefused(`${path} ${kept.why}: choose an empty folder and export again`);
  if (Value.Check(manifestSchema, kept.value)) return kept.value;
  const { path: place = "", message = "" } = Value.Errors(manifestSchema, kept.value).First() ?? {};
  throw new PlaceRefused(`${path} does not describe an export: ${place} ${message}`);
}
