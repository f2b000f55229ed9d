/** Strings that may not be JSON. */

/** As `JSON.parse` takes it; `source` is the spelling of a number, where the browser tells it. */
type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/** The value of a string of JSON; undefined if it is not JSON. */
export function jsonOrUndefined(text: string, reviver?: Reviver): unknown {
  try {
    return reviver === undefined ? JSON.parse(text) : JSON.parse(text, reviver);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
