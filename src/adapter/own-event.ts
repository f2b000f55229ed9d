/** Writes an event in the form of our own API. */
import {
  type Category,
  categories,
  categoryDefault,
  type Priority,
  priorities,
  priorityDefault,
} from "../event/categories.ts";
import { fields } from "../event/fields.ts";
import { type Json, jsonOf, type Members, objectOf, presentOf, stringOf } from "./json-text.ts";

/** What a mapper found out about an event. Undefined: it has none. */
type OwnEvent = {
  eventId: string | undefined;
  name: string;
  /** What the name says; the event's own properties may say otherwise. */
  category?: Category | undefined;
  priority?: Priority | undefined;
  timestamp: Json | undefined;
  userId: string | undefined;
  anonymousId: string | undefined;
  sessionId: string | undefined;
  pageUrl: string | undefined;
  referrer: string | undefined;
  userAgent: string | undefined;
  properties: Members;
  /** What has no column and is not the event's own property; undefined and null are left out. */
  source: Readonly<Record<string, Json | undefined>>;
};

/** The member of `properties` that holds what has no column. */
const sourceKey = "$source";

/** The event as JSON. */
export function ownEvent(event: OwnEvent): string {
  const { properties } = event;
  const name = beginningOf(event.name, fields.event_name.codePointsMax);
  const members = new Map<string, Json>();
  const add = (key: string, value: Json | undefined) => {
    const present = presentOf(value);
    if (present !== undefined) members.set(key, present);
  };
  const addString = (key: string, value: string | undefined) => add(key, value === undefined ? value : jsonOf(value));
  addString("event_id", event.eventId);
  addString("event_name", name);
  addString("category", categoryOf(properties.get("category")) ?? event.category ?? categoryDefault);
  addString("priority", priorityOf(properties.get("priority")) ?? event.priority ?? priorityDefault);
  add("timestamp", event.timestamp);
  addString("user_id", event.userId);
  addString("anonymous_id", event.anonymousId);
  addString("session_id", event.sessionId);
  addString("page_url", event.pageUrl);
  addString("referrer", event.referrer);
  addString("user_agent", event.userAgent);
  const source = new Map<string, Json>();
  for (const [key, value] of Object.entries(event.source)) {
    const present = presentOf(value);
    if (present !== undefined) source.set(key, present);
  }
  if (name !== event.name) source.set("name", jsonOf(event.name));
  // The sender's own property of this name is kept inside.
  const theirs = properties.get(sourceKey);
  if (theirs !== undefined) source.set(sourceKey, theirs);
  members.set("properties", objectOf(new Map(properties).set(sourceKey, objectOf(source))));
  return objectOf(members);
}

/** The first code points of a string. */
function beginningOf(text: string, codePointsMax: number): string {
  if (text.length <= codePointsMax) return text;
  let length = 0;
  let codePoints = 0;
  for (const codePoint of text) {
    if (codePoints === codePointsMax) return text.slice(0, length);
    codePoints += 1;
    length += codePoint.length;
  }
  return text;
}

/** A value that is one of our categories. */
export const categoryOf = (json: Json | undefined): Category | undefined => wordIn(json, categories);

/** A value that is one of our priorities. */
export const priorityOf = (json: Json | undefined): Priority | undefined => wordIn(json, priorities);

function wordIn<Word extends string>(json: Json | undefined, words: readonly Word[]): Word | undefined {
  const text = stringOf(json);
  return words.find((word) => word === text);
}
