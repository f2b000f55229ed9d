/** The key that a body names, where its headers name none. */
import type { Protocol } from "../event/protocols.ts";
import { readText } from "./body-text.ts";
import { filledStringOf, itemsOf, type Json, membersOf, objectOf } from "./json-text.ts";

const keyNames = ["api_key", "token", "writeKey"];

/** Whether bodies of a protocol may name a key. */
export const mayNameKey = (protocol: Protocol): boolean => protocol === "segment" || protocol === "posthog";

/** Where PostHog's SDKs have the key among an event's properties. */
const propertyName = "token";

/** The properties that may hold a key: PostHog's alone. Elsewhere such a property is the sender's own. */
const keyedProperties = (event: Json | undefined, protocol: Protocol) =>
  protocol === "posthog" ? membersOf(membersOf(event)?.get("properties")) : undefined;

/**
 * The key in a body: at its top, or in its first event. Undefined if there is none. It is looked for only in places
 * from which it is never stored.
 */
export function keyIn(body: Uint8Array, protocol: Protocol): string | undefined {
  const read = readText(body);
  if (!read.ok) return undefined;
  const [first] = itemsOf(membersOf(read.json)?.get("batch") ?? read.json) ?? [];
  const properties = keyedProperties(first ?? read.json, protocol);
  return keyOf(read.json) ?? keyOf(first) ?? filledStringOf(properties?.get(propertyName));
}

/** An event as it was sent, but without the key: what is kept must hold none. */
export function withoutKey(event: Json, protocol: Protocol): Json {
  const members = membersOf(event);
  if (members === undefined) return event;
  const own = keyedProperties(event, protocol);
  const isKeyless = !keyNames.some((name) => members.has(name)) && own?.has(propertyName) !== true;
  if (isKeyless) return event;
  const rest = new Map(members);
  for (const name of keyNames) rest.delete(name);
  if (own !== undefined) {
    const properties = new Map(own);
    properties.delete(propertyName);
    rest.set("properties", objectOf(properties));
  }
  return objectOf(rest);
}

function keyOf(json: Json | undefined): string | undefined {
  const members = membersOf(json);
  for (const name of keyNames) {
    const key = filledStringOf(members?.get(name));
    if (key !== undefined) return key;
  }
  return undefined;
}
