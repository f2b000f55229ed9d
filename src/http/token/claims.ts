/** What the claims of a verified token say. */
import { subjectBytesMax } from "../../shard/bundle.ts";
import { defaultScopes, type Principal, scopes } from "./principal.ts";
import type { Revocable } from "./revoked.ts";
import { unauthorized } from "./unauthorized.ts";

/** The last second of the year 9999: a later time is a mistake, or Infinity, to which `1e999` parses. Unix seconds. */
const numericDateMax = 253_402_300_799;

/** An issuer's clock may be ahead of this machine's by this much before a token counts as not yet valid. Seconds. */
export const nbfToleranceSeconds = 60;

/** Claims by name, as they were signed; of a name that is there twice the last counts (RFC 7519, 4). */
export type Claims = Readonly<Record<string, unknown>>;

/** Who a token is for, how a list of revoked tokens names it, its beginning and its end. */
type Read = { principal: Principal; revocable: Revocable; fromMs: number; expiresMs: number };

/**
 * Reads the claims of a token whose signature is right.
 * @throws Refusal 401 when it has expired, a time in it is not one, or its subject is too long
 */
export function readClaims(claims: Claims, nowMs: number): Read {
  for (const name of ["exp", "nbf", "iat"] as const)
    if (!isNumericDate(claims[name] ?? 0)) throw unauthorized(`The token's ${name} is not a time`);
  const expiresMs = Number(claims["exp"]) * 1000;
  // The tolerance applies only to nbf.
  if (!(expiresMs > nowMs)) throw unauthorized("The token is not valid, or has expired");
  const revocable = { jti: listedName(claims["jti"]), subject: listedName(claims["sub"]) };
  const fromMs = (Number(claims["nbf"] ?? 0) - nbfToleranceSeconds) * 1000;
  return { principal: principalOf(claims), revocable, fromMs, expiresMs };
}

const isNumericDate = (value: unknown) => typeof value === "number" && value >= 0 && value <= numericDateMax;

/** A claim as a list of revoked tokens names it: a string by RFC 7519; a number is what some issuers write. */
const listedName = (claim: unknown): string | null =>
  typeof claim === "string" || typeof claim === "number" ? String(claim).toWellFormed() : null;

function principalOf(claims: Claims): Principal {
  const subject = typeof claims["sub"] === "string" ? claims["sub"].toWellFormed() : null;
  if (subject !== null && Buffer.byteLength(subject) > subjectBytesMax)
    throw unauthorized("The token's sub is too long");
  const scope = claims["scope"];
  if (scope === undefined) return { subject, scopes: defaultScopes, kind: "token" };
  const named = typeof scope === "string" ? scope.split(" ") : [];
  // Other scopes are not used here, and a token may name thousands.
  return { subject, scopes: new Set(scopes.filter((known) => named.includes(known))), kind: "token" };
}
