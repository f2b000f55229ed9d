/** The events as InfluxDB takes them: a line a point, the few names as tags, everything else as text. */
import { recordOf } from "../../src/base/record.ts";
import { stringNames } from "../../src/event/fields.ts";
import type { BatchInput, EventInput } from "../../src/event/schema.ts";

/** Stands where `line-protocol.lua` writes a time of its own into each point; no string of an event holds it. */
export const timestampPlace = "\u001f";

/** Stands for the end of a point in a file with one body a line. */
export const pointEnd = "\u001e";

/** One body of the service's endpoints as one body of `/write`, on one line of a file. */
export function linesOfBody(body: BatchInput | EventInput): string {
  const points = "events" in body ? body.events.map((event) => pointOf(event, body.client_id)) : [pointOf(body, null)];
  return points.join(pointEnd);
}

/**
 * One event as one point. Tags are what has few values, since each combination of them is a series of its own; strings,
 * ids and the properties as JSON are fields. Its time is not the event's: two points of a series at one time are one
 * point.
 */
export function pointOf(event: EventInput, clientId: string | null | undefined): string {
  const { event_name, category = "user_action", priority = "medium", properties } = event;
  const tags = Object.entries({ event_name, category, priority }).map(([name, value]) => `,${name}=${tagValue(value)}`);
  const fields = Object.entries({
    properties: JSON.stringify(properties ?? {}),
    ...recordOf(stringNames, (name) => event[name]),
    timestamp: event.timestamp?.toString(),
    client_id: clientId,
  }).flatMap(([name, value]) => (typeof value === "string" ? [`${name}=${fieldText(value)}`] : []));
  return `events${tags.join("")} ${fields.join(",")} ${timestampPlace}`;
}

/**
 * A tag's value. Version 1 has no way to write a line's end in a tag, nor a backslash at its end: one becomes a blank,
 * the other a slash.
 */
export function tagValue(text: string): string {
  return separable(text)
    .replaceAll("\\", "/")
    .replaceAll(/[,= ]/g, (special) => `\\${special}`);
}

/** A field's value of type text. */
export function fieldText(text: string): string {
  return `"${separable(text).replaceAll(/["\\]/g, (special) => `\\${special}`)}"`;
}

/** Without what ends a line, or stands for something in the file of bodies. */
function separable(text: string): string {
  return text.replaceAll(/[\r\n\u001e\u001f]/g, " ");
}
