/** The credential of a request: where it is found. What it is worth, `auth.ts` decides. */

/** Longest header with a credential; the server itself cuts all headers at 16 KB. Characters. */
export const headerCharsMax = 8_192;

const bearer = /^bearer +(\S+)$/i;
const basic = /^basic +([A-Za-z0-9+/=_-]+)$/i;

/**
 * The credential in the headers: the token or key of `Authorization: Bearer`, what `Basic` encodes, or `X-Write-Key`.
 * Undefined if there is none; `Authorization` alone counts where it is sent.
 */
export function credentialOf(headers: Headers): string | undefined {
  const authorization = headers.get("authorization");
  if (authorization === null) return orNone(headers.get("x-write-key"));
  if (authorization.length > headerCharsMax) return undefined;
  const token = bearer.exec(authorization)?.[1];
  if (token !== undefined) return token;
  const encoded = basic.exec(authorization)?.[1];
  // SDKs send the key as the user's name, without a password: a colon stands behind it.
  return encoded === undefined ? undefined : orNone(Buffer.from(encoded, "base64").toString().replace(/:$/, ""));
}

const orNone = (text: string | null) =>
  text === null || text === "" || text.length > headerCharsMax ? undefined : text;

/**
 * The part of a credential before its first colon, if it has one. The password of Basic means nothing, and some SDKs
 * cannot send a key without something behind a colon. A token holds no colon.
 */
export function beforeColon(credential: string): string | undefined {
  const colon = credential.indexOf(":");
  return colon > 0 ? credential.slice(0, colon) : undefined;
}
