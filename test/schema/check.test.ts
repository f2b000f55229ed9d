/** Properties are checked by the schema of their event's name, on both ways to a line, with all faults in order. */
import { describe, expect, test } from "bun:test";
import { LineBuffer } from "../../src/base/line-buffer.ts";
import { formNamed } from "../../src/event/forms.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { validateBatch, validateEvent } from "../../src/event/parse/validate.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { Transcriber } from "../../src/event/transcribe/transcribe.ts";
import { propertiesText } from "../support/arbitraries.ts";
import { draws, fc } from "../support/property.ts";
import { schemaSet } from "../support/schemas.ts";

const purchase = {
  type: "object",
  required: ["price"],
  properties: { price: { type: "number" }, count: { type: "integer" }, tags: { items: { type: "string" } } },
};

/** The issues of a body: where each is, and of what type. */
function issuesOf(text: string, schemas = schemaSet("enforce", { purchase })) {
  const parsed = parseJson(Buffer.from(text));
  if (!parsed.ok) throw new Error(`not JSON: ${text}`);
  const validate = text.startsWith('{"events"') ? validateBatch : validateEvent;
  const valid = validate(parsed.value, parsed.exact, schemas);
  return valid.ok ? [] : valid.issues;
}

const placesOf = (text: string) => issuesOf(text).map(({ loc, type }) => [type, ...loc].join(" "));

test("what does not fit is told at its place, in order with all other faults, with the digits that were sent", () => {
  const event =
    '{"event_name":"purchase","properties":{"tags":["a",1],"count":1.50,"price":"x"},"session_id":1,"category":"?"}';
  expect(placesOf(event)).toEqual([
    "enum body category",
    "json_schema body properties price",
    "json_schema body properties count",
    "json_schema body properties tags 1",
    "string_type body session_id",
  ]);
  expect(JSON.stringify(issuesOf(event)[2])).toBe(
    '{"type":"json_schema","loc":["body","properties","count"],"msg":"Input must be integer","input":1.50,' +
      '"ctx":{"keyword":"type","schema_path":"#/properties/count/type"}}',
  );
  const good = '{"event_name":"purchase","properties":{"price":1}}';
  expect(placesOf(`{"events":[${good},${event},{"event_name":"purchase"},{"event_name":""}],"client_id":1}`)).toEqual([
    "enum body events 1 category",
    "json_schema body events 1 properties price",
    "json_schema body events 1 properties count",
    "json_schema body events 1 properties tags 1",
    "string_type body events 1 session_id",
    "json_schema body events 2 properties price",
    "string_too_short body events 3 event_name",
    "string_type body client_id",
  ]);
});

test("null and absent properties count as {}", () => {
  for (const properties of ["", ',"properties":null', ',"properties":{}'])
    expect(placesOf(`{"event_name":"purchase"${properties}}`)).toEqual(["json_schema body properties price"]);
  const free = schemaSet("enforce", { purchase: { type: "object" } });
  for (const properties of ["", ',"properties":null', ',"properties":{}'])
    expect(issuesOf(`{"event_name":"purchase"${properties}}`, free)).toEqual([]);
});

test("properties that are no object are one fault, and other names have no schema", () => {
  expect(placesOf('{"event_name":"purchase","properties":[]}')).toEqual(["dict_type body properties"]);
  for (const name of ["Purchase", "constructor", "__proto__", "purchase "])
    expect(placesOf(`{"event_name":"${name}","properties":{"price":"x"}}`)).toEqual([]);
});

describe("a number is what JavaScript makes of it", () => {
  test.each([
    ["number", "1e999", false],
    ["number", "-1e999", false],
    ["number", "1e308", true],
    ["integer", "9007199254740993", true],
    ["integer", "1.0", true],
    ["integer", "1e3", true],
    ["integer", "0.1", false],
    ["integer", "1e999", false],
    // Rounded to …992 before it is compared.
    [{ const: 9007199254740992 }, "9007199254740993", true],
    // What is not a number for a schema is not compared either: name the type.
    [{ maximum: 10 }, "1e999", true],
    [{ maximum: 10 }, "11", false],
  ])("%j %s: %p", (schema, number, fits) => {
    const price = typeof schema === "string" ? { type: schema } : schema;
    const set = schemaSet("enforce", { purchase: { properties: { price } } });
    const issues = issuesOf(`{"event_name":"purchase","properties":{"price":${number}}}`, set);
    expect(issues).toHaveLength(fits ? 0 : 1);
    if (!fits) expect(JSON.stringify(issues[0]?.input)).toBe(number);
  });
});

