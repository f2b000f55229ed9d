/**
 * Every step that must survive a power loss, in one place: create, append, replace, and the steps that they are made
 * of.
 *
 * Invariants:
 * - A file's bytes are durable after `sync`, its name only after `syncFolder`.
 * - A failed sync says nothing about what is on disk, and a second one that succeeds says nothing either (the kernel
 *   may have dropped the pages): the caller gives the descriptor up.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
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

// Synchronous on purpose: asynchronous calls wait for one of few threads, which all of the process share.

/**
 * What goes into a file: bytes, pieces of them in their order, or whatever a function writes to the descriptor that it
 * is given.
 */
export type Content = string | Uint8Array | readonly Uint8Array[] | ((descriptor: number) => void);

/**
 * Makes a file that is not there yet, with these bytes, which are durable then; its name is not before `syncFolder` or
 * a rename.
 * @throws the system's error; the file may then be there with some of the bytes
 */
export function createDurably(path: string, content: Content, mode?: number): void {
  withFile(openKept(path, "wx", mode), (descriptor) => {
    writeContent(descriptor, content);
    fdatasyncSync(descriptor);
  });
}

/**
 * Appends to a file, and makes it where there is none; the bytes are durable then, and the name of a new file is not.
 * @throws the system's error; some of the bytes may then be in the file
 */
export function appendToFile(path: string, content: Content): void {
  withFile(openKept(path, "a"), (descriptor) => {
    writeContent(descriptor, content);
    fdatasyncSync(descriptor);
  });
}

/**
 * Replaces a file, or makes it, durably: at any moment readers, also those after a power loss, see the one before or
 * this one whole. `unfinished`: a name beside it, for a file that the next start removes; one of an earlier try is
 * removed here.
 */
export function replaceFile(names: { path: string; unfinished: string }, content: Content): void {
  removeIfThere(names.unfinished);
  createDurably(names.unfinished, content);
  renameDurably({ from: names.unfinished, to: names.path });
}

/**
 * Has a file, made where it is missing, hold these bytes, written in its place and without a sync: for hints that must
 * cost nothing. Does not wait for the reader of a named pipe that stands in its place.
 */
export function noteInPlace(path: string, bytes: Uint8Array): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK;
  withFile(openKept(path, flags), (descriptor) => {
    writeAll(descriptor, bytes, 0);
    // What damage may have put behind them.
    if (fstatSync(descriptor).size > bytes.byteLength) ftruncateSync(descriptor, bytes.byteLength);
  });
}

function withFile(descriptor: number, use: (descriptor: number) => void): void {
  try {
    use(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeContent(descriptor: number, content: Content): void {
  if (typeof content === "function") content(descriptor);
  else if (typeof content === "string") writeAll(descriptor, Buffer.from(content));
  else for (const piece of content instanceof Uint8Array ? [content] : content) writeAll(descriptor, piece);
}

/** Makes the names in a folder durable: creations, renames and removals before the call. */
export const syncFolder = (folder: string): void => withFile(openKept(folder, "r"), fsyncSync);

/** Makes the bytes of a closed file durable. */
export const syncClosed = (path: string): void => withFile(openKept(path, "r"), fsyncSync);

/** Makes the bytes of a closed file durable, and does not hold the thread meanwhile. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** Cuts a file to `lengthBytes`, durably. */
export function truncateDurably(path: string, lengthBytes: number): void {
  withFile(openKept(path, "r+"), (descriptor) => {
    ftruncateSync(descriptor, lengthBytes);
    fsyncSync(descriptor);
  });
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
