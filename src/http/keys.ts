/** The HS256 key: given, or made once and kept in the data folder. */
import { chmodSync, closeSync, linkSync, openSync, readFileSync } from "node:fs";
import { appendDurably, removeIfThere, syncFolder } from "../base/durable.ts";
import { codeOf, DataFolderRefused, messageOf } from "../base/errors.ts";
import { jwtSecretBytesMin } from "../config/config.ts";
import { type DataFolder, unfinishedSuffix } from "../store/names.ts";
import { judgeSecret, keepSecretChecksum, mendedWarning, secretIn } from "../store/secret-checksum.ts";

/** A key, whether this call made it, and what a person should know of its file. */
type SecretKey = { secret: string; isNew: boolean; warnings?: string[] };

/**
 * The key of a data folder, made on first use: 32 random bytes, readable by the owner alone.
 * Two processes that come first at once agree: the name is given by a link, which only one of them gets.
 * @throws DataFolderRefused when the file is there and no key, or cannot be made
 */
export function secretOf(folder: DataFolder): SecretKey {
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
  const descriptor = openSync(unfinished, "wx", 0o600);
  try {
    appendDurably(descriptor, Buffer.from(`${secret}\n`));
  } finally {
    closeSync(descriptor);
  }
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

function readSecret(folder: DataFolder): { secret: string; warnings: string[] } | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(folder.secret);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
  const judged = judgeSecret(folder, bytes);
  if (judged.kind === "mended") return { secret: judged.secret, warnings: [mendedWarning] };
  const secret = secretIn(bytes);
  if (Buffer.byteLength(secret) < jwtSecretBytesMin)
    throw new DataFolderRefused(
      `${folder.secret} is too short to be a key; restore it, or remove it to make a new one`,
    );
  // Made by the release before, or by a person.
  if (judged.kind === "none") keepSecretChecksum(folder, secret);
  return { secret, warnings: "why" in judged ? [judged.why] : [] };
}
