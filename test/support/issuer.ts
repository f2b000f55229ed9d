/** Somebody else who signs tokens, and publishes the keys for them. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { type KeyAlgorithm, nowSeconds, signTokenByKey } from "./tokens.ts";

/** A pair of keys of an issuer. */
export interface Pair {
  readonly alg: KeyAlgorithm;
  readonly kid: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** The public key as it stands in a key set. */
  readonly jwk: Readonly<Record<string, unknown>>;
  /** A token of this key: subject `tester`, an hour, over which the claims and header given are laid. */
  token(claims?: Readonly<Record<string, unknown>>, header?: Readonly<Record<string, unknown>>): string;
}

const generated = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2_048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: () => generateKeyPairSync("ed25519"),
} as const;

/** A new pair. */
export function newPair(alg: KeyAlgorithm, kid: string): Pair {
  const { publicKey, privateKey } = generated[alg]();
  return {
    alg,
    kid,
    publicKey,
    privateKey,
    jwk: { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg },
    token: (claims = {}, header = {}) =>
      signTokenByKey({
        alg,
        key: privateKey,
        header: { kid, ...header },
        claims: { sub: "tester", exp: nowSeconds() + 3_600, ...claims },
      }),
  };
}

/** The text of a key set. */
export const keySetOf = (...keys: readonly (Pair | object)[]): string =>
  JSON.stringify({ keys: keys.map((key) => ("jwk" in key ? key.jwk : key)) });
