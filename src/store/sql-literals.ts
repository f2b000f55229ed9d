/** Values and names as SQL text. Without DuckDB itself, which a thread that only writes SQL need not load. */

/** A text as an SQL literal; DuckDB reads SQL only to a U+0000, which is written as a call for that reason. */
export const literal = (text: string) => {
  const [first = "", ...rest] = text.split("\0").map((piece) => `'${piece.replaceAll("'", "''")}'`);
  return rest.length === 0 ? first : `(${[first, ...rest].join(" || chr(0) || ")})`;
};

/** A name as an SQL identifier. */
export const identifier = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** A list of texts as an SQL list. */
export const listLiteral = (texts: readonly string[]) => `[${texts.map(literal).join(", ")}]`;
