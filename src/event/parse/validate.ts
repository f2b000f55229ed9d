/**
 * Turns JSON into events, or lists everything that is wrong with it in pydantic's words. Nearly every body is valid, so
 * a compiled check and the parsers decide first; only what they refuse is compared with the schema to explain it.
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
const eventCheck = TypeCompiler.Compile(eventShape);
const batchCheck = TypeCompiler.Compile(batchShape);

/** Validates the body of one event; the arguments are what `parseJson` returns. */
export function validateEvent(value: unknown, exact: unknown): Validated {
  const event = eventCheck.Check(value) ? eventOf(value, exact) : undefined;
  if (event !== undefined) return { ok: true, events: [event], client_id: null };
  return { ok: false, issues: issuesOf(eventSchema, { loc: ["body"], value, exact }) };
}

/** Validates the body of a batch; the arguments are what `parseJson` returns. */
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

/** Undefined: the event has a fault that the compiled check does not see. */
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
