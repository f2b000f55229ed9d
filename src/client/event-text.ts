/** What the application gave, as text, whatever it gave. */

/** The result of a call whose failure changes nothing else; undefined if it failed. Each use says why that is so. */
export function quietly<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}

/**
 * The JSON of a value. Halves of surrogate pairs become U+FFFD, as in every encoder of UTF-8: the service refuses them.
 * @throws whatever the value's getters and `toJSON` throw, and TypeError for cycles and BigInts
 */
export function jsonOf(value: object): string {
  // JSON.stringify escapes half pairs alone. An escaped backslash in front of a `u` is not an escape.
  return JSON.stringify(value).replace(/(\\\\)|\\ud[89a-f]../g, (_, backslash = "\ufffd") => backslash);
}

/** An error in words. Whatever was thrown may itself throw when it is asked for its words. */
export const describe = (error: unknown): string | undefined => quietly(() => String(error));
