/** SQL text cut into statements, without understanding them. */

/** What a semicolon means nothing in: texts, names, dollar quotes, comments; each may be open until the end of the text. */
const opaque = [
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/,
  /'(?:[^']|'')*(?:'|$)/,
  /"(?:[^"]|"")*(?:"|$)/,
  /\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/,
  /--[^\n]*/,
  /\/\*[\s\S]*?(?:\*\/|$)/,
];

const token = new RegExp([...opaque.map(({ source }) => source), "\\w+", "[\\s\\S]"].join("|"), "gy");

const leadingComments = /^(?:\s|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/;

/** Whole statements, each without its semicolon and the comments before it, and what follows the last semicolon. */
export function splitStatements(text: string): { statements: string[]; rest: string } {
  const statements: string[] = [];
  let start = 0;
  for (const match of text.matchAll(token)) {
    if (match[0] !== ";") continue;
    const statement = withoutComments(text.slice(start, match.index));
    if (statement !== "") statements.push(statement);
    start = match.index + 1;
  }
  return { statements, rest: withoutComments(text.slice(start)) };
}

const withoutComments = (text: string) => text.replace(leadingComments, "").trimEnd();

/** Whether a statement gives rows and can stand in brackets, as in `COPY (…) TO`. */
export const isQuery = (statement: string) =>
  /^(?:\(|(?:select|from|with|values|table|describe|desc|show|summarize|pivot|unpivot)\b)/i.test(statement);
