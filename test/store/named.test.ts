/** A query's process makes only what its SQL can name, and that is enough. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mayReadEvents, statementsNamedIn } from "../../src/store/catalog/named.ts";
import { catalogItems, emptyCatalog } from "../../src/store/catalog/views.ts";
import { testMsMax } from "../support/service.ts";
import { catalogOfTold, tellEvents } from "../support/told.ts";

setDefaultTimeout(testMsMax);

const typedEvents = [{ eventName: "purchase", properties: [{ name: "total", kind: "number" as const }] }];

const content = { ...emptyCatalog, unsealed: "FROM memory.told", typedEvents };

test("the example of every view and macro runs where only what it names is made, and answers as in the whole catalog", async () => {
  using duckdb = await catalogOfTold();
  const at = Date.UTC(2026, 0, 2);
  await tellEvents(duckdb, [
    { at, event_name: "page_viewed", session_id: "s", user_id: "u", page_url: "https://shop.example/?utm_source=a" },
    { at: at + 1_000, event_name: "purchase", session_id: "s", user_id: "u", properties: '{"total":1.50}' },
  ]);
  const examples = [
    ...catalogItems(content).map(({ comment }) => comment.example),
    "FROM EVENT_PURCHASE",
    'SELECT count(*) FROM Events, "persons"',
    "SELECT 1",
  ];
  let partly = 0;
  for (const [number, sql] of examples.entries()) {
    const answers = [];
    for (const [name, asked] of [
      [`named_${number}`, sql],
      [`whole_${number}`, "SHOW TABLES"],
    ] as const) {
      await duckdb.script([`ATTACH ':memory:' AS ${name}`, `USE ${name}`]);
      const statements = statementsNamedIn(asked, content);
      partly += statements.length < 20 ? 1 : 0;
      await duckdb.script(statements);
      const rows = await duckdb.rows(sql);
      answers.push({ sql, rows: rows.length, columns: Object.keys(rows[0] ?? {}) });
    }
    expect(answers[0]).toEqual(answers[1]);
  }
  expect(partly).toBe(examples.length);
});

test("a query that names nothing of the catalog makes nothing of it", () => {
  expect(statementsNamedIn("SELECT 1", content)).toEqual([]);
  expect(statementsNamedIn("SELECT properties, stop, top FROM events", content)).toHaveLength(1);
  for (const sql of ["FROM Top (page_url)", 'FROM "top"\n(page_url)', "FROM top/* ( */(page_url)"])
    expect(statementsNamedIn(sql, content).join()).toContain('MACRO "top"');
  // What lists the catalog sees all of it, with its comments.
  for (const sql of ["SHOW TABLES", "DESCRIBE events", "FROM duckdb_columns()", "FROM information_schema.tables"])
    expect(statementsNamedIn(sql, content).join()).toContain('COMMENT ON VIEW "events_hourly" IS');
});

test("SQL may read events if it names anything that reads them, and not if it names nothing of the kind", () => {
  // `erasures` has a column named `events`: it counts as reading them.
  const without = ["refused", "catalog"];
  for (const { name, kind } of catalogItems(content))
    for (const said of [name, name.toUpperCase(), `"${name}"`, `main.${name}`, `${name} /* of all */ `]) {
      const sql = `SELECT * FROM ${said}${kind === "macro" ? "()" : ""}`;
      expect([sql, mayReadEvents(sql, typedEvents)]).toEqual([sql, !without.includes(name)]);
    }
  for (const sql of ["FROM event_purchase", 'SUMMARIZE "Event_Purchase"', "PIVOT events ON category", "SHOW TABLES"])
    expect([sql, mayReadEvents(sql, typedEvents)]).toEqual([sql, true]);
  for (const sql of ["SELECT 1", "FROM range(10)", "SELECT current_date AS day", "FROM event_unknown"])
    expect([sql, mayReadEvents(sql, typedEvents)]).toEqual([sql, false]);
});
