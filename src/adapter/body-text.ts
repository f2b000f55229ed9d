/** From the bytes of a request to the bytes of its JSON or protobuf: inflated, and out of the form that beacons use. */
import { inflate } from "../event/parse/inflate.ts";
import { type Json, readJson } from "./json-text.ts";

/** What a body holds, or why it cannot be read. */
type OpenedBody = { ok: true; bytes: Uint8Array } | { ok: false; reason: "too_large" | "corrupt" };

/**
 * Inflates a body by its first bytes, whatever its headers say: browsers send gzip without a header. A form `data=…`
 * holds JSON, or base64 of JSON, possibly compressed again. Each step's output is bounded by `bytesMax`.
 */
export function openBody(raw: Uint8Array, bytesMax: number): OpenedBody {
  const inflated = inflatedOf(raw, bytesMax);
  if (!inflated.ok) return inflated;
  const form = formDataOf(inflated.bytes);
  return form === undefined ? inflated : inflatedOf(form, bytesMax);
}

function inflatedOf(bytes: Uint8Array, bytesMax: number): OpenedBody {
  const encoding = encodingIn(bytes);
  return encoding === undefined ? { ok: true, bytes } : inflate(bytes, encoding, bytesMax);
}

/** How bytes are compressed, by how they begin. */
function encodingIn(bytes: Uint8Array): "gzip" | "zstd" | undefined {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) return "gzip";
  const isZstd = bytes[0] === 0x28 && bytes[1] === 0xb5 && bytes[2] === 0x2f && bytes[3] === 0xfd;
  return isZstd ? "zstd" : undefined;
}

/** Compressed bodies become about this many times larger when inflated. */
const inflationLikely = 8;

/** The approximate size of a body once it is opened. Bytes. */
export const openedBytesLikely = (raw: Uint8Array, bytesMax: number): number =>
  encodingIn(raw) === undefined ? raw.byteLength : Math.min(bytesMax, raw.byteLength * inflationLikely);

const dataPrefix = Buffer.from("data=");

/** What a form's `data` holds; undefined if the body is not such a form. */
function formDataOf(bytes: Uint8Array): Uint8Array | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!buffer.subarray(0, dataPrefix.length).equals(dataPrefix)) return undefined;
  const end = buffer.indexOf("&");
  const encoded = buffer.toString("latin1", dataPrefix.length, end === -1 ? buffer.length : end);
  const data = unescaped(encoded);
  // A plus in base64 may have come without its escape.
  return /^\s*[[{]/.test(data) ? Buffer.from(data) : Buffer.from(data.replaceAll(" ", "+"), "base64");
}

/** A form's value; as it is if its escapes are not valid. */
function unescaped(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch (error) {
    if (error instanceof URIError) return spaced;
    throw error;
  }
}

const decoder = new TextDecoder("utf-8", { fatal: true });

/** Bytes as a string; undefined if they are not UTF-8. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Bytes as JSON. */
export function readText(bytes: Uint8Array): { ok: true; json: Json } | { ok: false; reason: string } {
  const text = utf8Of(bytes);
  if (text === undefined) return { ok: false, reason: "The body is not UTF-8" };
  const read = readJson(text);
  return read.ok ? read : { ok: false, reason: `The body is not JSON: ${read.error}` };
}
