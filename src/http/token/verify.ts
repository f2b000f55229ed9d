/**
 * Verifies tokens: HS256 by this service's secrets, RS256, ES256 and EdDSA by a key set.
 *
 * Invariants:
 * - The header's `alg` chooses between kinds of keys that share none, so a public key is never used as a secret.
 * - `kid` is only compared with those of the set; `jku`, `x5u`, `x5c` and `jwk` in a token are ignored.
 * - A token has one spelling: three parts of canonical base64url.
 */
import { errors, jwtVerify } from "jose";
import { Overloaded } from "../../base/errors.ts";
import { type Claims, nbfToleranceSeconds } from "./claims.ts";
import type { Hs256 } from "./hs256.ts";
import { isKeySetAlgorithm, type KeySet, type KeySetAlgorithm } from "./key-set.ts";
import { unauthorized } from "./unauthorized.ts";

/** The keys that tokens are verified with. */
export type TokenKeys = {
  /** Secrets, the newest first; none: HS256 does not count. */
  hs256: readonly Hs256[];
  keySet?: KeySetSource | undefined;
};

/** Where a key set comes from. */
export type KeySetSource = {
  /** Another object once it has changed; undefined: there was none so far. */
  current(): KeySet | undefined;
  /** Looks for a newer set, for a key that the current one lacks. */
  refresh(): Promise<void>;
};

/** What a token must fit. */
type Expected = { issuer: string | undefined; audience: string | undefined; nowMs: number };

/** The claims, and the key set that verified them, if one did. */
type VerifiedClaims = { claims: Claims; verifiedBy: KeySet | undefined };

/** `Retry-After` while no key set has been fetched. Seconds. */
const retryAfterSeconds = 5;

/**
 * Whether each of the three parts is base64url in its only spelling: no padding, no other alphabet, no bits after the
 * last byte.
 */
export function isCanonical(token: string): boolean {
  const parts = token.split(".");
  return parts.length === 3 && parts.every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
}

/**
 * The claims of a token whose signature, issuer, audience and `nbf` are right, and which has an `exp`. REQUIRES: it is
 * canonical.
 * @throws Refusal 401; Overloaded when no key set has been fetched so far
 */
export async function verifiedClaims(token: string, keys: TokenKeys, expected: Expected): Promise<VerifiedClaims> {
  const { alg, kid } = headerOf(token);
  if (alg === "HS256") return { claims: await bySecret(token, keys.hs256, expected), verifiedBy: undefined };
  if (!isKeySetAlgorithm(alg) || keys.keySet === undefined) throw notValid();
  const verifiedBy = await setFor(kid, keys.keySet);
  return { claims: await bySet(token, verifiedBy.keysFor({ alg, kid }), { alg, expected }), verifiedBy };
}

async function bySecret(token: string, secrets: readonly Hs256[], expected: Expected): Promise<Claims> {
  for (const secret of secrets) {
    const claims = await secret.verify(token, { ...optionsOf(expected), algorithms: ["HS256"] });
    if (claims !== false) return claims;
  }
  throw notValid();
}

async function bySet(
  token: string,
  keys: ReturnType<KeySet["keysFor"]>,
  { alg, expected }: { alg: KeySetAlgorithm; expected: Expected },
): Promise<Claims> {
  for (const key of keys)
    try {
      return (await jwtVerify(token, key, { ...optionsOf(expected), algorithms: [alg] })).payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
    }
  throw notValid();
}

/** The set that should have the key: a newer one, if the current one lacks it. */
async function setFor(kid: string | undefined, source: KeySetSource): Promise<KeySet> {
  const current = source.current();
  if (current !== undefined && (kid === undefined || current.has(kid))) return current;
  await source.refresh();
  const newer = source.current();
  // The token may be good, and after a 401 its sender would give the event up.
  if (newer === undefined) throw new Overloaded("no_key_set", retryAfterSeconds);
  return newer;
}

const optionsOf = ({ issuer, audience, nowMs }: Expected) => ({
  requiredClaims: ["exp"],
  currentDate: new Date(nowMs),
  clockTolerance: nbfToleranceSeconds,
  ...(issuer === undefined ? {} : { issuer }),
  ...(audience === undefined ? {} : { audience }),
});

/**
 * The members of a token's header that choose its key.
 * @throws Refusal 401
 */
function headerOf(token: string): { alg: unknown; kid: string | undefined } {
  let header: unknown;
  try {
    header = JSON.parse(Buffer.from(token.slice(0, token.indexOf(".")), "base64url").toString());
  } catch {
    throw notValid();
  }
  if (typeof header !== "object" || header === null) throw notValid();
  const { alg, kid, typ }: Record<string, unknown> = Object.fromEntries(Object.entries(header));
  if ((kid !== undefined && typeof kid !== "string") || !isTokenType(typ)) throw notValid();
  return { alg, kid };
}

/** Issuers sign other things with the same keys: the notice of a logout, an event about a user (RFC 8725, 3.11). */
const isTokenType = (typ: unknown) =>
  typ === undefined || (typeof typ === "string" && /^(application\/)?(at\+)?jwt$/i.test(typ));

const notValid = () => unauthorized("The token is not valid, or has expired");
