import { expect, test } from "bun:test";
import { isQuery, splitStatements } from "../../src/query/sql-text.ts";

test.each([
  ["select 1; select 2;", ["select 1", "select 2"], ""],
  ["select 1; select 2", ["select 1"], "select 2"],
  [" ;; ; ", [], ""],
  ["select ';', ';;''; ';", ["select ';', ';;''; '"], ""],
  ['from "a;""b" ;', ['from "a;""b"'], ""],
  ["select $$;$$, $tag$;$$;$tag$; x", ["select $$;$$, $tag$;$$;$tag$"], "x"],
  ["select e'\\';' ; x", ["select e'\\';'"], "x"],
  ["select name'\\'; x", ["select name'\\'"], "x"],
  ["-- one; two\nselect 1 -- three;\n;", ["select 1 -- three;"], ""],
  ["/* ; */ select /* ; */ 1;", ["select /* ; */ 1"], ""],
  ["select $1; x", ["select $1"], "x"],
  // Open until the end: not a statement yet.
  ["select ';", [], "select ';"],
  ["select /* ; ", [], "select /* ;"],
  ["select $a$ ; $b$;", [], "select $a$ ; $b$;"],
  ["-- only; a comment", [], ""],
])("%j is cut where its statements end", (text, statements, rest) => {
  expect(splitStatements(text)).toEqual({ statements: [...statements], rest });
});

test("what gives rows and can stand in brackets is told from the rest", () => {
  for (const query of [
    "select 1",
    "FROM events",
    "(select 1)",
    "with a as (from b) from a",
    "Describe events",
    "values (1)",
  ])
    expect(isQuery(query)).toBe(true);
  for (const other of ["create table a (b int)", "explain select 1", "pragma version", "fromage", "set threads = 1"])
    expect(isQuery(other)).toBe(false);
});
