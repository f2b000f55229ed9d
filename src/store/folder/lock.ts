/**
 * One server for a data folder.
 *
 * Two locks, each of which alone keeps a second server out: the file `lock`, which every version knows, and the folder
 * itself, which nobody can remove while it holds anything. A file `lock` that was removed is made again by whoever
 * holds the folder.
 */
import { Database } from "bun:sqlite";
import { type BigIntStats, closeSync, fstatSync, openSync, statSync } from "node:fs";
import { codeOf, DataFolderRefused, messageOf } from "../../base/errors.ts";
import { lockOpenFolder } from "./flock.ts";
import { prepareDataFolder } from "./layout.ts";
import type { DataFolder } from "./names.ts";

/** Another process serves the folder. */
export class FolderInUse extends DataFolderRefused {}

/** A held lock; released by `dispose`, and by the kernel when the process ends in whatever way. */
type FolderLock = Disposable & {
  /**
   * Looks whether what is locked still has its name, and takes the file's name again where it was removed. Undefined:
   * the folder is this process's. Otherwise why it is not, in a sentence: nothing may be written to it any more.
   */
  lostBy(): string | undefined;
};

/** Between two looks at what is locked: a second server that was let in has accepted nothing for long. ms */
const lookEveryMs = 1_000;

/**
 * Makes a data folder where there is none, and takes it for this process. `onLost` is told, once, when it is no longer
 * this process's.
 * @throws DataFolderRefused when it cannot be made or locked, FolderInUse when another process holds it
 */
export function takeDataFolder(path: string, onLost?: (why: string) => void): { folder: DataFolder; lock: FolderLock } {
  const folder = prepareDataFolder(path);
  const lock = lockDataFolder(folder);
  if (onLost === undefined) return { folder, lock };
  const timer = setInterval(() => {
    const why = lock.lostBy();
    if (why === undefined) return;
    clearInterval(timer);
    onLost(why);
  }, lookEveryMs);
  const dispose = () => {
    clearInterval(timer);
    lock[Symbol.dispose]();
  };
  return { folder, lock: { lostBy: () => lock.lostBy(), [Symbol.dispose]: dispose } };
}

/**
 * Takes the folder for this process.
 * @throws FolderInUse when another process holds it; DataFolderRefused when it cannot be locked
 */
export function lockDataFolder(folder: DataFolder): FolderLock {
  const descriptor = openFolder(folder);
  try {
    if (lockOpenFolder(descriptor) === "held by another") throw inUse(folder);
    return new HeldLock(folder, descriptor, takeFile(folder));
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

class HeldLock implements FolderLock {
  readonly #folder: DataFolder;
  readonly #descriptor: number;
  #file: HeldFile;

  constructor(folder: DataFolder, descriptor: number, file: HeldFile) {
    this.#folder = folder;
    this.#descriptor = descriptor;
    this.#file = file;
  }

  lostBy(): string | undefined {
    const { root, lock } = this.#folder;
    try {
      if (!isSame(statSync(root, { bigint: true }), fstatSync(this.#descriptor, { bigint: true })))
        return `${root} is another folder than the one that was locked`;
      const now = statSync(lock, { bigint: true, throwIfNoEntry: false });
      if (now !== undefined && isSame(now, this.#file.stats)) return undefined;
      const again = takeFile(this.#folder);
      this.#file[Symbol.dispose]();
      this.#file = again;
      return undefined;
    } catch (error) {
      if (error instanceof FolderInUse) return `${lock} was removed, and another server has taken the folder`;
      if (codeOf(error) === "ENOENT") return `${root} was removed or renamed`;
      // A disk that does not answer, or has no room for the file, takes nobody else in.
      return undefined;
    }
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
    closeSync(this.#descriptor);
  }
}

const isSame = (one: BigIntStats, other: BigIntStats) => one.ino === other.ino && one.dev === other.dev;

const inUse = ({ root }: DataFolder) =>
  new FolderInUse(
    `data folder ${root} is in use by another server; stop it, or set MILLRACE_DATA_DIR to another folder`,
  );

function openFolder({ root }: DataFolder): number {
  try {
    return openSync(root, "r");
  } catch (error) {
    throw new DataFolderRefused(`data folder ${root} cannot be locked: ${messageOf(error)}`, { cause: error });
  }
}

type HeldFile = Disposable & { stats: BigIntStats };

function takeFile(folder: DataFolder): HeldFile {
  let held: Disposable | undefined;
  try {
    held = lockFile(folder.lock);
    if (held === undefined) throw inUse(folder);
    const taken = held;
    return { stats: statSync(folder.lock, { bigint: true }), [Symbol.dispose]: () => taken[Symbol.dispose]() };
  } catch (error) {
    held?.[Symbol.dispose]();
    if (error instanceof FolderInUse || codeOf(error) === "ENOENT") throw error;
    throw new DataFolderRefused(
      isForeign(error)
        ? `${folder.lock} holds what no server wrote there; remove this file and start again`
        : `data folder ${folder.root} cannot be locked: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

const isForeign = (error: unknown) => /^SQLITE_(NOTADB|CORRUPT)/.test(codeOf(error) ?? "");

/**
 * Takes a file, made where it is missing, for this process; undefined while another process has it.
 * An exclusive SQLite transaction is a kernel lock on the file: it ends with the process, also at SIGKILL, and unlike a
 * listening socket it holds across containers that share the folder.
 * @throws SQLite's error when it can be neither
 */
export function lockFile(path: string): Disposable | undefined {
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
