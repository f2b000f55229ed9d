/** Splits SQL into statements and words, without understanding them. */

/** Where a semicolon has no meaning: in strings, names, dollar quotes and comments. Each may lack its end. */
const opaque = [
  /[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)/,
  /'(?:[^']|'')*(?:'|$)/,
  /"(?:[^"]|"")*(?:"|$)/,
  /\$([A-Za-z_]\w*)?\$[\s\S]*?(?:\$\1\$|$)/,
  /--[^\n]*/,
  /\/\*[\s\S]*?(?:\*\/|$)/,
];

const token = new RegExp([...opaque.map(({ source }) => source), "\\w+", "[\\s\\S]"].join("|"), "gy");

/** The words of a text: strings, quoted names and comments are one word each, any other sign is one, too. */
export const wordsOf = (text: string) => text.matchAll(token);

const leadingComments = /^(?:\s|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$))+/;

/** Complete statements, each without its semicolon and the comments before it; and what follows the last semicolon. */
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

/** Whether a statement returns rows and can be put in brackets, as in `COPY (…) TO`. */
export function isQuery(statement: string): boolean {
  if (/^with\b/i.test(statement)) return queryStart.test(afterWith(statement) ?? "");
  return /^\(/.test(statement) || queryStart.test(statement);
}

const queryStart =
  /^(?:select|from|with|values|table|describe|desc|show|summarize|pivot|pivot_wider|unpivot|pivot_longer)\b/i;

const statementStart =
  /^(?:select|from|values|table|describe|desc|show|summarize|pivot|pivot_wider|unpivot|pivot_longer|insert|update|delete|merge|copy)$/i;

/** What follows the definitions of WITH: the statement itself. */
function afterWith(statement: string): string | undefined {
  let depth = 0;
  for (const match of statement.matchAll(token)) {
    if (match[0] === "(") depth++;
    else if (match[0] === ")") depth--;
    else if (depth === 0 && statementStart.test(match[0])) return statement.slice(match.index);
  }
  return undefined;
}

/** A statement without the semicolon at its end, and without the blanks and comments after that. */
export function withoutSemicolon(statement: string): string {
  let end = statement.length;
  for (const match of statement.matchAll(token))
    if (match[0] === ";") end = Math.min(end, match.index);
    else if (end < match.index && withoutComments(match[0]) !== "") end = statement.length;
  return statement.slice(0, end);
}

/** `EXPLAIN` with its options, and the statement after it; undefined if this is not such a statement. */
export function explained(text: string): { head: string; statement: string } | undefined {
  const start = leadingComments.exec(text)?.[0].length ?? 0;
  const head = explainHead.exec(text.slice(start))?.[0];
  if (head === undefined) return undefined;
  const end = start + head.length;
  return { head: text.slice(0, end), statement: text.slice(end) };
}

const explainOption = /(?:analyze|format\s+'?\w+'?)/.source;

const explainHead = new RegExp(
  `^explain(?:\\s*\\(\\s*${explainOption}(?:\\s*,\\s*${explainOption})*\\s*\\)|\\s+analyze\\b)?(?=[\\s(/-])`,
  "i",
);

const pivotColumnsEnd = /^(?:using|group|order|limit|union|except|intersect|;)$/i;

/**
 * Adds ` IN (1)` to each column of a PIVOT that would take its values from the data, since DuckDB makes a tree of no
 * other PIVOT. Nothing else changes, so a fault in the tree is a fault of the statement.
 */
export function withPivotColumns(text: string): string {
  const tokens = [...text.matchAll(token)].filter((match) => withoutComments(match[0]) !== "");
  /** Open PIVOTs: the depth of their brackets, whether ON was met, and whether the current column has an IN. */
  const open: { depth: number; isOn: boolean; hasIn: boolean }[] = [];
  const places: number[] = [];
  let depth = 0;
  let before = 0;
  const columnEnds = () => {
    const pivot = open.at(-1);
    if (pivot?.isOn && !pivot.hasIn) places.push(before);
    if (pivot !== undefined) pivot.hasIn = false;
  };
  for (const match of tokens) {
    const word = match[0].toLowerCase();
    if (word === ")") depth--;
    const pivot = open.at(-1);
    if (pivot !== undefined && (depth < pivot.depth || (depth === pivot.depth && pivotColumnsEnd.test(word)))) {
      columnEnds();
      open.pop();
    } else if (pivot?.depth === depth && pivot.isOn && word === ",") columnEnds();
    else if (pivot?.depth === depth && word === "on") pivot.isOn = true;
    else if (pivot?.depth === depth && word === "in") pivot.hasIn = true;
    if (word === "pivot" || word === "pivot_wider") open.push({ depth, isOn: false, hasIn: false });
    if (word === "(") depth++;
    before = match.index + match[0].length;
  }
  while (open.length > 0) {
    columnEnds();
    open.pop();
  }
  return places.toSorted((a, b) => b - a).reduce((all, at) => `${all.slice(0, at)} IN (1)${all.slice(at)}`, text);
}
