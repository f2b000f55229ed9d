/** Files of a recovery, written whole and durably. */
import { closeSync, fdatasyncSync, openSync, readFileSync } from "node:fs";
import { renameDurably, writeAll } from "../../base/durable.ts";
import { unfinishedSuffix } from "../../store/folder/names.ts";

/**
 * Makes a file durable by writing it once more: after a sync that failed in the last life, another one of the same pages
 * that succeeds would prove nothing.
 */
export function writeAgain(path: string): void {
  writeWhole(path + unfinishedSuffix, [readFileSync(path)]);
  renameDurably({ from: path + unfinishedSuffix, to: path });
}

/** Writes these bytes and syncs them; the name is not durable yet. */
export function writeWhole(path: string, pieces: readonly Uint8Array[]): void {
  const descriptor = openSync(path, "w");
  try {
    for (const piece of pieces) writeAll(descriptor, piece);
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
