/** What a journal does to its files while it is open. Given to it, so that each step can be made to fail. */
import { closeSync, fdatasyncSync, ftruncateSync } from "node:fs";
import { openKept } from "../base/descriptors.ts";
import { removeIfThere, syncFolder, truncateDurably, writeAll } from "../base/durable.ts";

/** Steps on files; each throws the system's error when the disk refuses. */
export type DiskSteps = {
  /** Makes a file that is not there yet, and opens it for writing. */
  create(path: string): number;
  /** Writes all of the bytes at a position; of a write that fails some may be there. */
  write(descriptor: number, bytes: Uint8Array, position: number): void;
  sync(descriptor: number): void;
  syncFolder(folder: string): void;
  /** Cuts an open file; not synced. */
  cut(descriptor: number, lengthBytes: number): void;
  cutDurably(path: string, lengthBytes: number): void;
  remove(path: string): void;
  close(descriptor: number): void;
};

/** The steps as the system has them. */
export const diskSteps: DiskSteps = {
  create: (path) => openKept(path, "wx"),
  write: writeAll,
  sync: fdatasyncSync,
  syncFolder,
  cut: ftruncateSync,
  cutDurably: truncateDurably,
  remove: removeIfThere,
  close: closeSync,
};
