/**
 * A quick check of most of an event. What it does not check, `validateEvent` does: a length in code points, the meaning
 * of times and ids, how deep properties nest.
 */
import { type EventFieldName, eventFieldNames, fields } from "../fields.ts";
import { batchEventsMax } from "../limits.ts";
import type { BatchInput, EventInput } from "../schema.ts";
import { isRecord } from "./parse.ts";

/** An event whose fields are right except for what this check leaves out. */
export type ShapedEvent = Omit<EventInput, "timestamp" | "event_id"> & { timestamp?: unknown; event_id?: unknown };

/** A batch of such events. */
type ShapedBatch = Omit<BatchInput, "events"> & { events: ShapedEvent[] };

const isStringOrNull = (value: unknown) => value === null || typeof value === "string";
const isRecordOrNull = (value: unknown) => value === null || isRecord(value);

/** What is checked of a field that an event has; undefined: nothing here. */
function checkOf(name: EventFieldName): ((value: unknown) => boolean) | undefined {
  const field = fields[name];
  switch (field.kind) {
    case "string":
      return isStringOrNull;
    case "object":
      return isRecordOrNull;
    case "enum": {
      const members = new Set<unknown>(field.members);
      return (value) => members.has(value);
    }
    default:
      return undefined;
  }
}

const checks = eventFieldNames.flatMap((name) => {
  const check = checkOf(name);
  return check === undefined ? [] : [{ name, check }];
});

/** Whether a parsed body is an event as far as this check goes. */
export function isEventShaped(value: unknown): value is ShapedEvent {
  if (!isRecord(value) || typeof value["event_name"] !== "string") return false;
  for (const { name, check } of checks) {
    const given = value[name];
    if (given !== undefined && !check(given)) return false;
  }
  return true;
}

/** Whether a parsed body is a batch of such events. */
export function isBatchShaped(value: unknown): value is ShapedBatch {
  if (!isRecord(value)) return false;
  const { events, client_id } = value;
  if (client_id !== undefined && !isStringOrNull(client_id)) return false;
  if (!Array.isArray(events) || events.length === 0 || events.length > batchEventsMax) return false;
  return events.every(isEventShaped);
}
