/** The credential of a request: where it is found. What it is worth, `auth.ts` decides. */

/** Longest header with a credential; the server itself cuts all headers at 16 KB. Characters. */
export const headerCharsMax = 8_192;

const bearer = /^bearer +\S+$/i;
const basic = /^basic +([A-Za-z0-9+/=_-]+)$/i;

/** What a request names itself by. */
export type Credential = {
  whole: string;
  /**
   * The part before the first colon, where one may follow: the password of Basic means nothing, and some SDKs cannot
   * send a key without something behind a colon. A bearer token is taken as it is (RFC 6750, 2.1).
   */
  short: string | undefined;
};

/**
 * The credential in the headers: the token or key of `Authorization: Bearer`, what `Basic` encodes, or `X-Write-Key`.
 * Undefined if there is none; `Authorization` alone counts where it is sent.
 */
export function credentialOf(headers: Headers): Credential | undefined {
  const authorization = headers.get("authorization");
  if (authorization === null) return orNone(headers.get("x-write-key"));
  if (authorization.length > headerCharsMax) return undefined;
  if (bearer.test(authorization))
    return { whole: authorization.slice(authorization.lastIndexOf(" ") + 1), short: undefined };
  const encoded = basic.exec(authorization)?.[1];
  // SDKs send the key as the user's name, without a password: a colon stands behind it.
  return encoded === undefined ? undefined : orNone(Buffer.from(encoded, "base64").toString().replace(/:$/, ""));
}

const orNone = (text: string | null) =>
  text === null || text === "" || text.length > headerCharsMax ? undefined : keyCredential(text);

/** A credential in a place where SDKs put keys. */
export function keyCredential(whole: string): Credential {
  const colon = whole.indexOf(":");
  return { whole, short: colon > 0 ? whole.slice(0, colon) : undefined };
}
