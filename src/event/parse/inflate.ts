/** Decompresses a request body. The output has a limit: a bomb of 65 KB inflates to 64 MB. */
import { constants, gunzipSync, zstdDecompressSync } from "node:zlib";

/** The result of `inflate`. */
export type Inflated = { ok: true; bytes: Uint8Array } | { ok: false; reason: "too_large" | "corrupt" };

/**
 * Largest zstd window, as a power of two: the 8 MiB that RFC 9659 allows over HTTP. The format itself allows 2 GiB, all
 * allocated before the first byte of output.
 */
const zstdWindowLogMax = 23;

/**
 * Inflates a body of one or more gzip members or zstd frames, in memory of at most `limitBytes` and a window. A body
 * that is cut short, or followed by anything else, is corrupt.
 */
export function inflate(bytes: Uint8Array, encoding: "gzip" | "zstd", limitBytes: number): Inflated {
  try {
    if (encoding === "gzip") return { ok: true, bytes: gunzipSync(bytes, { maxOutputLength: limitBytes }) };
    if (!areWholeFrames(bytes)) return { ok: false, reason: "corrupt" };
    const params = { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax };
    return { ok: true, bytes: zstdDecompressSync(bytes, { maxOutputLength: limitBytes, params }) };
  } catch (error) {
    return { ok: false, reason: isTooLarge(error) ? "too_large" : "corrupt" };
  }
}

function isTooLarge(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) throw error;
  return error.code === "ERR_BUFFER_TOO_LARGE" || error.code === "ZSTD_error_frameParameter_windowTooLarge";
}

/**
 * Whether the bytes are complete zstd frames, one after another (RFC 8878, 3.1), and nothing else. Bun 1.4.5 reports
 * neither a frame that is cut short nor bytes after the last frame: half a body would pass for all of it.
 */
function areWholeFrames(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.byteLength) at = endOfFrame(bytes, at);
  return at === bytes.byteLength && at > 0;
}

/** Returns an offset past the end of the bytes if the frame does not end within them. */
function endOfFrame(bytes: Uint8Array, start: number): number {
  const magic = littleEndian(bytes, start, 4);
  const isSkippable = magic >= 0x184d2a50 && magic <= 0x184d2a5f;
  if (isSkippable) return start + 8 + littleEndian(bytes, start + 4, 4);
  if (magic !== 0xfd2fb528) return Number.POSITIVE_INFINITY;

  const descriptor = littleEndian(bytes, start + 4, 1);
  const isOneSegment = (descriptor & 0x20) !== 0;
  const windowBytes = isOneSegment ? 0 : 1;
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const contentSizeBytes = [isOneSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const checksumBytes = descriptor & 4;
  let at = start + 5 + windowBytes + dictionaryIdBytes + contentSizeBytes;
  while (at < bytes.byteLength) {
    const header = littleEndian(bytes, at, 3);
    const isRepeatedByte = ((header >> 1) & 3) === 1;
    at += 3 + (isRepeatedByte ? 1 : header >> 3);
    const isLast = (header & 1) === 1;
    if (isLast) return at + checksumBytes;
  }
  return Number.POSITIVE_INFINITY;
}

/** Bytes past the end count as 0. */
function littleEndian(bytes: Uint8Array, at: number, count: number): number {
  let value = 0;
  for (let index = count - 1; index >= 0; index--) value = value * 256 + (bytes[at + index] ?? 0);
  return value;
}
