/** The words of the SQL view: tokens, what completion offers, and where an error stands. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Source, sourcesOf } from "../../src/page/editor/catalog.ts";
import { complete } from "../../src/page/editor/completion.ts";
import { placeOfError, tokensOf } from "../../src/page/editor/tokens.ts";
import { quotedIfNeeded, reservedWords } from "../../src/page/editor/words.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { draws, fc } from "../support/property.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

let duckdb: DuckDB;
beforeAll(async () => {
  duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
});
afterAll(() => duckdb[Symbol.dispose]());

const sources: Source[] = sourcesOf([
  ["view", "events", null, null, "Every event. Example: FROM events"],
  ["column", "event_name", "events", "VARCHAR", null],
  ["column", "timestamp", "events", "TIMESTAMP WITH TIME ZONE", "When it happened. Example: FROM events"],
  ["column", "page_url", "events", "VARCHAR", null],
  ["view", "sessions", null, null, "One row for each session. Example: FROM sessions"],
  ["column", "session_id", "sessions", "VARCHAR", null],
  ["column", "end", "sessions", "TIMESTAMP WITH TIME ZONE", null],
  ["macro", "top", null, "column,n,since", "The most frequent. Example: FROM top(page_url, 10)"],
  ["macro", "funnel", null, "steps,within,by,order", "Steps. Example: FROM funnel(['a', 'b'], INTERVAL 1 HOUR)"],
]);

/** What is suggested at the bar in a text. */
function at(text: string) {
  const cursor = text.indexOf("|");
  const sql = text.replace("|", "");
  return { sql, ...complete(sql, cursor, sources) };
}

const labels = (text: string) => at(text).suggestions.map(({ label }) => label);

/** The text after the first suggestion was taken, with the cursor as a bar. */
function taken(text: string): string {
  const { sql, start, end, suggestions } = at(text);
  const [first] = suggestions;
  if (first === undefined) return text;
  const { insert, cursor } = first;
  return `${sql.slice(0, start)}${insert.slice(0, cursor)}|${insert.slice(cursor)}${sql.slice(end)}`;
}

describe("completion", () => {
  test("after FROM, JOIN and a comma between tables: views and macros with their arguments", () => {
    for (const text of ["FROM |", "select * from |", "FROM events JOIN |", "FROM events, |", "DESCRIBE |"])
      expect(labels(text)).toEqual(["events", "sessions", "funnel", "top"]);
    expect(at("FROM to|").suggestions[0]).toMatchObject({ kind: "macro", detail: "(column, n, since)" });
    expect(taken("FROM to|")).toBe("FROM top(|)");
    expect(taken("FROM ev| WHERE true")).toBe("FROM events| WHERE true");
  });

  test("names of WITH stand beside the views", () => {
    expect(labels("WITH mine AS (SELECT 1) FROM m|")).toEqual(["mine"]);
    expect(labels("WITH mine AS NOT MATERIALIZED (SELECT 1) FROM m|")).toEqual(["mine"]);
  });

  test("elsewhere: the columns of the tables that are named, then functions and words", () => {
    expect(labels("SELECT s| FROM sessions").slice(0, 2)).toEqual(["session_id", "sum"]);
    expect(labels("SELECT session| FROM events")).toEqual([]);
    expect(labels("SELECT url| FROM events")).toEqual(["page_url"]);
    expect(labels("SELECT ev|")).toEqual(["event_name"]);
    expect(labels("FROM events WHERE page_|")).toEqual(["page_url"]);
    expect(labels("SELECT 1; SELECT page| FROM events")).toEqual(["page_url"]);
    expect(taken("SELECT coun|")).toBe("SELECT count(*)|");
    expect(labels("FROM events GRO|")).toEqual(["GROUP BY", "GROUP BY ALL"]);
  });

  test("after a dot: the columns of that table, by its name or its alias", () => {
    expect(labels("SELECT s.| FROM sessions AS s JOIN events e USING (session_id)")).toEqual(["session_id", "end"]);
    expect(labels("SELECT e.| FROM sessions s JOIN events e ON true")).toEqual(["event_name", "timestamp", "page_url"]);
    expect(labels('FROM sessions WHERE sessions."e|"')).toEqual(["end"]);
  });

  test("in the brackets of a macro: its arguments", () => {
    expect(labels("FROM funnel(['a'], |").slice(0, 4)).toEqual(["steps", "within", "by", "order"]);
    expect(taken("FROM funnel(['a', 'b'], INTERVAL 1 DAY, ord|)")).toBe(
      `FROM funnel(['a', 'b'], INTERVAL 1 DAY, "order" := |)`,
    );
    expect(labels("FROM top(page|)")).toEqual(["page_url"]);
  });

  test("a name that needs quotes gets them, and keeps those it has", () => {
    expect(taken("SELECT en| FROM sessions")).toBe('SELECT "end"| FROM sessions');
    expect(taken('SELECT "en| FROM sessions')).toStartWith('SELECT "end"|');
  });

  test("inside a string, a comment, a number or behind a finished name: nothing", () => {
    for (const text of ["SELECT 'ev|", "SELECT 'ev|ents'", "-- ev|", "/* ev|ents */", "$$ ev|", "E'\\' ev|", "1e|"])
      expect(labels(text)).toEqual([]);
    expect(labels('SELECT "event_name"|')).toEqual([]);
    expect(labels("SELECT '', ev|")).toEqual(["event_name"]);
    expect(labels("/* done */ SELECT ev|")).toEqual(["event_name"]);
  });

  test("a word that is complete has no list", () => expect(labels("FROM events|")).toEqual([]));
});

test("tokens are the whole text, whatever it is", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("'", '"', "--", "/*", "*/", "$$", "$a$", "\n", "e'", "\\"),
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const text = pieces.join("");
      const tokens = tokensOf(text);
      expect(tokens.map((token) => token.text).join("")).toBe(text);
      // Places fit together, and completion has an answer at each of them.
      for (const { start } of tokens) complete(text, start, sources);
    }),
    draws(50),
  );
});

test("an error is marked where the service's count of code points leads, at the whole word", () => {
  const sql = "SELECT '🦆',\n  frm FROM events";
  expect(placeOfError(sql, [...sql.slice(0, sql.indexOf("frm"))].length)).toEqual({ start: 15, end: 18, line: 2 });
  // At the end of the input, the last word is marked.
  expect(placeOfError("SELECT 1 FROM", 13)).toEqual({ start: 9, end: 13, line: 1 });
  expect(placeOfError("", 0)).toEqual({ start: 0, end: 0, line: 1 });
});

test("the reserved words are DuckDB's", async () => {
  const rows = await duckdb.rows("SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'");
  expect(rows.map((row) => String(row["keyword_name"])).sort()).toEqual([...reservedWords].sort());
});

test("a name of any characters is the same name for DuckDB", async () => {
  const name = fc.oneof(
    fc.constantFrom(...reservedWords, "Upper", "a b", '"', "1a", "__proto__"),
    fc.string({ minLength: 1 }),
  );
  await fc.assert(
    fc.asyncProperty(name, async (text) => {
      const [row] = await duckdb.rows(`SELECT alias(x) AS name FROM (SELECT 1 AS ${quotedIfNeeded(text)}) AS t(x)`);
      expect(row).toBeDefined();
      const [own] = await duckdb.rows(`SELECT ${quotedIfNeeded(text)} FROM (SELECT 1 AS ${quotedIfNeeded(text)})`);
      expect(Object.keys(own ?? {})).toEqual([text]);
    }),
    draws(200),
  );
});
