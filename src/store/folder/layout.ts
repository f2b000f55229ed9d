/** The data folder as a whole: made at first start. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { dataPathProblem } from "../../base/data-path.ts";
import { removeIfThere, syncFolder } from "../../base/durable.ts";
import { codeOf, DataFolderRefused, messageOf, PlaceRefused } from "../../base/errors.ts";
import { requireKnownFormat } from "./format-mark.ts";
import { type DataFolder, dataFolder, parseRefusedEventsName, parseSegmentName, unfinishedSuffix } from "./names.ts";

/**
 * Makes the folders that are missing, durably, and returns all paths.
 * @throws DataFolderRefused when they cannot be made, or the folder has a later format
 */
export function prepareDataFolder(path: string): DataFolder {
  const folder = dataFolder(resolve(path));
  const problem = dataPathProblem(path);
  if (problem !== undefined) throw new DataFolderRefused(`the data folder ${problem}`);
  requireKnownFormat(folder);
  try {
    const isNew = mkdirSync(folder.root, { recursive: true }) !== undefined;
    for (const each of [
      folder.journal,
      folder.corrupt,
      folder.refused,
      folder.refusedEvents,
      folder.opened,
      folder.segments,
      folder.ids,
      folder.imports,
    ])
      mkdirSync(each, { recursive: true });
    for (const each of [folder.root, folder.journal]) syncFolder(each);
    if (isNew) syncFolder(dirname(folder.root));
    requireWritable(folder);
  } catch (error) {
    throw new DataFolderRefused(`data folder ${folder.root} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return folder;
}

/**
 * For commands that read or change what a folder holds: under a mistyped name they would find nothing, make a folder
 * there, and report success.
 * @throws PlaceRefused when the folder is not a data folder
 */
export function requireDataFolder(folder: DataFolder): void {
  if (!existsSync(folder.segments))
    throw new PlaceRefused(`${folder.root} is not a data folder: it has no segments; set MILLRACE_DATA_DIR to one`);
}

/**
 * For what a command writes and a person keeps: the service sweeps its own folders, and reads what lies in them.
 * @throws PlaceRefused when `path` is within a folder that the service keeps in its data folder
 */
export function requirePlaceOfItsOwn(folder: DataFolder, path: string): void {
  const { root, ...kept } = folder;
  const [name = ""] = relative(root, resolve(path)).split(sep);
  if (Object.values(kept).includes(join(root, name)))
    throw new PlaceRefused(`${path} is within ${join(root, name)}, which the service keeps; choose another folder`);
}

/** Writes and removes a file: an existing folder may be on a disk that accepts no writes. */
function requireWritable(folder: DataFolder): void {
  const probe = join(folder.journal, `probe.${process.pid}${unfinishedSuffix}`);
  writeFileSync(probe, "");
  removeIfThere(probe);
}

/** Whether the folder holds any event: sealed, accepted, refused, corrupt or in quarantine. */
export function holdsEvents(folder: DataFolder): boolean {
  const hasFile = (path: string) => readdirSync(path, { withFileTypes: true }).some((entry) => entry.isFile());
  const isQuarantined = filesIn(folder.quarantine).some((file) => parseSegmentName(file) !== undefined);
  return isQuarantined || [folder.segments, folder.journal, folder.corrupt, folder.refused].some(hasFile);
}

/** Names in a folder, sorted; none if it does not exist. */
export function filesIn(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/**
 * Paths, below the data folder, of damaged files whose events are in no view and cannot be searched. Current segments
 * that cannot be read are in `unreadable.ts`.
 */
export function damagedFiles(folder: DataFolder): string[] {
  const corruptSegments = filesIn(folder.segments).filter((file) => file.endsWith(".corrupt"));
  const quarantined = filesIn(folder.quarantine).filter((file) => parseSegmentName(file) !== undefined);
  return [
    ...filesIn(folder.corrupt).map((file) => `journal/corrupt/${file}`),
    ...corruptSegments.map((file) => `segments/${file}`),
    ...quarantined.map((file) => `quarantine/${file}`),
  ];
}

/** Names of the files of refused events, oldest first; none in a folder of an earlier release. */
export const refusedEventsIn = (folder: DataFolder): string[] =>
  filesIn(folder.refusedEvents).filter((file) => parseRefusedEventsName(file) !== undefined);

/** Files of a folder whose names `parse` accepts, with what their names say, sorted by name. */
export function listNames<Name>(
  folder: string,
  parse: (file: string) => Name | undefined,
): { file: string; name: Name }[] {
  const known: { file: string; name: Name }[] = [];
  for (const file of readdirSync(folder).sort()) {
    const name = parse(file);
    if (name !== undefined) known.push({ file, name });
  }
  return known;
}
