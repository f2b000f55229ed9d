/**
 * Every step that must survive a power loss, in one place: create, append, replace, and the steps that these consist
 * of.
 *
 * Invariants:
 * - A file's bytes are durable after `sync`, its name only after `syncFolder`.
 * - After a failed sync nothing is known about what is on disk, even if a second sync succeeds (the kernel may have
 *   dropped the pages): the caller must give the descriptor up.
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
import { crc32 } from "./crc32.ts";
import { openKept } from "./descriptors.ts";
import { codeOf } from "./errors.ts";

/**
 * Writes all of `bytes` at `position`, or at the descriptor's own offset.
 * @throws the system's error; some of the bytes may then be in the file
 */
export function writeAll(descriptor: number, bytes: Uint8Array, position?: number): void {
  let written = 0;
  while (written < bytes.byteLength) {
    const at = position === undefined ? null : position + written;
    written += writeSync(descriptor, bytes, written, bytes.byteLength - written, at);
  }
}

// Synchronous on purpose: asynchronous calls wait for one of few threads, which the whole process shares.

/** The content of a file: bytes, pieces of them in order, or a function that writes to the descriptor it is given. */
export type Content = string | Uint8Array | readonly Uint8Array[] | ((descriptor: number) => void);

/**
 * Creates a file that does not exist yet. Its bytes are durable then; its name only after `syncFolder` or a rename.
 * @throws the system's error; the file may then exist with some of the bytes
 */
export function createDurably(path: string, content: Content, mode?: number): void {
  withFile(openKept(path, "wx", mode), (descriptor) => {
    writeContent(descriptor, content);
    fdatasyncSync(descriptor);
  });
}

/**
 * Appends to a file, creating it if needed. The bytes are durable then; the name of a new file is not.
 * @throws the system's error; some of the bytes may then be in the file
 */
export function appendToFile(path: string, content: Content): void {
  withFile(openKept(path, "a"), (descriptor) => {
    writeContent(descriptor, content);
    fdatasyncSync(descriptor);
  });
}

/**
 * Creates or replaces a file durably: at any moment, also after a power loss, readers see all of the old file or all of
 * the new one. `unfinished`: a name in the same folder, for a file that the next start removes; one that an earlier try
 * left is removed here.
 */
export function replaceFile(names: { path: string; unfinished: string }, content: Content): void {
  removeIfThere(names.unfinished);
  createDurably(names.unfinished, content);
  renameDurably({ from: names.unfinished, to: names.path });
}

/**
 * Overwrites a file with these bytes in place and without a sync, creating it if needed: for hints that must cost
 * nothing. If a named pipe has the file's name, does not wait for its reader.
 */
export function noteInPlace(path: string, bytes: Uint8Array): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK;
  withFile(openKept(path, flags), (descriptor) => {
    writeAll(descriptor, bytes, 0);
    // Damage may have left bytes after them.
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

/** Makes the names in a folder durable: all creations, renames and removals before the call. */
export const syncFolder = (folder: string): void => withFile(openKept(folder, "r"), fsyncSync);

/** Makes the bytes of a closed file durable. */
export const syncClosed = (path: string): void => withFile(openKept(path, "r"), fsyncSync);

/** Makes the bytes of a closed file durable without blocking the thread. */
export async function syncFile(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

/** Truncates a file to `lengthBytes`, durably. */
export function truncateDurably(path: string, lengthBytes: number): void {
  withFile(openKept(path, "r+"), (descriptor) => {
    ftruncateSync(descriptor, lengthBytes);
    fsyncSync(descriptor);
  });
}

/** Gives a synced file its final name, replacing any file of that name. The name is durable only after the call. */
export function renameDurably(names: { from: string; to: string }): void {
  renameSync(names.from, names.to);
  syncFolder(dirname(names.to));
}

/**
 * Removes a file if it exists. Not synced: if a power loss undoes the removal, the next start removes the file again.
 */
export function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
  }
}

/** CRC-32 of a whole file, read in pieces so that a large one takes little memory. */
export async function checksumOfFile(path: string): Promise<number> {
  // A piece of 1 MiB is read in under 1 ms and checked in 10 us: other work of the thread waits no longer.
  const piece = new Uint8Array(1 << 20);
  await using file = await open(path, "r");
  let checksum = 0;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.byteLength);
    if (bytesRead === 0) return checksum;
    checksum = crc32(piece.subarray(0, bytesRead), checksum);
  }
}
