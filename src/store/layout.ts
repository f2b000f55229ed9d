/** The data folder as a whole: made at first start, and locked against a second server. */
import { Database } from "bun:sqlite";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { removeIfThere, syncFolder } from "../base/durable.ts";
import { codeOf, DataFolderRefused, messageOf } from "../base/errors.ts";
import { requireKnownFormat } from "./format-mark.ts";
import { type DataFolder, dataFolder, unfinishedSuffix } from "./names.ts";

/**
 * Makes the folders that are missing, durably, and gives their paths.
 * @throws DataFolderRefused when they cannot be made, or the folder has a later format
 */
export function prepareDataFolder(path: string): DataFolder {
  const folder = dataFolder(resolve(path));
  requireKnownFormat(folder);
  try {
    const isNew = mkdirSync(folder.root, { recursive: true }) !== undefined;
    for (const each of [
      folder.journal,
      folder.corrupt,
      folder.refused,
      folder.opened,
      folder.segments,
      folder.ids,
      folder.imports,
    ])
      mkdirSync(each, { recursive: true, mode: 0o755 });
    for (const each of [folder.root, folder.journal]) syncFolder(each);
    if (isNew) syncFolder(dirname(folder.root));
    requireWritable(folder);
  } catch (error) {
    throw new DataFolderRefused(`data folder ${folder.root} cannot be written: ${messageOf(error)}`, { cause: error });
  }
  return folder;
}

/** Writes and removes a file: a folder may be there and yet be on a disk that takes nothing. */
function requireWritable(folder: DataFolder): void {
  const probe = join(folder.journal, `probe.${process.pid}${unfinishedSuffix}`);
  writeFileSync(probe, "");
  removeIfThere(probe);
}

/** A held lock; released by `dispose`, and by the kernel when the process ends in whatever way. */
export type FolderLock = Disposable;

/**
 * Takes the folder for this process.
 * @throws FolderInUse when another process holds it; DataFolderRefused when it cannot be locked
 */
export function lockDataFolder(folder: DataFolder): FolderLock {
  let lock: FolderLock | undefined;
  try {
    lock = lockFile(folder.lock);
  } catch (error) {
    throw new DataFolderRefused(`data folder ${folder.root} cannot be locked: ${messageOf(error)}`, { cause: error });
  }
  if (lock !== undefined) return lock;
  throw new FolderInUse(
    `data folder ${folder.root} is in use by another server; stop it, or set MILLRACE_DATA_DIR to another folder`,
  );
}

/**
 * Takes a file, made where it is missing, for this process; undefined while another process has it.
 * An exclusive SQLite transaction is a kernel lock on the file: it ends with the process, also at SIGKILL, and unlike a
 * listening socket it holds across containers that share the folder.
 * @throws SQLite's error when it can be neither
 */
export function lockFile(path: string): FolderLock | undefined {
  let database: Database | undefined;
  try {
    database = new Database(path, { create: true });
    database.run("PRAGMA journal_mode = MEMORY");
    database.run("BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (codeOf(error)?.startsWith("SQLITE_BUSY")) return undefined;
    throw error;
  }
  const held = database;
  return { [Symbol.dispose]: () => held.close() };
}

/** Another process serves the folder. */
export class FolderInUse extends DataFolderRefused {}

/** Whether anything is sealed, accepted or kept aside in the folder. */
export function holdsEvents(folder: DataFolder): boolean {
  const hasFile = (path: string) => readdirSync(path, { withFileTypes: true }).some((entry) => entry.isFile());
  return [folder.segments, folder.journal, folder.corrupt, folder.refused].some(hasFile);
}

/** Files of a folder that a parser knows, with what their names say, in the order of their names. */
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
