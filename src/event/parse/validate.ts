/**
 * Turns JSON into events, or lists everything that is wrong with it in pydantic's words. Nearly every body is valid, so
 * a compiled check and the parsers decide first; only what they refuse is compared with the schema to explain it.
 */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { recordOf } from "../../base/record.ts";
import { type Category, categoryDefault, type Priority, priorityDefault } from "../categories.ts";
import { type EventFieldName, eventFieldNames, fields, type StringName, stringNames } from "../fields.ts";
import { batchEventsMax } from "../limits.ts";
import { batchSchema, eventSchema } from "../schema.ts";
import type { Timestamp } from "../timestamp.ts";
import type { Issue } from "./issue.ts";
import { issuesOf } from "./issues-of.ts";
import { isRecord, nestsDeeper } from "./parse.ts";
import type { PropertiesPlace, PropertySchemas } from "./property-schemas.ts";
import { eventIdOf, isLengthWrong, memberOf, propertiesLevelsMax, timestampOf } from "./values.ts";

/** A valid event, with the defaults that need neither a clock nor randomness. */
export type ValidEvent = {
  event_name: string;
  category: Category;
  priority: Priority;
  /** An object or null; JSON.stringify writes its numbers with the digits that were sent. */
  properties: unknown;
  /** Undefined: left to the server. */
  timestamp: Timestamp | undefined;
  /** Undefined: left to the server. */
  event_id: string | undefined;
} & Record<StringName, string | null>;

/** All fields that are a string or null, as if an event left them out. */
const noStrings = recordOf(stringNames, () => null);

/** The events of a body, or everything that is wrong with it. */
export type Validated = { ok: true; events: ValidEvent[]; client_id: string | null } | { ok: false; issues: Issue[] };

/**
 * What this shape does not check, `eventOf` does: a length in code points, the meaning of times and ids, how deep
 * properties nest.
 */
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
/** More than the largest `errorOrder`. */
const eventPlaces = 1 + Math.max(...eventFieldNames.map((name) => fields[name].errorOrder));
const eventCheck = TypeCompiler.Compile(eventShape);
const batchCheck = TypeCompiler.Compile(batchShape);

/**
 * Validates one event; `value` and `exact` are what `parseJson` returns. With `schemas`, its properties must fit the
 * schema of its name.
 */
export function validateEvent(value: unknown, exact: unknown, schemas: PropertySchemas | undefined): Validated {
  const event = eventCheck.Check(value) ? eventOf(value, exact, schemas) : undefined;
  if (event !== undefined) return { ok: true, events: [event], client_id: null };
  const place = { loc: ["body"], value, exact };
  return { ok: false, issues: inOrder(issuesOf(eventSchema, place), issuesBySchema(schemas, place)) };
}

/** Validates the body of a batch; the arguments are those of `validateEvent`. */
export function validateBatch(value: unknown, exact: unknown, schemas: PropertySchemas | undefined): Validated {
  if (batchCheck.Check(value)) {
    const events = eventsOf(value.events, memberOf(exact, "events"), schemas);
    if (events !== undefined) return { ok: true, events, client_id: value.client_id ?? null };
  }
  const issues = issuesOf(batchSchema, { loc: ["body"], value, exact });
  const [events, exactEvents] = [memberOf(value, "events"), memberOf(exact, "events")];
  // A list that is too long is one issue, and its events are not looked at.
  if (!Array.isArray(events) || events.length > batchEventsMax) return { ok: false, issues };
  const bySchema = events.flatMap((event, index) =>
    issuesBySchema(schemas, { loc: ["body", "events", index], value: event, exact: memberOf(exactEvents, index) }),
  );
  return { ok: false, issues: inOrder(issues, bySchema) };
}

function eventsOf(
  values: Static<typeof eventShape>[],
  exact: unknown,
  schemas: PropertySchemas | undefined,
): ValidEvent[] | undefined {
  const events: ValidEvent[] = [];
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    const event = value && eventOf(value, memberOf(exact, index), schemas);
    if (event === undefined) return undefined;
    events.push(event);
  }
  return events;
}

/** What is wrong with an event by the schema of its name; nothing where `properties` is wrong without a schema. */
function issuesBySchema(schemas: PropertySchemas | undefined, { loc, value, exact }: PropertiesPlace): Issue[] {
  const name = memberOf(value, "event_name");
  const properties = memberOf(value, "properties") ?? null;
  if (schemas === undefined || typeof name !== "string") return [];
  if (properties !== null && (!isRecord(properties) || nestsDeeper(properties, propertiesLevelsMax))) return [];
  const place = { loc: [...loc, "properties"], value: properties, exact: memberOf(exact, "properties") ?? null };
  return schemas.issuesOf(name, place);
}

/** Both lists in one, in the order of events and fields. REQUIRES: each list is in this order. */
function inOrder(issues: Issue[], bySchema: Issue[]): Issue[] {
  if (bySchema.length === 0) return issues;
  return [...issues, ...bySchema].sort((one, other) => placeOf(one) - placeOf(other));
}

/** A number that grows with the place of an issue in a list. What follows the events comes last. */
function placeOf({ loc: [, ...path] }: Issue): number {
  const [index, field] = path[0] === "events" ? [path[1], path[2]] : [0, path[0]];
  const given = eventFieldNames.find((name) => name === field);
  if (given === undefined && path.length === 1) return Number.POSITIVE_INFINITY;
  return Number(index) * eventPlaces + (given === undefined ? 0 : fields[given].errorOrder);
}

/** Undefined: the event has a fault that the compiled check does not see. */
function eventOf(
  value: Static<typeof eventShape>,
  exact: unknown,
  schemas: PropertySchemas | undefined,
): ValidEvent | undefined {
  const timestamp = timestampOf(value.timestamp);
  const eventId = eventIdOf(value.event_id);
  if (!timestamp.ok || !eventId.ok) return undefined;
  if (isLengthWrong(value.event_name, eventSchema.properties.event_name)) return undefined;
  if (nestsDeeper(value.properties, propertiesLevelsMax)) return undefined;
  if (schemas?.admits(value.event_name, value.properties) === false) return undefined;
  const event: ValidEvent = {
    ...noStrings,
    event_name: value.event_name,
    category: value.category ?? categoryDefault,
    priority: value.priority ?? priorityDefault,
    properties: (exact === value ? value.properties : memberOf(exact, "properties")) ?? null,
    timestamp: timestamp.timestamp,
    event_id: eventId.id,
  } satisfies Record<EventFieldName, unknown>;
  for (const name of stringNames) event[name] = value[name] ?? null;
  return event;
}
