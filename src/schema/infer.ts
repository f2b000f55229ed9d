/**
 * A first schema from events that are there. It fits every event that it was made from, and forbids nothing that they
 * do not: properties that none of them had stay allowed. Pure.
 */
import { isRecord } from "../event/parse/parse.ts";
import { formatsOf, type InferredFormat } from "./inferred-formats.ts";

/** A JSON Schema, as plain data. */
type InferredSchema = { [keyword: string]: unknown };

/** Strings with at most this many different values, each several times on average, are listed as an `enum`. */
const enumMax = 12;
const timesEachMin = 5;

/** Further different strings are not remembered: there is no enum then. A longer string is not a word of a list. */
const enumCharsMax = 64;

/** An object with more different names than this is a map rather than a record, and its names are not listed. */
const namesMax = 200;

/** What was seen at one place of the events. A place within a place has its own. */
class Seen {
  #values = 0;
  readonly #types = new Set<string>();
  #isFinite = true;
  /** Different strings and how often any came; undefined once they are too many or too long. */
  #strings: Set<string> | undefined = new Set();
  #stringsSeen = 0;
  #formats: readonly InferredFormat[] | undefined;
  #objects = 0;
  #members: Map<string, Seen> | undefined = new Map();
  #items: Seen | undefined;

  /** Adds a value, as JSON.parse returns it. */
  add(value: unknown): void {
    this.#values += 1;
    if (value === null) this.#types.add("null");
    else if (typeof value === "number") this.#addNumber(value);
    else if (typeof value === "string") this.#addString(value);
    else if (Array.isArray(value)) {
      this.#types.add("array");
      this.#items ??= new Seen();
      for (const item of value) this.#items.add(item);
    } else if (isRecord(value)) this.#addObject(value);
    else this.#types.add(typeof value);
  }

  #addNumber(value: number): void {
    // No schema has a type for it, see `compile.ts`.
    if (!Number.isFinite(value)) this.#isFinite = false;
    this.#types.add(Number.isInteger(value) ? "integer" : "number");
  }

  #addString(value: string): void {
    this.#types.add("string");
    this.#stringsSeen += 1;
    this.#formats = formatsOf(value, this.#formats);
    this.#strings?.add(value);
    if (value.length > enumCharsMax || (this.#strings?.size ?? 0) > enumMax) this.#strings = undefined;
  }

  #addObject(value: Record<string, unknown>): void {
    this.#types.add("object");
    this.#objects += 1;
    for (const [name, member] of Object.entries(value)) {
      // Ajv ignores a schema for this name.
      if (name === "__proto__") continue;
      const seen = this.#members?.get(name) ?? new Seen();
      this.#members?.set(name, seen);
      seen.add(member);
      if ((this.#members?.size ?? 0) > namesMax) this.#members = undefined;
    }
  }

  /** The schema that fits every value that was added. */
  schema(): InferredSchema {
    if (!this.#isFinite || this.#values === 0) return {};
    // Every integer is a number.
    if (this.#types.has("number")) this.#types.delete("integer");
    const types = [...this.#types].sort();
    const schema: InferredSchema = { type: types.length === 1 ? types[0] : types };
    if (this.#types.has("string")) this.#describeStrings(schema, types);
    if (this.#types.has("object")) this.#describeObjects(schema);
    const items = this.#items?.schema() ?? {};
    if (Object.keys(items).length > 0) schema["items"] = items;
    return schema;
  }

  #describeStrings(schema: InferredSchema, types: readonly string[]): void {
    const [format] = this.#formats ?? [];
    if (format !== undefined) schema["format"] = format;
    const strings = this.#strings;
    const isOnly = types.every((type) => type === "string" || type === "null");
    if (format !== undefined || strings === undefined || !isOnly) return;
    if (this.#stringsSeen < strings.size * timesEachMin) return;
    schema["enum"] = [...[...strings].sort(), ...(types.includes("null") ? [null] : [])];
  }

  #describeObjects(schema: InferredSchema): void {
    const members = [...(this.#members ?? [])].sort(([one], [other]) => (one < other ? -1 : 1));
    if (members.length === 0) return;
    const required = members.filter(([, seen]) => seen.#values === this.#objects).map(([name]) => name);
    if (required.length > 0) schema["required"] = required;
    schema["properties"] = Object.fromEntries(members.map(([name, seen]) => [name, seen.schema()]));
  }
}

/**
 * The schema of events by their properties, as JSON.parse returns them; null counts as `{}`, as it does where schemas
 * are checked.
 */
export function inferSchema(properties: Iterable<unknown>): InferredSchema {
  const seen = new Seen();
  for (const each of properties) seen.add(each ?? {});
  return { $schema: "https://json-schema.org/draft/2020-12/schema", ...seen.schema() };
}
