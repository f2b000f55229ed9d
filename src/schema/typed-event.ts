/** Which properties a schema names, and of what kind they are: for the typed view of its events. Pure. */
import { isRecord } from "../event/parse/parse.ts";
import { memberOf } from "../event/parse/values.ts";
import type { PropertyKind, TypedEvent, TypedProperty } from "../store/catalog/typed-views.ts";

/** References and alternatives are followed this deep: one may lead to itself. */
const stepsMax = 16;

/** Further properties of a schema have no column. */
const propertiesMax = 500;

/** A longer description is cut in the column's comment. Characters. */
const descriptionCharsMax = 300;

/** The properties that the schema of an event names, in its order. */
export function typedEventOf(eventName: string, schema: Readonly<Record<string, unknown>>): TypedEvent {
  const named = new Map<string, TypedProperty>();
  for (const [name, property] of propertiesOf(schema, schema, stepsMax)) {
    if (named.has(name) || named.size === propertiesMax) continue;
    const description = isRecord(property) ? (property["description"] ?? property["title"]) : undefined;
    const kind = kindOf(kindsOf(property, schema, stepsMax));
    const text = typeof description === "string" ? { description: description.slice(0, descriptionCharsMax) } : {};
    named.set(name, { name, kind, ...text });
  }
  return { eventName, properties: [...named.values()] };
}

/** Properties that an object has by this schema: its own, and those of all that apply to the same object. */
function propertiesOf(schema: unknown, root: unknown, stepsLeft: number): [string, unknown][] {
  if (!isRecord(schema) || stepsLeft === 0) return [];
  const own = schema["properties"];
  const others = [referred(schema, root), ...["allOf", "anyOf", "oneOf"].flatMap((key) => listOf(schema[key]))];
  return [
    ...(isRecord(own) ? Object.entries(own) : []),
    ...others.flatMap((other) => propertiesOf(other, root, stepsLeft - 1)),
  ];
}

/**
 * The kinds that the schema allows for a value; undefined: all kinds. Null is left out: it is NULL in each column.
 */
function kindsOf(schema: unknown, root: unknown, stepsLeft: number): ReadonlySet<PropertyKind> | undefined {
  if (!isRecord(schema) || stepsLeft === 0) return undefined;
  const own = ownKinds(schema);
  if (own !== undefined) return own;
  for (const all of [[referred(schema, root)], listOf(schema["allOf"])])
    for (const each of all) {
      const kinds = kindsOf(each, root, stepsLeft - 1);
      if (kinds !== undefined) return kinds;
    }
  for (const key of ["anyOf", "oneOf"]) {
    const alternatives = listOf(schema[key]).map((each) => kindsOf(each, root, stepsLeft - 1));
    if (alternatives.length > 0 && alternatives.every((each) => each !== undefined))
      return new Set(alternatives.flatMap((each) => [...each]));
  }
  return undefined;
}

function ownKinds(schema: Record<string, unknown>): ReadonlySet<PropertyKind> | undefined {
  const { type, format } = schema;
  const types = typeof type === "string" ? [type] : listOf(type);
  const named = types.length > 0 ? types : typesOfValues(schema);
  if (named === undefined) return undefined;
  const kinds = named.filter((each) => each !== "null").map((each) => kindOfType(each));
  return new Set(kinds.map((kind) => (kind === "string" && format === "date-time" ? "date-time" : kind)));
}

const kindByType: ReadonlyMap<unknown, PropertyKind> = new Map(
  (["number", "integer", "string", "boolean", "object", "array"] as const).map((type) => [type, type]),
);

const kindOfType = (type: unknown): PropertyKind => kindByType.get(type) ?? "any";

/** The types of the values that are listed as allowed; undefined if there is no list. */
function typesOfValues(schema: Record<string, unknown>): string[] | undefined {
  const values = "const" in schema ? [schema["const"]] : schema["enum"];
  return Array.isArray(values) ? values.map(typeOf) : undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isInteger(value) ? "integer" : typeof value;
}

function kindOf(kinds: ReadonlySet<PropertyKind> | undefined): PropertyKind {
  const [first = "any", ...rest] = kinds ?? [];
  if (rest.length === 0) return first;
  if ([first, ...rest].every((kind) => kind === "integer" || kind === "number")) return "number";
  return [first, ...rest].every((kind) => kind === "string" || kind === "date-time") ? "string" : "any";
}

/** What a local `$ref` leads to: `#`, or `#/` and a JSON pointer. */
function referred({ $ref: reference }: Record<string, unknown>, root: unknown): unknown {
  if (typeof reference !== "string" || !/^#(?:\/|$)/.test(reference)) return undefined;
  let at = root;
  for (const part of decoded(reference).split("/").slice(1))
    at = memberOf(at, part.replaceAll("~1", "/").replaceAll("~0", "~"));
  return at;
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference);
  } catch (error) {
    if (error instanceof URIError) return "";
    throw error;
  }
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
