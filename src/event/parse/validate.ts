/**
 * JSON to events, or everything that is wrong with it in pydantic's words. Nearly every body is good: a compiled check
 * and the parsers decide; a walk along the schema explains what they refused.
 */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { recordOf } from "../../base/record.ts";
import { type Category, categoryDefault, type Priority, priorityDefault } from "../categories.ts";
import { type EventFieldName, type StringName, stringNames } from "../fields.ts";
import { batchSchema, eventSchema } from "../schema.ts";
import type { Timestamp } from "../timestamp.ts";
import type { Issue } from "./issue.ts";
import { issuesOf } from "./issues-of.ts";
import { nestsDeeper } from "./parse.ts";
import { eventIdOf, isLengthWrong, memberOf, propertiesLevelsMax, timestampOf } from "./values.ts";

/** An event that may be kept, with the defaults that need neither clock nor chance. */
export type ValidEvent = {
  event_name: string;
  category: Category;
  priority: Priority;
  /** An object or null; JSON.stringify gives its numbers the digits that they were sent with. */
  properties: unknown;
  /** Undefined: left to the server. */
  timestamp: Timestamp | undefined;
  /** Undefined: left to the server. */
  event_id: string | undefined;
} & Record<StringName, string | null>;

/** What an event has where it left out all fields that are a string or null. */
const noStrings = recordOf(stringNames, () => null);

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
  if (isLengthWrong(value.event_name, eventSchema.properties.event_name)) return undefined;
  if (nestsDeeper(value.properties, propertiesLevelsMax)) return undefined;
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
