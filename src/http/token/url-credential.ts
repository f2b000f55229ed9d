/** Recognises a credential in a URL, where it does not count. */

/** Names that people and tools give to a credential in a query string, without case, `-` and `_`. */
const names = new Set(["token", "accesstoken", "authtoken", "idtoken", "apikey", "key", "writekey", "jwt", "bearer"]);
for (const name of ["auth", "authorization", "password", "secret"]) names.add(name);

/** Whether a parameter of a URL is named as a credential would be. */
export const isCredentialName = (name: string) => names.has(name.toLowerCase().replaceAll(/[-_]/g, ""));

/** Whether the query string of a URL has a parameter that is named as a credential would be. */
export const hasCredentialInUrl = (url: string) =>
  url.includes("?") && [...new URLSearchParams(url.slice(url.indexOf("?"))).keys()].some(isCredentialName);

/** What to do instead. */
export const credentialInUrlText =
  "A token in the URL does not count, since logs and histories keep URLs: send it as `Authorization: Bearer TOKEN`, or as the user name of Basic";
