/**
 * Write keys: who they let in. Only the SHA-256 of a key is known. A key is 24 random bytes, so a fast hash is enough:
 * nobody can try all of them.
 */
import type { Principal, Scope } from "./principal.ts";
import { hashOfKey, parseWriteKeyFile, type WriteKey } from "./write-key-file.ts";

/** The keys of a file. */
export type WriteKeys = {
  /** By the SHA-256 of the key. */
  readonly byHash: ReadonlyMap<string, Principal>;
  /** Origins of all keys together, for preflights: those carry no key. */
  readonly origins: ReadonlySet<string>;
};

/** Without a file. */
export const noWriteKeys: WriteKeys = { byHash: new Map(), origins: new Set() };

/** Ten thousand entries with a few origins each. Bytes. */
export const writeKeysBytesMax = 4 * 1024 * 1024;

const scopesOfKey: ReadonlySet<Scope> = new Set<Scope>(["events:write"]);

/**
 * Parses the file for lookups.
 * @throws ContentRefused as `parseWriteKeyFile`
 */
export function parseWriteKeys(text: string): WriteKeys {
  const entries = parseWriteKeyFile(text);
  return {
    byHash: new Map(entries.map((entry) => [entry.key_sha256, principalOf(entry)])),
    origins: new Set(entries.flatMap(({ origins }) => origins ?? [])),
  };
}

const principalOf = ({ name, origins, rate }: WriteKey): Principal => ({
  subject: name,
  scopes: scopesOfKey,
  kind: "write key",
  ...(origins === undefined ? {} : { origins }),
  ...(rate === undefined ? {} : { rate }),
});

/** Whose key a text is; undefined: nobody's. A lookup by hash takes as long for a near miss as for any other text. */
export const principalOfKey = ({ byHash }: WriteKeys, text: string): Principal | undefined =>
  byHash.size === 0 ? undefined : byHash.get(hashOfKey(text));
