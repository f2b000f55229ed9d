/** A property by a name that only the query knows. */

/** SQL expression: the JSON pointer of a property. `name` is SQL for its name, which may hold any character. */
export const pointerOf = (name: string) => `'/' || replace(replace(${name}, '~', '~0'), '/', '~1')`;
