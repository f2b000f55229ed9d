/**
 * JSON to events, or everything that is wrong with it in pydantic's words. Nearly every body is good: a compiled check
 * and the parsers decide; a walk along the schema explains what they refused.
 */
import { KindGuard, type Static, type TArray, type TObject, type TSchema, type TString, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { type Category, categoryDefault, type Priority, priorityDefault } from "../categories.ts";
import { type ParsedEventId, parseEventId } from "../event-id.ts";
import { batchSchema, eventSchema, propertiesDepthMax } from "../schema.ts";
import { type ParsedTimestamp, parseTimestamp, type Timestamp } from "../timestamp.ts";
import { type Issue, jsonInvalid } from "./issue.ts";
import { depthError, isRecord, nestsDeeper } from "./parse.ts";

/** An event that may be kept, with the defaults that need neither clock nor chance. */
export type ValidEvent = {
  event_name: string;
  category: Category;
  priority: Priority;
  /** An object or null; JSON.stringify gives its numbers the digits that they were sent with. */
  properties: unknown;
  /** Undefined: left to the server. */
  timestamp: Timestamp | undefined;
  session_id: string | null;
  page_url: string | null;
  referrer: string | null;
  user_agent: string | null;
  /** Undefined: left to the server. */
  event_id: string | undefined;
};

/** The events of a body, or everything that is wrong with it. */
export type Validated = { ok: true; events: ValidEvent[]; client_id: string | null } | { ok: false; issues: Issue[] };

/** What is open here, `eventOf` decides: a length in code points, what a text means, how deep properties nest. */
const eventShape = Type.Object({
  ...eventSchema.properties,
  event_name: Type.String(),
  timestamp: Type.Optional(Type.Unknown()),
  event_id: Type.Optional(Type.Unknown()),
});
const batchShape = Type.Object({
  ...batchSchema.properties,
  events: Type.Array(eventShape, batchSchema.properties.events),
});
const eventCheck = TypeCompiler.Compile(eventShape);
const batchCheck = TypeCompiler.Compile(batchShape);

/** Reads the body of one event; the arguments are what `parseJson` gives. */
export function validateEvent(value: unknown, exact: unknown): Validated {
  const event = eventCheck.Check(value) ? eventOf(value, exact) : undefined;
  if (event !== undefined) return { ok: true, events: [event], client_id: null };
  return { ok: false, issues: issuesOf(eventSchema, { loc: ["body"], value, exact }) };
}

/** Reads the body of a batch; the arguments are what `parseJson` gives. */
export function validateBatch(value: unknown, exact: unknown): Validated {
  if (batchCheck.Check(value)) {
    const events = eventsOf(value.events, memberOf(exact, "events"));
    if (events !== undefined) return { ok: true, events, client_id: value.client_id ?? null };
  }
  return { ok: false, issues: issuesOf(batchSchema, { loc: ["body"], value, exact }) };
}

function eventsOf(values: Static<typeof eventShape>[], exact: unknown): ValidEvent[] | undefined {
  const events: ValidEvent[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const event = value && eventOf(value, memberOf(exact, index));
    if (event === undefined) return undefined;
    events.push(event);
  }
  return events;
}

/** Undefined: something is wrong with it that the compiled check does not see. */
function eventOf(value: Static<typeof eventShape>, exact: unknown): ValidEvent | undefined {
  const timestamp = timestampOf(value.timestamp);
  const eventId = eventIdOf(value.event_id);
  if (!timestamp.ok || !eventId.ok) return undefined;
  if (lengthFault(eventSchema.properties.event_name, value.event_name) !== undefined) return undefined;
  if (nestsDeeper(value.properties, propertiesLevelsMax)) return undefined;
  return {
    event_name: value.event_name,
    category: value.category ?? categoryDefault,
    priority: value.priority ?? priorityDefault,
    properties: (exact === value ? value.properties : memberOf(exact, "properties")) ?? null,
    timestamp: timestamp.timestamp,
    session_id: value.session_id ?? null,
    page_url: value.page_url ?? null,
    referrer: value.referrer ?? null,
    user_agent: value.user_agent ?? null,
    event_id: eventId.id,
  };
}

function timestampOf(value: unknown): ParsedTimestamp | { ok: true; timestamp: undefined } | { ok: false } {
  if (typeof value === "string" || typeof value === "number") return parseTimestamp(value);
  return value === undefined || value === null ? { ok: true, timestamp: undefined } : { ok: false };
}

function eventIdOf(value: unknown): ParsedEventId | { ok: true; id: undefined } | { ok: false } {
  if (typeof value === "string") return parseEventId(value);
  return value === undefined || value === null ? { ok: true, id: undefined } : { ok: false };
}

/** `properties` is itself a level around what lies in it. */
const propertiesLevelsMax = propertiesDepthMax + 1;

/** A place in a body, and what stands there in either reading. */
type Place = { loc: Issue["loc"]; value: unknown; exact: unknown };

/** What an issue says, without where. */
type Fault = Omit<Issue, "loc" | "input">;

/** All that is wrong at a place and within it, in the schema's order. */
function issuesOf(schema: TSchema, place: Place): Issue[] {
  const alternatives = KindGuard.IsUnion(schema) ? schema.anyOf : [schema];
  const isNullable = alternatives.some((alternative) => KindGuard.IsNull(alternative));
  if (isNullable && place.value === null) return [];
  const members = alternatives.filter(KindGuard.IsLiteral).map((literal) => literal.const);
  if (members.length === alternatives.length) return issuesAt(place, enumFault(members, place.value));

  const [wanted] = alternatives;
  if (KindGuard.IsArray(wanted)) return issuesOfList(wanted, place);
  if (KindGuard.IsObject(wanted) && !wanted.additionalProperties) return issuesOfModel(wanted, place);
  if (KindGuard.IsObject(wanted)) return issuesOfDict(place);
  if (!KindGuard.IsString(wanted)) return [];
  if (wanted.format === "date-time") return issuesAt(place, timestampFault(place.value));
  if (wanted.format === "uuid") return issuesAt(place, eventIdFault(place.value));
  return issuesAt(place, textFault(wanted, place.value));
}

function issuesAt({ loc, exact }: Place, fault: Fault | undefined): Issue[] {
  if (fault === undefined) return [];
  const { type, msg, ctx } = fault;
  return [ctx === undefined ? { type, loc, msg, input: exact } : { type, loc, msg, input: exact, ctx }];
}

function issuesOfModel({ properties }: TObject, place: Place): Issue[] {
  if (!isRecord(place.value)) {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    return issuesAt(place, { type: "model_attributes_type", msg });
  }
  const fields = place.value;
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (Object.hasOwn(fields, name)) return issuesOf(schema, placeWithin(place, name));
    if (KindGuard.IsOptional(schema)) return [];
    return issuesAt({ ...place, loc: [...place.loc, name] }, { type: "missing", msg: "Field required" });
  });
}

