/**
 * Private folders for what a process writes on its way: a copy of what is not sealed, what DuckDB spills, pipes.
 *
 * Invariants:
 * - `scratch/NAME/lock` is held by the process that made the folder. The kernel releases it at the end of the process,
 *   whatever that is, so that only folders of processes that no longer live are removed, also across containers that
 *   share the data folder.
 * - They are 0700, and no start fails for one that cannot be removed.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf, PlaceRefused } from "../../base/errors.ts";
import { lockFile } from "./lock.ts";
import type { DataFolder } from "./names.ts";

/** A folder of this process's own, gone when it is disposed of; or swept, when the process was killed. */
export type Scratch = { path: string } & Disposable;

/** What the names begin with in the data folder. */
const ownPrefix = "run-";

/** And in a folder that is not ours alone. */
const temporaryPrefix = "millrace-scratch-";

/** A sweep may take a new folder before its lock is held; the next one is not taken again. */
const triesMax = 5;

/**
 * Makes one in the data folder; where that cannot be written to, in the system's folder for temporary files. Removes
 * those that ended processes have left there.
 * @throws PlaceRefused when there is no place
 */
export function openScratch(folder: DataFolder): Scratch {
  const reasons: string[] = [];
  for (const place of placesFor(folder))
    try {
      sweepPlace(place);
      return makeIn(place);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      reasons.push(messageOf(error));
    }
  throw new PlaceRefused(`there is no place for temporary files; ${reasons.join("; ")}`);
}

/**
 * Removes what ended processes have left of them in the data folder; gives what could not be removed, with the reason.
 */
export function sweepScratch(folder: DataFolder): string[] {
  return sweepPlace(ownPlace(folder));
}

type Place = { path: string; prefix: string };

const ownPlace = ({ scratch }: DataFolder): Place => ({ path: scratch, prefix: ownPrefix });

/** TMPDIR may name what is not there; the two that follow are on every system. */
const placesFor = (folder: DataFolder): Place[] => [
  ownPlace(folder),
  ...[...new Set([tmpdir(), "/tmp", "/var/tmp"])].map((path) => ({ path, prefix: temporaryPrefix })),
];

function makeIn({ path, prefix }: Place): Scratch {
  if (prefix === ownPrefix) mkdirSync(path, { recursive: true, mode: 0o700 });
  for (let tries = 1; ; tries++) {
    const made = mkdtempSync(join(path, prefix));
    try {
      const lock = lockFile(lockOf(made));
      if (lock !== undefined && existsSync(lockOf(made)))
        return { path: made, [Symbol.dispose]: () => remove(made, lock) };
    } catch (error) {
      if (tries === triesMax) {
        rmSync(made, { recursive: true, force: true });
        throw error;
      }
    }
  }
}

const lockOf = (path: string) => join(path, "lock");

/** What cannot be removed now goes at the next sweep. */
function remove(path: string, lock: Disposable): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
  } finally {
    lock[Symbol.dispose]();
  }
}

function sweepPlace({ path, prefix }: Place): string[] {
  const failures: string[] = [];
  for (const file of namesIn(path)) {
    if (!file.startsWith(prefix)) continue;
    const each = join(path, file);
    try {
      if (isOurs(each)) removeIfLeft(each);
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      failures.push(`${each}: ${messageOf(error)}`);
    }
  }
  return failures;
}

function namesIn(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (codeOf(error) === undefined) throw error;
    return [];
  }
}

/** Neither a link nor another user's: in a folder for everybody, anybody can make one of this name. */
function isOurs(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && found.uid === process.getuid?.();
}

function removeIfLeft(path: string): void {
  const lock = lockFile(lockOf(path));
  if (lock === undefined) return;
  try {
    rmSync(path, { recursive: true, force: true });
  } finally {
    lock[Symbol.dispose]();
  }
}
