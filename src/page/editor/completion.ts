/** What can stand at the cursor: names of the catalog, their columns and arguments, functions and words of SQL. */
import type { Source } from "./catalog.ts";
import { isWithin, type Token, tokensOf } from "./tokens.ts";
import { functions, keywords, quotedIfNeeded } from "./words.ts";

/** One line of the list. */
export type Suggestion = {
  readonly kind: "view" | "macro" | "column" | "argument" | "function" | "word";
  /** What it is called in the list. */
  readonly label: string;
  /** A type, or arguments. */
  readonly detail: string;
  readonly about: string;
  /** What takes the place of the typed word. */
  readonly insert: string;
  /** Where the cursor stands then, in `insert`. */
  readonly cursor: number;
};

/** Suggestions for a stretch of the text, the best first; none inside strings and comments. */
export type Completion = {
  readonly start: number;
  readonly end: number;
  readonly typed: string;
  readonly suggestions: readonly Suggestion[];
};

/** More lines than this are no help. */
const suggestionsMax = 50;

const nothing: Completion = { start: 0, end: 0, typed: "", suggestions: [] };

/** What can stand at `cursor`, in UTF-16 units. */
export function complete(sql: string, cursor: number, sources: readonly Source[]): Completion {
  const tokens = tokensAround(sql, cursor);
  const inside = tokens.find(
    (token) => (token.kind === "string" || token.kind === "comment") && isWithin(token, cursor),
  );
  if (inside !== undefined) return nothing;
  // The word before the cursor is what was typed; the rest of it is replaced too.
  const current = tokens.find(
    ({ kind, start, end }) => (kind === "word" || kind === "name") && start < cursor && cursor <= end,
  );
  const isClosedName = current?.kind === "name" && current.end === cursor && !isWithin(current, cursor);
  const isAfterNumber = tokens.some(({ kind, end }) => kind === "number" && end === (current?.start ?? cursor));
  if (isClosedName || isAfterNumber) return nothing;
  const start = current?.start ?? cursor;
  const isQuoted = current?.kind === "name";
  const typed = sql.slice(start, cursor).replace(/^"/, "");
  const before = tokens.filter(({ kind, end }) => end <= start && kind !== "blank" && kind !== "comment");
  const found = candidates(statementOf(tokens, start), before, sources).filter(
    ({ kind }) => !isQuoted || kind === "view" || kind === "column",
  );
  return { start, end: current?.end ?? cursor, typed, suggestions: ranked(found, typed) };
}

/** The tokens. A name in quotes that has no end yet ends at the cursor, so that what follows is still understood. */
function tokensAround(sql: string, cursor: number): Token[] {
  const tokens = tokensOf(sql);
  const last = tokens.at(-1);
  if (last?.kind !== "name" || !isWithin(last, last.end) || last.start >= cursor) return tokens;
  const rest = tokensOf(sql.slice(cursor));
  const moved = rest.map((token) => ({ ...token, start: token.start + cursor, end: token.end + cursor }));
  return [...tokensOf(sql.slice(0, cursor)), ...moved];
}

/** The tokens of the statement at the cursor, without blanks and comments. */
function statementOf(tokens: readonly Token[], cursor: number): Token[] {
  const ends = tokens.filter(({ kind, text }) => kind === "sign" && text === ";");
  const from = ends.findLast(({ end }) => end <= cursor)?.end ?? 0;
  const to = ends.find(({ start }) => start >= cursor)?.start ?? Number.POSITIVE_INFINITY;
  return tokens.filter(({ kind, start, end }) => kind !== "blank" && kind !== "comment" && start >= from && end <= to);
}

function candidates(statement: readonly Token[], before: readonly Token[], sources: readonly Source[]): Suggestion[] {
  const last = before.at(-1);
  const tables = tablesOf(statement);
  if (last?.text === ".") {
    const owner = nameOf(before.at(-2));
    const source = sources.find(({ name }) => name === (tables.get(owner) ?? owner));
    return (source?.columns ?? []).map(columnSuggestion);
  }
  if (isTablePlace(before)) {
    const own = [...statement.keys()].flatMap((at) => cteAt(statement, at));
    return [...own, ...sources.map(sourceSuggestion)];
  }
  const used = new Set(tables.values());
  const named = sources.filter(({ name, columns }) => columns.length > 0 && used.has(name));
  const events = sources.filter(({ name }) => name === "events");
  // Before FROM is written, most questions are about events; a macro's arguments name columns of events.
  const columns = (named.length > 0 ? named : events).flatMap((source) => source.columns);
  const unique = [...new Map(columns.map((column) => [column.name, column])).values()];
  return [
    ...argumentsAt(before, sources),
    ...unique.map(columnSuggestion),
    ...functions.map(([name, parameters]) => callSuggestion({ kind: "function", name, parameters, about: "" })),
    ...keywords.map((word) => suggestion({ kind: "word", label: word, insert: `${word} ` })),
  ];
}

/** Whether a view or macro stands here: after FROM, JOIN and their like, or after a comma in a list of tables. */
function isTablePlace(before: readonly Token[]): boolean {
  let depth = 0;
  for (const { kind, text } of before.toReversed()) {
    if (text === ")") depth++;
    else if (text === "(") depth--;
    if (depth < 0) return false;
    if (depth > 0 || kind !== "word") continue;
    const word = text.toUpperCase();
    if (/^(?:FROM|JOIN|DESCRIBE|SUMMARIZE|PIVOT|UNPIVOT|TABLE)$/.test(word))
      return before.at(-1)?.text === text || before.at(-1)?.text === ",";
    if (/^(?:SELECT|WHERE|BY|ON|HAVING|LIMIT|USING|SET|WITH|QUALIFY)$/.test(word)) return false;
  }
  return false;
}

/** Aliases and names of the tables of a statement: what stands before a dot, to the name of a view. */
function tablesOf(statement: readonly Token[]): Map<string, string> {
  const tables = new Map<string, string>();
  for (const [at, token] of statement.entries()) {
    if (token.kind !== "word" && token.kind !== "name") continue;
    if (!isTablePlace(statement.slice(0, at))) continue;
    const name = nameOf(token);
    let next = at + 1;
    if (statement[next]?.text.toUpperCase() === "AS") next++;
    const alias = statement[next];
    tables.set(name, name);
    const isAlias = alias?.kind === "name" || (alias?.kind === "word" && !clauseStart.test(alias.text));
    if (isAlias) tables.set(nameOf(alias), name);
  }
  return tables;
}

const clauseStart =
  /^(?:where|group|order|join|left|right|inner|full|cross|asof|natural|positional|on|using|limit|having|qualify|union|except|intersect|select|window|offset|semi|anti|tablesample|pivot|unpivot)$/i;

/** A name of the statement's own WITH: `name AS (`, or `name AS MATERIALIZED (`. */
function cteAt(statement: readonly Token[], at: number): Suggestion[] {
  const token = statement[at];
  const after = statement.slice(at + 1, at + 5).map(({ text }) => text.toUpperCase());
  const isCte = /^AS (?:NOT )?(?:MATERIALIZED )?\(/.test(after.join(" "));
  if (!isCte || (token?.kind !== "word" && token?.kind !== "name")) return [];
  return [suggestion({ kind: "view", label: nameOf(token), detail: "WITH", insert: quotedIfNeeded(nameOf(token)) })];
}

/** Arguments of the macro in whose brackets the cursor stands, where one can begin. */
function argumentsAt(before: readonly Token[], sources: readonly Source[]): Suggestion[] {
  const last = before.at(-1)?.text;
  if (last !== "(" && last !== ",") return [];
  let depth = 0;
  for (const [fromEnd, { text }] of before.toReversed().entries()) {
    if (/^[)\]}]$/.test(text)) depth++;
    if (!/^[([{]$/.test(text)) continue;
    depth--;
    if (depth >= 0) continue;
    const name = nameOf(before.at(-fromEnd - 2));
    const macro = sources.find((source) => source.kind === "macro" && source.name === name);
    return (macro?.parameters ?? []).map((parameter) =>
      suggestion({
        kind: "argument",
        label: parameter,
        detail: `of ${name}`,
        insert: `${quotedIfNeeded(parameter)} := `,
      }),
    );
  }
  return [];
}

/** A name without its quotes; names without quotes have no case. */
function nameOf(token: Token | undefined): string {
  if (token === undefined) return "";
  if (token.kind === "name") return token.text.replace(/^"|"$/g, "").replaceAll('""', '"');
  return token.text.toLowerCase();
}

const columnSuggestion = ({ name, type, about }: Source["columns"][number]) =>
  suggestion({ kind: "column", label: name, detail: type, about, insert: quotedIfNeeded(name) });

function sourceSuggestion(source: Source): Suggestion {
  const { kind, name, about, parameters } = source;
  if (kind === "view") return suggestion({ kind, label: name, about, insert: quotedIfNeeded(name) });
  return callSuggestion({ kind, name, parameters: parameters.join(", "), about });
}

/** Inserts a call with the cursor between its brackets, or behind them if it takes nothing. */
function callSuggestion(call: { kind: "macro" | "function"; name: string; parameters: string; about: string }) {
  const { kind, name, parameters, about } = call;
  const insert = `${quotedIfNeeded(name)}(${parameters === "*" ? "*" : ""})`;
  const cursor = parameters === "" || parameters === "*" ? insert.length : insert.length - 1;
  return { ...suggestion({ kind, label: name, detail: `(${parameters})`, about, insert }), cursor };
}

const suggestion = (of: Pick<Suggestion, "kind" | "label" | "insert"> & Partial<Suggestion>): Suggestion => ({
  detail: "",
  about: "",
  cursor: of.insert.length,
  ...of,
});

/** Those that begin with what was typed, then those with it at the start of a later part (`url` in `page_url`). */
function ranked(found: readonly Suggestion[], typed: string): Suggestion[] {
  const wanted = typed.toLowerCase();
  const rank = ({ label }: Suggestion) => {
    const name = label.toLowerCase();
    if (name.startsWith(wanted)) return 0;
    return name.split(/[_ ]/).some((part) => part.startsWith(wanted)) ? 1 : 2;
  };
  const fits = found.filter((each) => rank(each) < 2);
  // What is written already needs no list.
  if (fits.some(({ insert }) => insert.trim().toLowerCase() === wanted) && wanted !== "" && fits.length === 1)
    return [];
  return fits.toSorted((a, b) => rank(a) - rank(b)).slice(0, suggestionsMax);
}
