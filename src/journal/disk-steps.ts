/** The disk operations of an open journal. They are injected, so that tests can make each one fail. */
import { closeSync, fdatasyncSync, ftruncateSync } from "node:fs";
import { openKept } from "../base/descriptors.ts";
import { removeIfThere, syncFolder, truncateDurably, writeAll } from "../base/durable.ts";

/** File operations; each throws the system's error when the disk refuses. */
export type DiskSteps = {
  /** Creates a file, which must not exist yet, and opens it for writing. */
  create(path: string): number;
  /** Writes all of the bytes at a position; a write that fails may have written some. */
  write(descriptor: number, bytes: Uint8Array, position: number): void;
  sync(descriptor: number): void;
  syncFolder(folder: string): void;
  /** Truncates an open file; not synced. */
  cut(descriptor: number, lengthBytes: number): void;
  cutDurably(path: string, lengthBytes: number): void;
  remove(path: string): void;
  close(descriptor: number): void;
};

/** The system's own operations. */
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
