/** The HS256 key: configured, or made once and kept in the data folder. */
import { isUtf8 } from "node:buffer";
import { createHmac } from "node:crypto";
import { chmodSync, constants, linkSync, lstatSync, readFileSync, type Stats, statSync } from "node:fs";
import { createDurably, removeIfThere, syncFolder } from "../../base/durable.ts";
import { codeOf, DataFolderRefused, messageOf } from "../../base/errors.ts";
import { jwtSecretBytesMin } from "../../config/config.ts";
import { type DataFolder, unfinishedSuffix } from "../../store/folder/names.ts";
import { judgeSecret, keepSecretChecksum, mendedWarning, secretIn } from "../../store/folder/secret-checksum.ts";

/** A key, whether this call made it, and warnings about its file. */
type SecretKey = { secret: string; isNew: boolean; warnings?: string[] };

/**
 * The key that this service's own tokens are signed with: the configured one, or the folder's. Where HS256 does not
 * count, only the command line signs tokens, by a key that is derived from the folder's: whoever has that file owns the
 * data anyway, and no other token of HS256 is taken.
 * @throws DataFolderRefused when the folder's key is needed and cannot be used
 */
export function signingSecretOf(
  folder: DataFolder,
  { jwtSecret, hs256 }: { jwtSecret: string | undefined; hs256: "on" | "off" },
): SecretKey {
  if (hs256 === "on") return jwtSecret === undefined ? secretOf(folder) : { secret: jwtSecret, isNew: false };
  const { secret, warnings = [] } = secretOf(folder);
  return {
    secret: createHmac("sha256", secret).update("millrace commands").digest("base64url"),
    isNew: false,
    warnings,
  };
}

/**
 * The key of a data folder, made on first use: 32 random bytes, readable by the owner alone. Two processes that start
 * at once agree on one key: the file gets its name by a link, and only one link succeeds.
 * @throws DataFolderRefused when the file exists and is not a key, or cannot be made
 */
function secretOf(folder: DataFolder): SecretKey {
  const kept = readSecret(folder);
  if (kept !== undefined) return { ...kept, isNew: false };
  try {
    return makeSecret(folder);
  } catch (error) {
    throw new DataFolderRefused(`no key can be kept in ${folder.root}: ${messageOf(error)}`, { cause: error });
  }
}

function makeSecret(folder: DataFolder): SecretKey {
  const secret = Buffer.from(crypto.getRandomValues(new Uint8Array(jwtSecretBytesMin))).toString("base64url");
  const unfinished = `${folder.secret}.${process.pid}${unfinishedSuffix}`;
  removeIfThere(unfinished);
  createDurably(unfinished, `${secret}\n`, 0o600);
  try {
    chmodSync(unfinished, 0o600);
    linkSync(unfinished, folder.secret);
    syncFolder(folder.root);
    keepSecretChecksum(folder, secret);
    return { secret, isNew: true };
  } catch (error) {
    const theirs = codeOf(error) === "EEXIST" ? readSecret(folder) : undefined;
    if (theirs === undefined) throw error;
    return { ...theirs, isNew: false };
  } finally {
    removeIfThere(unfinished);
  }
}

/** Longest key that is read: a longer file is not a key. Bytes. */
const secretBytesMax = 4_096;

function readSecret(folder: DataFolder): { secret: string; warnings: string[] } | undefined {
  const found = lookAtSecret(folder);
  // The file was made by the previous release, or by a person.
  if (found?.hasChecksum === false) keepSecretChecksum(folder, found.secret);
  return found;
}

/**
 * Reads the folder's key without changing anything; undefined when there is none.
 * @throws DataFolderRefused with what is wrong and what to do
 */
export function lookAtSecret(
  folder: DataFolder,
): { secret: string; warnings: string[]; hasChecksum: boolean } | undefined {
  const bytes = bytesOfSecret(folder);
  if (bytes === undefined) return undefined;
  const judged = judgeSecret(folder, bytes);
  if (judged.kind === "mended") return { secret: judged.secret, warnings: [mendedWarning], hasChecksum: true };
  const secret = secretIn(bytes);
  if (!isUtf8(bytes) || /\p{Cc}/u.test(secret))
    throw new DataFolderRefused(
      `${folder.secret} holds other bytes than printable text and is not a key; ${restoreIt}`,
    );
  const secretBytes = Buffer.byteLength(secret);
  if (secretBytes < jwtSecretBytesMin)
    throw new DataFolderRefused(
      `${folder.secret} has ${secretBytes} bytes: too short for a key, which has at least ${jwtSecretBytesMin}; ${restoreIt}`,
    );
  return { secret, warnings: "why" in judged ? [judged.why] : [], hasChecksum: judged.kind !== "none" };
}

/**
 * Reads the key file; undefined when there is none. Refuses a file that somebody else could have read, changed or put
 * there, because whoever knows the key can sign any token.
 */
function bytesOfSecret(folder: DataFolder): Buffer | undefined {
  const path = folder.secret;
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return undefined;
  if (!found.isFile())
    throw new DataFolderRefused(
      `${path} is ${kindOf(found)} and must be a regular file; remove it, or put the key itself there`,
    );
  // The folder's owner can replace the file anyway.
  const owners = [process.getuid?.() ?? found.uid, 0, statSync(folder.root).uid];
  if (!owners.includes(found.uid))
    throw new DataFolderRefused(
      `${path} belongs to another user (${found.uid}) than the service (${process.getuid?.()}): chown ${process.getuid?.()} ${quoted(path)}`,
    );
  if ((found.mode & 0o077) !== 0)
    throw new DataFolderRefused(
      `${path} can be read or changed by others (mode ${(found.mode & 0o777).toString(8).padStart(4, "0")}): ` +
        `chmod 600 ${quoted(path)}, and make a new key if others may have read it`,
    );
  if (found.size > secretBytesMax)
    throw new DataFolderRefused(`${path} has ${found.size} bytes, and a key at most ${secretBytesMax}; ${restoreIt}`);
  return readNotFollowing(path);
}

const restoreIt = "restore it, or remove it to make a new one";

const quoted = (path: string) => `'${path.replaceAll("'", "'\\''")}'`;

const kindOf = (found: Stats) =>
  found.isSymbolicLink() ? "a symbolic link" : found.isDirectory() ? "a folder" : "a special file";

/** Neither follows a link nor waits for a writer, in case the file was exchanged since it was checked. */
function readNotFollowing(path: string): Buffer {
  try {
    return readFileSync(path, { flag: constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK });
  } catch (error) {
    throw new DataFolderRefused(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
