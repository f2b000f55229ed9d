/**
 * Tokens made by the tests themselves, so that a mistake in the service's own signing cannot hide one in its checking.
 */
import { createHmac, type KeyObject, sign } from "node:crypto";

/** What goes into a token. */
export interface TokenParts {
  readonly claims: Readonly<Record<string, unknown>>;
  /** The claims as JSON, where an object cannot say them: `{"exp":1e999}`. */
  readonly claimsText?: string;
  readonly secret: string;
  readonly header?: Readonly<Record<string, unknown>>;
  /** Hash under the HMAC; the header's `alg` is not changed by it. */
  readonly hash?: "sha256" | "sha384" | "sha512";
}

/** Signs a JWT by HMAC. */
export function signToken(parts: TokenParts): string {
  const signed = `${encoded(parts.header ?? { alg: "HS256", typ: "JWT" })}.${Buffer.from(parts.claimsText ?? JSON.stringify(parts.claims)).toString("base64url")}`;
  const signature = createHmac(parts.hash ?? "sha256", parts.secret)
    .update(signed)
    .digest("base64url");
  return `${signed}.${signature}`;
}

/** How a key of a key set signs, by the header's `alg`. */
const signatures = {
  RS256: (data: Buffer, key: KeyObject) => sign("sha256", data, key),
  ES256: (data: Buffer, key: KeyObject) => sign("sha256", data, { key, dsaEncoding: "ieee-p1363" }),
  EdDSA: (data: Buffer, key: KeyObject) => sign(null, data, key),
} as const;

/** A way to sign by a private key. */
export type KeyAlgorithm = keyof typeof signatures;

/** Signs a JWT by a private key. The header's `alg` may say another thing than how it is signed. */
export function signTokenByKey(parts: {
  readonly claims: Readonly<Record<string, unknown>>;
  /** As in `TokenParts`. */
  readonly claimsText?: string;
  readonly alg: KeyAlgorithm;
  readonly key: KeyObject;
  readonly header?: Readonly<Record<string, unknown>>;
}): string {
  const claims = parts.claimsText ?? JSON.stringify(parts.claims);
  const signed = `${encoded({ alg: parts.alg, ...parts.header })}.${Buffer.from(claims).toString("base64url")}`;
  return `${signed}.${signatures[parts.alg](Buffer.from(signed), parts.key).toString("base64url")}`;
}

/** Now in whole Unix seconds, as `exp` and `nbf` count. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function encoded(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
