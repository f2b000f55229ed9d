/**
 * Every step that must survive a power loss, in one place.
 *
 * Invariants:
 * - A file's bytes are durable after `sync`, its name only after `syncFolder`.
 * - A failed sync says nothing about what is on disk, and a second one that succeeds says nothing either (the kernel may
 *   have dropped the pages): the caller gives the descriptor up.
 */
import { closeSync, fdatasyncSync, fsyncSync, ftruncateSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { openKept } from "./descriptors.ts";
import { codeOf } from "./errors.ts";

/**
 * Writes all of `bytes` at `position`, or where the descriptor stands.
 * @throws the system's error; some of the bytes may then be in the file
 */
export function writeAll(descriptor: number, bytes: Uint8Array, position?: number): void {
  let written = 0;
  while (written < bytes.byteLength) {
    const at = position === undefined ? null : position + written;
    written += writeSync(descriptor, bytes, written, bytes.byteLength - written, at);
  }
}

/**
 * Writes all of `bytes` where the descriptor stands and syncs them.
 * Synchronous on purpose: asynchronous calls wait for one of few threads, which all of the process share.
 * @throws the system's error; some of the bytes may then be in the file
 */
export function appendDurably(descriptor: number, bytes: Uint8Array): void {
  writeAll(descriptor, bytes);
  fdatasyncSync(descriptor);
}

/** Makes the names in a folder durable: creations, renames and removals before the call. */
export function syncFolder(folder: string): void {
  const descriptor = openKept(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes the bytes of a closed file durable. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** Cuts a file to `lengthBytes`, durably. */
export function truncateDurably(path: string, lengthBytes: number): void {
  const descriptor = openKept(path, "r+");
  try {
    ftruncateSync(descriptor, lengthBytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives a synced file its final name, replacing what had it: after this, and not before, it is there. */
export function renameDurably(names: { from: string; to: string }): void {
  renameSync(names.from, names.to);
  syncFolder(dirname(names.to));
}

/** Removes a file if it is there. Not synced: a removal that a power loss undoes is done again by the next start. */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** CRC-32 of a whole file, read in pieces so that a large one costs no memory. */
export async function checksumOfFile(path: string): Promise<number> {
  // 1 MiB is checked in 10 us and read in under 1 ms: no other work of the thread waits longer.
  const piece = new Uint8Array(1 << 20);
  await using file = await open(path, "r");
  let checksum = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.byteLength);
    if (bytesRead === 0) return checksum;
    checksum = crc32(piece.subarray(0, bytesRead), checksum);
  }
}
