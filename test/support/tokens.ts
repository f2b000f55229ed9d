/**
 * Tokens made by the tests themselves, so that a mistake in the service's own signing cannot hide one in its checking.
 */
import { createHmac } from "node:crypto";

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

/** Now in whole Unix seconds, as `exp` and `nbf` count. */
export function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

function encoded(part: Readonly<Record<string, unknown>>): string {
  return Buffer.from(JSON.stringify(part)).toString("base64url");
}
