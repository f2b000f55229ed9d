/**
 * The checksum of the file `secret`, in a file beside it, so that `$(cat secret)` still gives the key and nothing else.
 *
 * With a wrong key every token is refused. So a key in which one byte is wrong is repaired by its checksum. A key that
 * a person has replaced does not match the checksum either, and no change of one byte makes it match: it is used, and
 * reported.
 */
import { crc32 } from "../../base/crc32.ts";
import { keepText, mendBytes, readKeptText } from "./kept-file.ts";
import type { DataFolder } from "./names.ts";

/** What the checksum says about a key; in "mended", `secret` is the key without the damage. */
type SecretJudgement =
  | { kind: "fits" }
  | { kind: "none" }
  | { kind: "mended"; secret: string }
  | { kind: "differs" | "damaged"; why: string };

/** The warning about a key in which one byte was wrong. */
export const mendedWarning =
  "secret is damaged: one byte differs from its checksum. The right key is in use. Check the disk, and restore the file";

const checksumOf = (secret: string) => crc32(secret).toString(16).padStart(8, "0");

/** Writes the checksum of the key that the folder keeps. */
export function keepSecretChecksum(folder: DataFolder, secret: string): void {
  keepText(folder.secretChecksum, checksumOf(secret));
}

/** The key in the bytes of its file. */
export const secretIn = (bytes: Buffer): string => bytes.toString("utf8").trim();

/** Compares the bytes of the file `secret` with its checksum. */
export function judgeSecret(folder: DataFolder, bytes: Buffer): SecretJudgement {
  const kept = readKeptText(folder.secretChecksum);
  if (kept.kind === "missing") return { kind: "none" };
  if (kept.kind === "damaged" || !/^[0-9a-f]{8}$/.test(kept.value))
    return {
      kind: "damaged",
      why: "crc32 is damaged; remove it, and the next start writes it again",
    };
  const wanted = kept.value;
  const fits = (some: Buffer) => checksumOf(secretIn(some)) === wanted;
  if (fits(bytes)) return { kind: "fits" };
  const mended = mendBytes(bytes, (changed) => (fits(changed) ? secretIn(changed) : undefined));
  if (mended !== undefined) return { kind: "mended", secret: mended };
  return {
    kind: "differs",
    why:
      "secret is not the key that its checksum was made of. If you changed it, remove crc32 and start again; " +
      "otherwise restore it, because tokens of the earlier key are refused",
  };
}
