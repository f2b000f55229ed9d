/**
 * One server for a data folder.
 *
 * There are two locks, and each of them alone keeps a second server out: the file `lock`, which every version knows,
 * and the folder itself, which cannot be removed while it holds anything. If the file `lock` was removed, the process
 * that holds the folder makes it again.
 */
import { Database } from "bun:sqlite";
import { type BigIntStats, closeSync, fstatSync, openSync, statSync } from "node:fs";
import { codeOf, DataFolderRefused, messageOf } from "../../base/errors.ts";
import { lockOpen } from "./flock.ts";
import { prepareDataFolder } from "./layout.ts";
import type { DataFolder } from "./names.ts";

/** Another process serves the folder. */
export class FolderInUse extends DataFolderRefused {}

/** A held lock; released by `dispose`, and by the kernel however the process ends. */
type FolderLock = Disposable & {
  /**
   * Checks that the locked folder and file still have their names; if the file was removed, makes and locks it again.
   * Returns undefined while this process holds the folder, and otherwise a sentence that says why it does not: then
   * nothing more may be written to it.
   */
  lostBy(): string | undefined;
};

/** Interval of the checks of a held lock: so short that a second server that got in has accepted little. ms */
const lookEveryMs = 1_000;

/**
 * Makes a data folder if there is none, and locks it for this process. `onLost` is called once, when the lock is lost.
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
 * Locks the folder for this process.
 * @throws FolderInUse when another process holds it; DataFolderRefused when it cannot be locked
 */
export function lockDataFolder(folder: DataFolder): FolderLock {
  const descriptor = openFolder(folder);
  try {
    if (lockOpen(descriptor) === "held by another") throw inUse(folder);
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
      // On a disk that does not answer or has no room for the file, no other server can take the folder either.
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
 * Locks a file for this process, and makes it if it is missing. Undefined if another process holds it.
 * An exclusive SQLite transaction is a kernel lock on the file: it ends with the process, also at SIGKILL, and unlike a
 * listening socket it holds across containers that share the folder.
 * @throws SQLite's error when the file cannot be made or locked
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
