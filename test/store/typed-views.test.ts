/** A view for each event name that has a schema: any name works, and what is not of its type is NULL. */
import { expect, test } from "bun:test";
import { typedEventOf } from "../../src/schema/typed-event.ts";
import { itemStatements } from "../../src/store/catalog/item.ts";
import { statementsNamedIn } from "../../src/store/catalog/named.ts";
import { type PropertyKind, type TypedProperty, typedViews } from "../../src/store/catalog/typed-views.ts";
import { emptyCatalog } from "../../src/store/catalog/views.ts";
import { identifier, literal } from "../../src/store/sql/literals.ts";
import { openDuckDB } from "../support/sealed.ts";

type Stored = { name: string; properties: string };

/** Reads a query over a catalog of typed views, whose `events` are these. */
async function read(
  events: readonly Stored[],
  views: readonly { eventName: string; properties: readonly TypedProperty[] }[],
  sql: string,
) {
  using duckdb = await openDuckDB();
  const rows = events.map(({ name, properties }) => `(${literal(name)}, ${literal(properties)}::JSON)`);
  await duckdb.run(`CREATE TABLE stored AS FROM (VALUES ${rows.join(", ")}) AS t(event_name, properties)`);
  await duckdb.run(`CREATE VIEW events AS SELECT *, now() AS "timestamp" FROM stored`);
  for (const statement of typedViews(views).flatMap(itemStatements)) await duckdb.run(statement);
  return await duckdb.rows(sql);
}

/** What is made for a query where one event name has a schema. */
const made = (sql: string, eventName: string): string =>
  statementsNamedIn(sql, { ...emptyCatalog, typedEvents: [{ eventName, properties: [] }] }).join(";\n");

/** What a column of this kind shows for JSON, as text, and its type. */
async function shown(kind: PropertyKind, json: string): Promise<unknown> {
  const views = [{ eventName: "e", properties: [{ name: "a", kind }] }];
  const [row] = await read([{ name: "e", properties: `{"a":${json}}` }], views, "SELECT a::VARCHAR AS a FROM event_e");
  return row?.["a"];
}

test.each<[PropertyKind, string, string | null]>([
  ["number", "1.5", "1.5"],
  ["number", "9007199254740993", "9007199254740992.0"],
  ["number", "1e999", null],
  ["number", '"1.5"', null],
  ["number", "true", null],
  ["number", "null", null],
  ["integer", "9007199254740993", "9007199254740993"],
  ["integer", "-9223372036854775808", "-9223372036854775808"],
  ["integer", "9223372036854775808", null],
  ["integer", "1.0", "1"],
  ["integer", "1e3", "1000"],
  ["integer", "1.5", null],
  ["integer", "0.4", null],
  ["integer", "1e999", null],
  ["integer", '"12"', null],
  ["string", '"it\'s \\u0000 \\"x\\""', 'it\'s \0 "x"'],
  ["string", '""', ""],
  ["string", "5", null],
  ["boolean", "true", "true"],
  ["boolean", "false", "false"],
  ["boolean", '"true"', null],
  ["boolean", "1", null],
  ["date-time", '"2026-01-02T03:04:05+02:00"', "2026-01-02 01:04:05+00"],
  ["date-time", '"2026-01-02t03:04:05.123456z"', "2026-01-02 03:04:05.123456+00"],
  ["date-time", '"2026-01-02T03:04:05"', null],
  ["date-time", '"2026-13-02T03:04:05Z"', null],
  ["date-time", '"tomorrow"', null],
  ["date-time", "1767322800", null],
  ["object", '{"b":[1]}', '{"b":[1]}'],
  ["object", "[1]", null],
  ["array", "[1]", "[1]"],
  ["array", '{"b":1}', null],
  ["any", "5", "5"],
  ["any", '"x"', '"x"'],
  ["any", "null", null],
])("a column of kind %s shows %s as %p", async (kind, json, text) => {
  expect(await shown(kind, json)).toBe(text);
});

test("the types of the columns are the contract's", async () => {
  const kinds = ["number", "integer", "string", "date-time", "boolean", "object", "array", "any"] as const;
  const properties = kinds.map((kind) => ({ name: `a ${kind}`, kind }));
  const rows = await read([{ name: "e", properties: "{}" }], [{ eventName: "e", properties }], "DESCRIBE event_e");
  expect(rows.slice(3).map((row) => row["column_type"])).toEqual([
    "DOUBLE",
    "BIGINT",
    "VARCHAR",
    "TIMESTAMP WITH TIME ZONE",
    "BOOLEAN",
    "JSON",
    "JSON",
    "JSON",
  ]);
});

const hostile = [
  "it's",
  '"quoted"',
  'a"; DROP VIEW events; --',
  "a.b.c",
  "größer 🙂 日本語",
  " ",
  "\n\t\\",
  "$1 ? %s {}",
  "🙂".repeat(100),
  "select",
];

