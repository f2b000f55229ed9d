/** The key that a body names, where its headers name none. */
import type { Protocol } from "../event/protocols.ts";
import { readText } from "./body-text.ts";
import { filledStringOf, itemsOf, type Json, membersOf, objectOf } from "./json-text.ts";

const keyNames = ["api_key", "token", "writeKey"];

/** Whether bodies of a protocol may name a key. */
export const mayNameKey = (protocol: Protocol): boolean => protocol === "segment" || protocol === "posthog";

/** The key in a body: at its top, or in its first event or that one's properties. Undefined if there is none. */
export function keyIn(body: Uint8Array): string | undefined {
  const read = readText(body);
  if (!read.ok) return undefined;
  const [first] = itemsOf(membersOf(read.json)?.get("batch") ?? read.json) ?? [];
  return keyOf(read.json) ?? keyOf(first) ?? keyOf(membersOf(first ?? read.json)?.get("properties"));
}

/** An event as it was sent, but without the key: what is kept must hold none. */
export function withoutKey(event: Json): Json {
  const members = membersOf(event);
  if (members === undefined) return event;
  const own = membersOf(members.get("properties"));
  const isKeyless = !keyNames.some((name) => members.has(name)) && own?.has("token") !== true;
  if (isKeyless) return event;
  const rest = new Map(members);
  for (const name of keyNames) rest.delete(name);
  if (own !== undefined) {
    const properties = new Map(own);
    properties.delete("token");
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
