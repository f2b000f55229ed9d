/** Changes the file of write keys, as one step for readers and for others that change it at the same time. */
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  realpathSync,
  type Stats,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { createDurably, removeIfThere, renameDurably, syncFolder } from "../../base/durable.ts";
import { codeOf, MillraceError, messageOf } from "../../base/errors.ts";
import { ContentRefused, fileSource } from "../../base/watched-content.ts";
import { lockOpen } from "../../store/folder/flock.ts";
import { parseWriteKeyFile, type WriteKey, writeKeyFileOf } from "./write-key-file.ts";
import { writeKeysBytesMax } from "./write-keys.ts";

/** The file of write keys cannot be read or changed; the message says why. */
export class WriteKeysRefused extends MillraceError {
  override readonly name = "WriteKeysRefused";
}

/** Another command holds the file for a few milliseconds; one that does for this long is stopped. ms */
const lockMsMax = 10_000;

const lockLookMs = 20;

/**
 * The entries of the file.
 * @throws WriteKeysRefused
 */
export async function readWriteKeys(path: string): Promise<WriteKey[]> {
  try {
    // As the service reads it: what one of the two takes, the other must not refuse or change.
    return parseWriteKeyFile(await fileSource(path, { bytesMax: writeKeysBytesMax }).read());
  } catch (error) {
    throw refusedFile(path, error);
  }
}

/** An edit: `change` gives the new entries, `ifMissing` says whether a missing file is made, with mode 0600. */
type Edit = { ifMissing: "make" | "refuse"; change: (keys: WriteKey[]) => WriteKey[] };

/**
 * Replaces the entries. Readers see the old file or the new one. The new one has the mode and the owner of the old one,
 * so that whoever read it still can.
 * @throws WriteKeysRefused, or what `change` throws; nothing has changed then
 */
export async function editWriteKeys(given: string, { ifMissing, change }: Edit): Promise<void> {
  let held: number | undefined;
  try {
    if (ifMissing === "make") makeIfMissing(given);
    // A rename over a link would leave the file behind the link as it was.
    const path = realpathSync(given);
    held = await lock(path);
    const text = writeKeyFileOf(change(await readWriteKeys(path)));
    if (Buffer.byteLength(text) > writeKeysBytesMax)
      throw new ContentRefused(
        `with this key it would be larger than the ${writeKeysBytesMax} bytes that a service reads`,
      );
    replace(path, text, fstatSync(held));
  } catch (error) {
    throw refusedFile(given, error);
  } finally {
    if (held !== undefined) closeSync(held);
  }
}

function makeIfMissing(path: string): void {
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return;
  if (lstatSync(path, { throwIfNoEntry: false }) !== undefined)
    throw new WriteKeysRefused(
      `${path}: the link leads to a file that does not exist; remove the link, or make the file`,
    );
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    removeIfThere(unfinished);
    createDurably(unfinished, writeKeyFileOf([]), 0o600);
    // Unlike a rename, this does not replace a file that another command has just made.
    linkSync(unfinished, path);
    syncFolder(dirname(path));
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
  } finally {
    removeIfThere(unfinished);
  }
}

/** Opens and locks the file that has this name once the lock is held. */
async function lock(path: string): Promise<number> {
  const endMs = performance.now() + lockMsMax;
  while (performance.now() < endMs) {
    // Otherwise a named pipe that nobody writes to would block the command without end.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const isHeld = lockOpen(descriptor) !== "held by another";
    // Whoever held it before has renamed another file over it.
    if (isHeld && isSame(fstatSync(descriptor), statSync(path, { throwIfNoEntry: false }))) return descriptor;
    closeSync(descriptor);
    if (!isHeld) await Bun.sleep(lockLookMs);
  }
  throw new WriteKeysRefused(
    `${path}: another process has held the file for ${lockMsMax / 1000} s; end it, and try again`,
  );
}

const isSame = (one: Stats, other: Stats | undefined) => one.ino === other?.ino && one.dev === other.dev;

function replace(path: string, text: string, { mode, uid, gid }: Stats): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  try {
    removeIfThere(unfinished);
    createDurably(unfinished, text, 0o600);
    const made = statSync(unfinished);
    if (made.uid !== uid || made.gid !== gid) chownSync(unfinished, uid, gid);
    chmodSync(unfinished, mode & 0o777);
    renameDurably({ from: unfinished, to: path });
  } finally {
    removeIfThere(unfinished);
  }
}

/** Content that is not as it must be, and errors of the system, under the file's name. */
function refusedFile(path: string, error: unknown): unknown {
  const isExpected = error instanceof ContentRefused || codeOf(error) !== undefined;
  if (!isExpected) return error;
  const message = messageOf(error);
  return new WriteKeysRefused(message.startsWith(path) ? message : `${path}: ${message}`, { cause: error });
}