test("any event name and any name of a property work", async () => {
  for (const eventName of hostile)
    for (const sql of [`FROM ${identifier(`EVENT_${eventName.toUpperCase()}`)}`, "SHOW TABLES", "FROM duckdb_views()"])
      if (/^[\x00-\x7f]*$/.test(eventName)) expect(made(sql, eventName)).toContain(identifier(`event_${eventName}`));
  expect(made("FROM event_b", "a")).not.toContain("event_a");
  const names = [...hostile, "/", "~", "~1", "0", "-", "$", "$.a", "#", "*", "a/b~c", "__proto__"];
  const views = hostile.map((eventName) => ({
    eventName,
    properties: names.map((name) => ({ name, kind: "integer" as const, description: `of ${name}` })),
  }));
  const properties = `{${names.map((name, index) => `${JSON.stringify(name)}:${index}`).join(",")}}`;
  const events = hostile.map((name) => ({ name, properties }));
  for (const name of hostile) {
    const columns = names.map((column, index) => `${identifier(column)} AS c${index}`).join(", ");
    const sql = `SELECT event_name, ${columns} FROM ${identifier(`event_${name}`)}`;
    const [row, ...others] = await read(events, views, sql);
    expect(others).toEqual([]);
    expect(row?.["event_name"]).toBe(name);
    expect(names.map((_, index) => Number(row?.[`c${index}`]))).toEqual(names.map((_, index) => index));
  }
});

test("a name that is taken, in any case, gets another column; one that SQL cannot express gets none", async () => {
  const names = ["event_id", "Properties", "price", "PRICE", "property_price", "", "a\0b", "\ud800"];
  const properties = names.map((name) => ({ name, kind: "any" as const }));
  const views = [{ eventName: "e", properties }];
  const described = await read([{ name: "e", properties: '{"PRICE":2,"":3}' }], views, "DESCRIBE event_e");
  expect(described.slice(3).map((row) => row["column_name"])).toEqual([
    "property_event_id",
    "property_Properties",
    "price",
    "property_PRICE",
    "property_property_price",
    "property_",
  ]);
  const values = "SELECT price::VARCHAR AS a, property_PRICE::VARCHAR AS b, property_::VARCHAR AS c FROM event_e";
  const [row] = await read([{ name: "e", properties: '{"PRICE":2,"":3}' }], views, values);
  expect(row).toEqual({ a: null, b: "2", c: "3" });
});

test("comments say what a column is, and their examples run", async () => {
  const properties = [
    { name: "price", kind: "number" as const, description: 'What it\'s "worth".' },
    { name: "timestamp", kind: "string" as const },
  ];
  const sql = `SELECT comment FROM duckdb_views() WHERE view_name = 'event_a "b"'
    UNION ALL SELECT comment FROM duckdb_columns() WHERE table_name = 'event_a "b"' AND comment IS NOT NULL`;
  const views = [{ eventName: 'a "b"', properties }];
  const comments = (await read([{ name: "e", properties: "{}" }], views, sql)).map((row) => String(row["comment"]));
  expect(comments).toHaveLength(3);
  expect(comments[1]).toStartWith('What it\'s "worth".');
  expect(comments[2]).toStartWith('The property "timestamp".');
  for (const comment of comments)
    await read([{ name: "e", properties: "{}" }], views, comment.slice(comment.indexOf("Example: ") + 9));
});

test.each<[unknown, PropertyKind]>([
  [{ type: "number" }, "number"],
  [{ type: ["integer", "null"] }, "integer"],
  [{ type: ["integer", "number"] }, "number"],
  [{ type: ["integer", "string"] }, "any"],
  [{ type: "string", format: "date-time" }, "date-time"],
  [{ type: ["string", "null"], format: "date-time" }, "date-time"],
  [{ type: "string", format: "uuid" }, "string"],
  [{ enum: ["a", "b", null] }, "string"],
  [{ enum: ["a", 1] }, "any"],
  [{ const: 1 }, "integer"],
  [{ $ref: "#/$defs/money" }, "number"],
  [{ $ref: "#/$defs/loop" }, "any"],
  [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "integer"],
  [{ oneOf: [{ type: "integer" }, { $ref: "#/$defs/money" }] }, "number"],
  [{ allOf: [{ minLength: 1 }, { type: "string" }] }, "string"],
  [{ anyOf: [{ type: "integer" }, {}] }, "any"],
  [true, "any"],
  [{}, "any"],
])("the kind of %j is %s", (property, kind) => {
  const $defs = { money: { type: "number" }, loop: { $ref: "#/$defs/loop" } };
  expect(typedEventOf("e", { $defs, properties: { a: property } }).properties).toEqual([{ name: "a", kind }]);
  const far = { $defs: { ...$defs, all: { properties: { a: property } } }, allOf: [{ $ref: "#/$defs/all" }] };
  expect(typedEventOf("e", far).properties).toEqual([{ name: "a", kind }]);
});