test.each(["__proto__", "constructor", "toString", "", "a.b", "a/b~c", '"', "0", "🙂\u0000"])(
  "a property can have the name %p, and be missing",
  (name) => {
    const set = schemaSet("enforce", { purchase: JSON.parse(`{"required":[${JSON.stringify(name)}]}`) });
    expect(issuesOf('{"event_name":"purchase","properties":{}}', set)).toMatchObject([
      { loc: ["body", "properties", name], msg: "Field required by the schema", input: {} },
    ]);
    if (name === "__proto__") return;
    expect(issuesOf(`{"event_name":"purchase","properties":{${JSON.stringify(name)}:1}}`, set)).toEqual([]);
    const typed = schemaSet("enforce", { purchase: { properties: { [name]: { type: "string" } } } });
    expect(issuesOf('{"event_name":"purchase","properties":{}}', typed)).toEqual([]);
    expect(issuesOf(`{"event_name":"purchase","properties":{${JSON.stringify(name)}:1}}`, typed)).toMatchObject([
      { loc: ["body", "properties", name], input: 1 },
    ]);
  },
);

test("an answer does not grow with the body", () => {
  const event = (items: number) =>
    `{"event_name":"purchase","properties":{"price":1,"tags":[${Array.from({ length: items }, () => 1)}]}}`;
  expect(issuesOf(event(20))).toHaveLength(20);
  expect(issuesOf(event(1000))).toHaveLength(21);
  expect(issuesOf(event(1000)).at(-1)).toMatchObject({
    loc: ["body", "properties"],
    msg: "980 more faults by this schema",
  });
  expect(issuesOf(event(100_000))).toHaveLength(1);
});

test("in mode warn nothing is refused, and what does not fit is noted without anything of the event", () => {
  const set = schemaSet("warn", { purchase });
  expect(issuesOf('{"event_name":"purchase","properties":{"price":"secret"}}', set)).toEqual([]);
  expect(set.takeMisfits()).toEqual([{ eventName: "purchase", fault: "/price: Input must be number" }]);
  expect(set.takeMisfits()).toEqual([]);
  expect(issuesOf('{"event_name":"purchase"}', set)).toEqual([]);
  expect(set.takeMisfits()).toEqual([{ eventName: "purchase", fault: "/price: Field required by the schema" }]);
});

test("the quick way admits exactly what the parser does", () => {
  const schema = { properties: { a: { type: "number" } }, maxProperties: 3, propertyNames: { maxLength: 6 } };
  const name = fc.constantFrom('"purchase"', '"pur\\u0063hase"', '"other"', '"\\"quoted\\""');
  const set = schemaSet("enforce", { purchase: schema, '"quoted"': schema });
  const sender = { receivedAt: timestampOfMs(0), subjectText: "null", clientIdText: "null" };
  let refused = 0;
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.option(propertiesText)), { minLength: 1, maxLength: 3 }), (events) => {
      const texts = events.map(([text, properties]) =>
        properties === null ? `{"event_name":${text}}` : `{"properties":${properties},"event_name":${text}}`,
      );
      const body = Buffer.from(`{"events":[${texts}]}`);
      const transcriber = new Transcriber(new LineBuffer());
      transcriber.schemas = set;
      const written = formNamed("batch").transcribe(transcriber, body, sender);
      const isAccepted = formNamed("batch").parse(body, set).ok;
      if (!isAccepted) refused += 1;
      // Only what is refused may be left to the parser here, besides what it always gets: a body that it must explain.
      if (!isAccepted) expect(written).toBeUndefined();
      const without = new Transcriber(new LineBuffer());
      if (isAccepted) expect(written?.length).toBe(formNamed("batch").transcribe(without, body, sender)?.length);
    }),
    draws(300),
  );
  expect(refused).toBeGreaterThan(10);
});
