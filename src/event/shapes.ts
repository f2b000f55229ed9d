/**
 * The schemas of an event and a batch are TypeBox's own, made and told apart here without loading it: every shard's
 * thread would read its 220 files at its start, which takes 25 ms of processor time. `test/event/shapes.test.ts` shows
 * that what is made here is what TypeBox makes.
 */
import type {
  StringOptions,
  TArray,
  TBoolean,
  TInteger,
  TLiteral,
  TNull,
  TNumber,
  TObject,
  TOptional,
  TProperties,
  TRecord,
  TSchema,
  TString,
  TUnion,
  TUnsafe,
} from "@sinclair/typebox";

/** TypeBox marks each schema with these; both are registered for all, by their names. */
const [kind, optional] = [Symbol.for("TypeBox.Kind"), Symbol.for("TypeBox.Optional")];

const isOfKind = (schema: unknown, name: string): boolean =>
  typeof schema === "object" && schema !== null && Reflect.get(schema, kind) === name;

const made = <Schema extends TSchema>(name: string, schema: object, options: object = {}): Schema =>
  // The symbols cannot be named in a type without TypeBox's own values.
  ({ ...options, [kind]: name, ...schema }) as unknown as Schema;

/** Makes what TypeBox's `Type` makes of the same arguments. */
export const shape = {
  string: (options?: StringOptions): TString => made("String", { type: "string" }, options),
  number: (): TNumber => made("Number", { type: "number" }),
  null: (): TNull => made("Null", { type: "null" }),
  literal: <Value extends string>(value: Value): TLiteral<Value> =>
    made("Literal", { const: value, type: typeof value }),
  union: <Types extends TSchema[]>(anyOf: readonly [...Types], options?: object): TUnion<Types> =>
    made("Union", { anyOf }, options),
  array: <Items extends TSchema>(items: Items, options?: object): TArray<Items> =>
    made("Array", { type: "array", items }, options),
  object: <Properties extends TProperties>(properties: Properties, options?: object): TObject<Properties> => {
    const required = Object.keys(properties).filter((name) => !isOptional(properties[name]));
    return made("Object", { type: "object", ...(required.length > 0 && { required }), properties }, options);
  },
  /** An object with any members. */
  anyObject: (): TUnsafe<Record<string, unknown>> =>
    made("Object", { type: "object", properties: {}, additionalProperties: true }),
  optional: <Schema extends TSchema>(schema: Schema): TOptional<Schema> =>
    ({ ...schema, [optional]: "Optional" }) as unknown as TOptional<Schema>,
};

/** Whether a field may be left out. */
export const isOptional = (schema: unknown): boolean =>
  typeof schema === "object" && schema !== null && Reflect.get(schema, optional) === "Optional";

/** Tells what a schema is of, as TypeBox's `KindGuard` does. */
export const is = {
  array: (schema: unknown): schema is TArray => isOfKind(schema, "Array"),
  boolean: (schema: unknown): schema is TBoolean => isOfKind(schema, "Boolean"),
  integer: (schema: unknown): schema is TInteger => isOfKind(schema, "Integer"),
  literal: (schema: unknown): schema is TLiteral => isOfKind(schema, "Literal"),
  null: (schema: unknown): schema is TNull => isOfKind(schema, "Null"),
  object: (schema: unknown): schema is TObject => isOfKind(schema, "Object"),
  record: (schema: unknown): schema is TRecord => isOfKind(schema, "Record"),
  string: (schema: unknown): schema is TString => isOfKind(schema, "String"),
  union: (schema: unknown): schema is TUnion => isOfKind(schema, "Union"),
};
