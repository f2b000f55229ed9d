import { expect, test } from "bun:test";
import { KindGuard, Type } from "@sinclair/typebox";
import { is, isOptional, shape } from "../../src/event/shapes.ts";

/** An object with all of its keys as strings, the symbols too, at every level. */
const plain = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Reflect.ownKeys(value).map((key) => [String(key), plain(Reflect.get(value, key))]));
};

const told = { description: "what it is" };

test.each([
  ["string", shape.string({ ...told, minLength: 1 }), Type.String({ ...told, minLength: 1 })],
  ["number", shape.number(), Type.Number()],
  ["null", shape.null(), Type.Null()],
  ["literal", shape.literal("auth"), Type.Literal("auth")],
  ["union", shape.union([shape.string(), shape.null()], told), Type.Union([Type.String(), Type.Null()], told)],
  ["array", shape.array(shape.string(), { maxItems: 2 }), Type.Array(Type.String(), { maxItems: 2 })],
  ["optional field", shape.optional(shape.string(told)), Type.Optional(Type.String(told))],
  ["object of any members", shape.anyObject(), Type.Unsafe(Type.Object({}, { additionalProperties: true }))],
  [
    "object",
    shape.object({ a: shape.string(), b: shape.optional(shape.null()) }, { $id: "Both" }),
    Type.Object({ a: Type.String(), b: Type.Optional(Type.Null()) }, { $id: "Both" }),
  ],
  [
    "object without a required field",
    shape.object({ b: shape.optional(shape.null()) }),
    Type.Object({ b: Type.Optional(Type.Null()) }),
  ],
])("a schema of a %s is what TypeBox makes", (_, ours, theirs) => {
  expect(plain(ours)).toEqual(plain(theirs));
});

test("schemas are told apart as TypeBox tells them apart", () => {
  const schemas = [
    Type.String(),
    Type.Number(),
    Type.Integer(),
    Type.Boolean(),
    Type.Null(),
    Type.Literal(1),
    Type.Union([Type.String(), Type.Null()]),
    Type.Array(Type.Null()),
    Type.Object({}),
    Type.Record(Type.String(), Type.Null()),
    Type.Optional(Type.Object({})),
  ];
  for (const schema of schemas) {
    expect([is.string(schema), is.integer(schema), is.boolean(schema), is.null(schema), is.literal(schema)]).toEqual([
      KindGuard.IsString(schema),
      KindGuard.IsInteger(schema),
      KindGuard.IsBoolean(schema),
      KindGuard.IsNull(schema),
      KindGuard.IsLiteral(schema),
    ]);
    expect([is.union(schema), is.array(schema), is.object(schema), is.record(schema), isOptional(schema)]).toEqual([
      KindGuard.IsUnion(schema),
      KindGuard.IsArray(schema),
      KindGuard.IsObject(schema),
      KindGuard.IsRecord(schema),
      KindGuard.IsOptional(schema),
    ]);
  }
});