function issuesOfList({ items, minItems = 0, maxItems = Number.POSITIVE_INFINITY }: TArray, place: Place): Issue[] {
  if (!Array.isArray(place.value)) return issuesAt(place, { type: "list_type", msg: "Input should be a valid list" });
  const found = place.value.length;
  const field_type = "List";
  if (found < minItems) {
    const msg = `List should have at least ${counted(minItems, "item")} after validation, not ${found}`;
    const ctx = { field_type, min_length: minItems, actual_length: found };
    return issuesAt(place, { type: "too_short", msg, ctx });
  }
  if (found > maxItems) {
    const msg = `List should have at most ${counted(maxItems, "item")} after validation, not ${found}`;
    const ctx = { field_type, max_length: maxItems, actual_length: found };
    return issuesAt(place, { type: "too_long", msg, ctx });
  }
  return place.value.flatMap((_, index) => issuesOf(items, placeWithin(place, index)));
}

function issuesOfDict(place: Place): Issue[] {
  if (!isRecord(place.value)) return issuesAt(place, { type: "dict_type", msg: "Input should be a valid dictionary" });
  return nestsDeeper(place.value, propertiesLevelsMax) ? [jsonInvalid(place.loc, depthError)] : [];
}

function enumFault(members: unknown[], value: unknown): Fault | undefined {
  if (members.includes(value)) return undefined;
  const quoted = members.map((member) => `'${member}'`);
  const expected = `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return { type: "enum", msg: `Input should be ${expected}`, ctx: { expected } };
}

function textFault(schema: TString, value: unknown): Fault | undefined {
  if (typeof value !== "string") return { type: "string_type", msg: "Input should be a valid string" };
  return lengthFault(schema, value);
}

/** Lengths are in code points, each of which is one UTF-16 unit or two: often the units alone tell. */
function lengthFault(
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: TString,
  text: string,
): Fault | undefined {
  if (text.length >= minLength * 2 - 1 && text.length <= maxLength) return undefined;
  let codePoints = 0;
  for (const _ of text) codePoints++;
  if (codePoints < minLength) {
    const msg = `String should have at least ${counted(minLength, "character")}`;
    return { type: "string_too_short", msg, ctx: { min_length: minLength } };
  }
  if (codePoints > maxLength) {
    const msg = `String should have at most ${counted(maxLength, "character")}`;
    return { type: "string_too_long", msg, ctx: { max_length: maxLength } };
  }
  return undefined;
}

function timestampFault(value: unknown): Fault | undefined {
  const timestamp = timestampOf(value);
  if (timestamp.ok) return undefined;
  if (!("error" in timestamp)) return { type: "datetime_type", msg: "Input should be a valid datetime" };
  const { error } = timestamp;
  const msg = `Input should be a valid datetime or date, ${error}`;
  return { type: "datetime_from_date_parsing", msg, ctx: { error } };
}

function eventIdFault(value: unknown): Fault | undefined {
  const id = eventIdOf(value);
  if (id.ok) return undefined;
  if (!("error" in id)) return { type: "uuid_type", msg: "UUID input should be a string, bytes or UUID object" };
  const { error } = id;
  return { type: "uuid_parsing", msg: `Input should be a valid UUID, ${error}`, ctx: { error } };
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

function placeWithin({ loc, value, exact }: Place, key: string | number): Place {
  return { loc: [...loc, key], value: memberOf(value, key), exact: memberOf(exact, key) };
}

/** What JSON has at a key or an index; nothing that a prototype has. */
function memberOf(container: unknown, key: string | number): unknown {
  if (Array.isArray(container)) return container[Number(key)];
  return isRecord(container) && Object.hasOwn(container, key) ? container[key] : undefined;
}
