/** SQL as tokens, for colours, for completion, and for the place of an error. It understands no grammar. */

/** `name`: a name in quotes; `word`: a name without, or a word of SQL. */
type TokenKind = "blank" | "comment" | "string" | "name" | "word" | "number" | "sign";

/** A piece of SQL; the pieces together are the whole text. */
export type Token = { readonly kind: TokenKind; readonly text: string; readonly start: number; readonly end: number };

/** Each kind by its beginning. What DuckDB takes as one string or comment is one token, also without its end. */
const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ["blank", /\s+/],
  ["comment", /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)/],
  ["string", /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/],
  ["name", /"(?:[^"]|"")*(?:"|$)/],
  ["number", /(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?/],
  ["word", /[\p{L}_][\p{L}\p{N}_$]*/u],
  ["sign", /:=|::|->>?|=>|<=|>=|<>|!=|\|\||[\s\S]/u],
];

const token = new RegExp(patterns.map(([kind, { source }]) => `(?<${kind}>${source})`).join("|"), "gu");

/** Splits SQL. Places are in UTF-16 units, as a text field counts them. */
export function tokensOf(sql: string): Token[] {
  return [...sql.matchAll(token)].map((match) => {
    const kind = patterns.find(([name]) => match.groups?.[name] !== undefined)?.[0] ?? "sign";
    return { kind, text: match[0], start: match.index, end: match.index + match[0].length };
  });
}

/** Whether the cursor is inside a token in which nothing can be completed: after its beginning, before its end. */
export const isWithin = ({ kind, text, start, end }: Token, cursor: number): boolean =>
  start < cursor && (cursor < end || (cursor === end && !isClosed(kind, text)));

/** Whether a string or comment has its end: a cursor behind it is outside. */
function isClosed(kind: TokenKind, text: string): boolean {
  if (kind === "comment") return text.startsWith("/*") && text.length >= 4 && text.endsWith("*/");
  if (kind === "name") return /^"(?:[^"]|"")*"$/.test(text);
  const tag = /^\$(?:[A-Za-z_]\w*)?\$/.exec(text)?.[0];
  if (tag !== undefined) return text.length >= 2 * tag.length && text.endsWith(tag);
  return /^(?:[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*')$/.test(text);
}

/** The token at the place of an error. The service counts code points, a text field UTF-16 units. */
export function placeOfError(sql: string, codePoints: number): { start: number; end: number; line: number } {
  const start = [...sql].slice(0, codePoints).join("").length;
  const tokens = tokensOf(sql).filter(({ kind }) => kind !== "blank");
  const at = tokens.find(({ end }) => end > start) ?? tokens.at(-1);
  const from = at === undefined ? start : Math.max(at.start, Math.min(start, at.end - 1));
  const begin = at?.kind === "word" ? at.start : from;
  return { start: begin, end: Math.max(at?.end ?? start, begin), line: sql.slice(0, begin).split("\n").length };
}
