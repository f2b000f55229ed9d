/** A JSON Web Key Set (RFC 7517): which of its keys verify tokens, and which do not count. */
import { createPublicKey } from "node:crypto";
import type { JWK } from "jose";
import { ContentRefused } from "../../base/watched-content.ts";

/** How tokens of others may be signed, and the keys for it (RFC 7518, 3.1; RFC 8037). */
const kinds = {
  RS256: { kty: "RSA", crv: undefined, alsoNamed: undefined, members: ["n", "e"] },
  ES256: { kty: "EC", crv: "P-256", alsoNamed: undefined, members: ["crv", "x", "y"] },
  EdDSA: { kty: "OKP", crv: "Ed25519", alsoNamed: "Ed25519", members: ["crv", "x"] },
} as const;

/** One of these ways. */
export type KeySetAlgorithm = keyof typeof kinds;

/** Whether an `alg` is one of these ways. */
export const isKeySetAlgorithm = (alg: unknown): alg is KeySetAlgorithm =>
  typeof alg === "string" && Object.hasOwn(kinds, alg);

/** A key that verifies; `jwk` has only what is needed for it. */
type VerifyingKey = { alg: KeySetAlgorithm; kid: string | undefined; jwk: Readonly<JWK> };

/** The keys of a set. */
export type KeySet = {
  /** Keys that may have signed a token with this header: those of its `kid`, or all if it has none. */
  keysFor(header: { alg: KeySetAlgorithm; kid: string | undefined }): readonly Readonly<JWK>[];
  /** Whether the set has a key of this `kid`. */
  has(kid: string): boolean;
  /** Keys that do not count, each with the reason; shows nothing secret. */
  readonly ignored: readonly string[];
};

/** A set is a few keys; two hundred of RSA. Bytes. */
export const keySetBytesMax = 256 * 1024;

/** Shorter ones can be broken (RFC 7518, 3.3). Bits. */
const rsaBitsMin = 2_048;

/** Verifying with a longer one takes milliseconds. Bits. */
const rsaBitsMax = 8_192;

/** A token without `kid` is tried with this many keys at most: anybody can send one. */
const triesMax = 4;

/**
 * Parses a set. A key that cannot verify such tokens is ignored, as RFC 7517, 5 asks, and so is one that must not be in
 * a published set: symmetric, or with its private part.
 * @throws ContentRefused when it is not a set, or has keys and none of them counts
 */
export function parseKeySet(text: string): KeySet {
  const given = keysIn(text);
  const keys: VerifyingKey[] = [];
  const ignored: string[] = [];
  for (const [index, value] of given.entries()) {
    const judged = judgeKey(value);
    if (typeof judged === "string") ignored.push(`key ${index + 1}${labelOf(value)} ${judged}`);
    else keys.push(judged);
  }
  if (given.length > 0 && keys.length === 0)
    throw new ContentRefused(`none of its keys can verify a token: ${ignored.slice(0, 5).join("; ")}`);
  const byKid = Map.groupBy(keys, ({ kid }) => kid);
  const keysFor = ({ alg, kid }: { alg: KeySetAlgorithm; kid: string | undefined }) =>
    (kid === undefined ? keys : (byKid.get(kid) ?? []))
      .filter((key) => key.alg === alg)
      .slice(0, triesMax)
      .map(({ jwk }) => jwk);
  return { keysFor, has: (kid) => byKid.has(kid), ignored };
}

function keysIn(text: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // What the parser says may show a part of a private key.
    throw new ContentRefused("the key set is not JSON");
  }
  const keys = typeof value === "object" && value !== null && "keys" in value ? value.keys : undefined;
  if (!Array.isArray(keys)) throw new ContentRefused('the key set must be {"keys": […]}');
  return keys;
}

/** The key, or why it does not count. */
function judgeKey(value: unknown): VerifyingKey | string {
  if (typeof value !== "object" || value === null) return "is not an object";
  const members: Record<string, unknown> = Object.fromEntries(Object.entries(value));
  const { kty, crv, alg, use, key_ops: operations, kid } = members;
  if (kty === "oct" || "k" in members) return "is symmetric: whoever reads the set could sign tokens";
  if ("d" in members) return "has its private part: remove that from the set, and sign with another key";
  const named = Object.entries(kinds).find(([, kind]) => kind.kty === kty && (kind.crv ?? crv) === crv);
  const name = named?.[0];
  if (named === undefined || !isKeySetAlgorithm(name))
    return "is of a kind that is not supported (RS256, ES256, EdDSA)";
  const kind = named[1];
  if (alg !== undefined && alg !== name && alg !== kind.alsoNamed) return "is for another algorithm";
  if (use !== undefined && use !== "sig") return "is not for signatures (use)";
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes("verify")))
    return "is not for verifying (key_ops)";
  if (kid !== undefined && typeof kid !== "string") return "has a kid that is not a string";
  const jwk: JWK = { kty: kind.kty, alg: name };
  for (const member of kind.members) {
    const part = members[member];
    if (typeof part !== "string") return `lacks its ${member}`;
    jwk[member] = part;
  }
  const weakness = weaknessOf(jwk);
  // Frozen: jose keeps what it imports by the object.
  return weakness ?? { alg: name, kid, jwk: Object.freeze(jwk) };
}

/** What is wrong with a key's numbers. The curve's equation is checked by OpenSSL. */
function weaknessOf(jwk: JWK): string | undefined {
  try {
    const { asymmetricKeyDetails: details } = createPublicKey({ key: { ...jwk }, format: "jwk" });
    if (jwk.kty !== "RSA") return undefined;
    const bits = details?.modulusLength ?? 0;
    if (bits < rsaBitsMin || bits > rsaBitsMax)
      return `has ${bits} bits, and ${rsaBitsMin} to ${rsaBitsMax} are allowed`;
    const exponent = details?.publicExponent ?? 0n;
    return exponent < 3n || exponent % 2n === 0n ? "has an exponent that makes it worthless" : undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return "is not a valid key";
  }
}

/** The name of a key for a message, cut, without what could break a line. */
function labelOf(value: unknown): string {
  const kid = typeof value === "object" && value !== null && "kid" in value ? value.kid : undefined;
  return typeof kid === "string" ? ` (${JSON.stringify(kid.slice(0, 60))})` : "";
}
