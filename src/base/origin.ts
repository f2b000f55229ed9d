/** Web origins, in the spelling that browsers send in `Origin` (WHATWG URL, 4.7). Pure. */

/** A scheme of browsers, apps and extensions, then a host without wildcards, path or credentials. */
const serialized = /^([a-z][a-z0-9+.-]*):\/\/(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?$/;

/** Longest origin: a scheme, the longest name of the DNS, a port. Characters. */
const originCharsMax = 300;

/**
 * Why a string is not an origin, as the end of a sentence that begins with its name; undefined if it is one. `null`,
 * which browsers send for pages without an origin, is not one.
 */
export function originProblem(given: string): string | undefined {
  const scheme = serialized.exec(given)?.[1];
  const isWeb = scheme === "http" || scheme === "https";
  const asBrowsersSend = URL.parse(given)?.origin;
  if (given.length <= originCharsMax && scheme !== undefined && (!isWeb || asBrowsersSend === given)) return undefined;
  const problem = `must be a scheme, a host and a port if needed, such as https://shop.example, not ${JSON.stringify(withoutUser(given))}`;
  const isBetter = asBrowsersSend !== undefined && asBrowsersSend !== given && serialized.test(asBrowsersSend);
  return isBetter ? `${problem}: browsers send ${asBrowsersSend}` : problem;
}

/** A user and a password in a URL are not for messages. */
const withoutUser = (given: string): string => given.replace(/\/\/[^/]*@/, "//…@");

/** Whether a string is an origin as browsers send it. */
export const isOrigin = (given: string): boolean => originProblem(given) === undefined;
