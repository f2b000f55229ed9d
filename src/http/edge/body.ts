/** Reads a request's body within the limit, and its encoding. */
import type { BodyEncoding } from "../../shard/protocol.ts";
import { Refusal } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import type { BodyHold } from "./receipt.ts";

/** The refusal of a body past the limit, before or after inflation. */
export const tooLarge = (bytesMax: number) =>
  new Refusal(413, { reason: "too_large", text: `The body is larger than ${bytesMax} bytes` });

/**
 * Reads a body. Room for it is reserved only until it is read.
 * @throws Refusal 413 past the limit, without reading on; Overloaded when there is no room for it
 */
export async function readBody(
  request: Request,
  { limits, receipt }: Pick<AcceptContext, "limits" | "receipt">,
): Promise<Uint8Array> {
  using hold = receipt.hold();
  return await receiveBody(request, limits.bodyBytesMax, hold);
}

/**
 * Reads a body. `hold` reserves room for it, which stays reserved.
 * @throws Refusal 413 past `bytesMax`, without reading on; Overloaded when there is no room for it
 */
export function receiveBody(request: Request, bytesMax: number, hold: BodyHold): Promise<Uint8Array> {
  const length = request.headers.get("content-length");
  if (length !== null) {
    const bytes = Number(length);
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    hold.add(bytes);
    return request.bytes();
  }
  return request.body === null ? Promise.resolve(new Uint8Array()) : receiveChunks(request.body, bytesMax, hold);
}

async function receiveChunks(body: ReadableStream<Uint8Array>, bytesMax: number, hold: BodyHold): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw tooLarge(bytesMax);
    hold.add(chunk.byteLength);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * Checks that a body is JSON. No Content-Type counts as JSON, as in FastAPI.
 * @throws Refusal 415
 */
export function requireJson(request: Request): void {
  const type = request.headers.get("content-type");
  if (type === null || type === "application/json") return;
  const essence = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (essence === "application/json" || (essence.startsWith("application/") && essence.endsWith("+json"))) return;
  throw new Refusal(415, { reason: "unsupported_media_type", text: "The body must be application/json" });
}

/**
 * How a body is compressed.
 * @throws Refusal 415 for an unsupported encoding
 */
export function encodingOf(request: Request): BodyEncoding {
  const encoding = request.headers.get("content-encoding")?.trim().toLowerCase();
  if (encoding === undefined || encoding === "" || encoding === "identity") return "identity";
  if (encoding === "gzip" || encoding === "x-gzip") return "gzip";
  if (encoding === "zstd") return "zstd";
  throw new Refusal(415, {
    reason: "unsupported_encoding",
    text: "Content-Encoding must be gzip, zstd or identity",
    headers: { "accept-encoding": "gzip, zstd" },
  });
}
