/** Objects with a value for each of some names. */

/** Makes an object with these names as its keys, in their order. */
export function recordOf<Name extends string, Value>(
  names: readonly Name[],
  makeValue: (name: Name) => Value,
): Record<Name, Value> {
  // `fromEntries` is typed for any keys; these are exactly the names.
  return Object.fromEntries(names.map((name) => [name, makeValue(name)])) as Record<Name, Value>;
}
