/** Whether one of many values stands anywhere in a string that is not JSON. Pure. */

/** Below this many values they are looked for one by one, which is quicker. */
const manyMin = 50;

/**
 * Returns the search for these values, each as it is or as JSON would write it. Its time does not grow with the number
 * of values, but with the number of their lengths: 100,000 anonymous ids usually have one.
 */
export function searchFor(values: Iterable<string>): (text: string) => boolean {
  const forms = new Set([...values].flatMap((value) => [value, JSON.stringify(value).slice(1, -1)]));
  const lengths = new Set([...forms].map(({ length }) => length));
  if (forms.size < manyMin * lengths.size) return (text) => [...forms].some((form) => text.includes(form));
  return (text) => {
    for (const length of lengths)
      for (let at = 0; at + length <= text.length; at++) if (forms.has(text.slice(at, at + length))) return true;
    return false;
  };
}
