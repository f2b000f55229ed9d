/** Files of a recovery, written whole and durably. */
import { closeSync, fdatasyncSync, openSync } from "node:fs";
import { renameDurably, writeAll } from "../base/durable.ts";

/**
 * Replaces a file by these bytes, durably: after a crash it is the one before or this one. `unfinished`: a path beside it, for a
 * file that the next start removes.
 */
export function replaceWhole(path: string, unfinished: string, bytes: Uint8Array): void {
  writeWhole(unfinished, [bytes]);
  renameDurably({ from: unfinished, to: path });
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
