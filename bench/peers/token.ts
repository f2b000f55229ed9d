/** A bearer token as the peers check it: HS256, with a subject and an end. */
import { createHmac } from "node:crypto";

/** The key of every peer of a run, which lives no longer than their processes. Past 32 bytes, as HS256 wants it. */
export const peerSecret = "a key for servers that live for seconds on 127.0.0.1";

/** Longer than any run. Seconds. */
const lifeSeconds = 86_400;

/** A token for `peerSecret`. */
export function signToken(nowMs: number): string {
  const issued = Math.floor(nowMs / 1_000);
  const claims = { sub: "bench", iat: issued, exp: issued + lifeSeconds };
  const signed = [{ alg: "HS256", typ: "JWT" }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
    .join(".");
  return `${signed}.${createHmac("sha256", peerSecret).update(signed).digest("base64url")}`;
}
