/** An inferred schema fits every event that it was made from, and says what all of them have in common. */
import { expect, test } from "bun:test";
import { compileSchema } from "../../src/schema/compile.ts";
import { inferSchema } from "../../src/schema/infer.ts";
import { propertiesText } from "../support/arbitraries.ts";
import { draws, fc } from "../support/property.ts";

const inferred = (properties: readonly unknown[]) => {
  const { $schema, ...schema } = inferSchema(properties);
  expect($schema).toBe("https://json-schema.org/draft/2020-12/schema");
  return schema;
};

test("types, what is required, and words that come again and again", () => {
  const events = Array.from({ length: 20 }, (_, index) => ({
    price: index / 2,
    count: index,
    plan: index % 2 === 0 ? "free" : "paid",
    name: `name ${index}`,
    ...(index > 5 ? { note: index % 3 === 0 ? null : true } : {}),
  }));
  expect(inferred(events)).toEqual({
    type: "object",
    required: ["count", "name", "plan", "price"],
    properties: {
      count: { type: "integer" },
      name: { type: "string" },
      note: { type: ["boolean", "null"] },
      plan: { type: "string", enum: ["free", "paid"] },
      price: { type: "number" },
    },
  });
});

test("formats that all strings have, objects and lists in each other", () => {
  const of = (day: number) => ({
    at: `2026-01-0${day}T00:00:00Z`,
    id: `01900000-0000-7000-8000-00000000000${day}`,
    page: `https://shop.example/${day}`,
    items: [{ sku: `s${day}`, n: day }, { sku: "x" }],
    mixed: day === 1 ? "2026-01-01T00:00:00Z" : "later",
  });
  expect(inferred([of(1), of(2), of(3)])).toMatchObject({
    properties: {
      at: { type: "string", format: "date-time" },
      id: { type: "string", format: "uuid" },
      page: { type: "string", format: "uri" },
      items: {
        type: "array",
        items: { type: "object", required: ["sku"], properties: { n: { type: "integer" }, sku: { type: "string" } } },
      },
      mixed: { type: "string" },
    },
  });
  expect(JSON.stringify(inferred([of(1), of(2)]))).not.toContain("additionalProperties");
});

test("events without properties, and none at all", () => {
  expect(inferred([null, {}])).toEqual({ type: "object" });
  expect(inferred([null, { a: 1 }])).toEqual({ type: "object", properties: { a: { type: "integer" } } });
  expect(inferred([])).toEqual({});
});

test("an object with very many names is a map: none of them is listed", () => {
  const map = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, index]));
  expect(inferred([map])).toEqual({ type: "object" });
});

test("it fits every event that it was made from", () => {
  const word = fc.constantFrom('"a"', '"b"', "1", "1.5", "null", "true", '"2026-01-01T00:00:00Z"', "[]", "{}", "1e999");
  const members = fc.array(fc.tuple(fc.constantFrom("x", "y", "__proto__", "constructor", "", '\\"'), word), {
    maxLength: 4,
  });
  const small = members.map((all) => `{${all.map(([name, text]) => `"${name}":${text}`).join(",")}}`);
  const events = fc.array(fc.oneof(propertiesText, small, fc.constant("null")), { maxLength: 30 });
  fc.assert(
    fc.property(events, (texts) => {
      const properties = texts.map((text): unknown => JSON.parse(text));
      const text = JSON.stringify(inferSchema(properties));
      const schema = compileSchema({ file: "inferred.json", text });
      for (const each of properties) expect(schema.firstFault(each ?? {})).toBeUndefined();
    }),
    draws(200),
  );
});
