/**
 * Private folders for a process's temporary files: a copy of what is not sealed, what DuckDB spills, pipes, the
 * program of queries.
 *
 * Invariants:
 * - `scratch/NAME/lock` is held by the process that made the folder. The kernel releases it however the process ends.
 *   So only folders of dead processes are removed, also across containers that share the data folder.
 * - Their mode is 0700, and no start fails because one cannot be removed.
 */
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { codeOf, messageOf, PlaceRefused } from "../../base/errors.ts";
import { lockFile } from "./lock.ts";
import type { DataFolder } from "./names.ts";

/** A folder of this process's own. Disposing removes it; if the process is killed, a later sweep does. */
export type Scratch = { path: string } & Disposable;

/** Prefix of the names in the data folder. */
const ownPrefix = "run-";

/** Prefix of the names in a folder shared with other programs. */
const temporaryPrefix = "millrace-scratch-";

/** Another process's sweep may remove a new folder before its lock is held; then another one is made. */
const triesMax = 5;

/**
 * Makes one in the data folder or, if that cannot be written, in the system's folder for temporary files. First removes
 * those that dead processes left there.
 * @throws PlaceRefused when no place can be written
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
 * Removes scratch folders that dead processes left in the data folder. Returns what could not be removed, and why.
 */
export function sweepScratch(folder: DataFolder): string[] {
  return sweepPlace(ownPlace(folder));
}

type Place = { path: string; prefix: string };

const ownPlace = ({ scratch }: DataFolder): Place => ({ path: scratch, prefix: ownPrefix });

/** TMPDIR may name a folder that does not exist; `/tmp` and `/var/tmp` are on every system. */
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

/** What cannot be removed now is left to the next sweep. */
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

/** Neither a link nor another user's folder: in a shared folder, anybody can make one of this name. */
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
