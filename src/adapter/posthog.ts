/** PostHog's capture. */
import type { Category, Priority } from "../event/categories.ts";
import type { RefusedEvent } from "../event/protocols.ts";
import { withoutKey } from "./body-key.ts";
import { readText } from "./body-text.ts";
import { derivedId, eventIdOf } from "./event-id.ts";
import {
  addressOf,
  filledStringOf,
  isNumber,
  itemsOf,
  type Json,
  jsonOf,
  type Members,
  membersOf,
  objectOf,
  presentOf,
  wordOf,
} from "./json-text.ts";
import { type Mapper, mappedOf, type RequestFacts } from "./mapped.ts";
import { ownEvent } from "./own-event.ts";
import { correctedTime, timeBefore } from "./sent-time.ts";

/** PostHog's own events. */
const known: Readonly<Record<string, { category: Category; priority?: Priority }>> = {
  $pageview: { category: "page_view" },
  $screen: { category: "page_view" },
  $pageleave: { category: "page_view", priority: "low" },
  $exception: { category: "error", priority: "high" },
  $web_vitals: { category: "performance", priority: "low" },
  $feature_flag_called: { category: "feature", priority: "low" },
  $autocapture: { category: "user_action", priority: "low" },
  $identify: { category: "system" },
  $groupidentify: { category: "system" },
  $create_alias: { category: "system" },
  $set: { category: "system" },
};

/** Maps a batch, a list of events, or one event. */
export const mapPostHog: Mapper = (body, facts) => {
  const read = readText(body);
  if (!read.ok) return read;
  const whole = membersOf(read.json);
  const batch = whole?.get("batch");
  const events = batch === undefined ? (itemsOf(read.json) ?? (whole && [read.json])) : itemsOf(batch);
  if (events === undefined)
    return { ok: false, reason: "The body must be an event, a list of events, or an object with a list `batch`" };
  const given = { facts, sentAt: whole?.get("sent_at") };
  return mappedOf(body, events, (event) => mapOne(event, given));
};

type Given = { facts: RequestFacts; sentAt: Json | undefined };

function mapOne(json: Json, { facts, sentAt }: Given): string | RefusedEvent {
  const event = membersOf(json);
  const sent = presentOf(event?.get("properties"));
  const properties = sent === undefined ? new Map<string, Json>() : membersOf(sent);
  const distinctId = wordOf(event?.get("distinct_id")) ?? wordOf(properties?.get("distinct_id"));
  const name = wordOf(event?.get("event"));
  const eventId = event && idOf(event, { properties, name, distinctId, facts });
  const refuse = (reason: string): RefusedEvent => ({
    reason,
    eventId: eventId ?? null,
    event: withoutKey(json, "posthog"),
  });
  if (event === undefined) return refuse("event: must be an object");
  if (properties === undefined) return refuse("properties: must be an object");
  if (name === undefined) return refuse("event: must be a string that is not empty");

  const own = new Map(properties);
  own.delete("token");
  for (const key of ["$set", "$set_once"]) {
    const value = event.get(key);
    if (value !== undefined) own.set(key, value);
  }
  const library = filledStringOf(properties.get("$lib"));
  return ownEvent({
    eventId,
    name,
    ...(Object.hasOwn(known, name) ? known[name] : {}),
    timestamp: timeOf(event, { sentAt, facts }),
    ...whoOf(properties, distinctId),
    sessionId: wordOf(properties.get("$session_id")),
    pageUrl: addressOf(properties.get("$current_url")),
    referrer: addressOf(properties.get("$referrer")),
    userAgent: filledStringOf(properties.get("$raw_user_agent")) ?? (library === "web" ? facts.userAgent : undefined),
    properties: own,
    source: {
      protocol: jsonOf("posthog"),
      message_id: event.get("uuid") ?? properties.get("$insert_id"),
      distinct_id: event.get("distinct_id") ?? properties.get("distinct_id"),
      library: libraryOf(properties),
      sent_at: sentAt,
    },
  });
}

type Identified = {
  properties: Members | undefined;
  name: string | undefined;
  distinctId: string | undefined;
  facts: RequestFacts;
};

function idOf(event: Members, { properties, name, distinctId, facts }: Identified): string | undefined {
  const id = eventIdOf("posthog", facts, wordOf(event.get("uuid")));
  const insertId = wordOf(properties?.get("$insert_id"));
  if (id !== undefined || insertId === undefined) return id;
  return derivedId("posthog", facts, `${name ?? ""}\0${distinctId ?? ""}\0${insertId}`);
}

function timeOf(event: Members, { sentAt, facts }: Given): Json | undefined {
  const timestamp = presentOf(event.get("timestamp"));
  if (timestamp !== undefined) return correctedTime(timestamp, { sentAt, receivedAtMs: facts.receivedAtMs });
  const offset = event.get("offset");
  return isNumber(offset) ? timeBefore(facts.receivedAtMs, Number(offset)) : undefined;
}

/**
 * `distinct_id` names a user where the event says so: the device has another id, or PostHog's own marks. Otherwise it
 * is the id of a device.
 */
function whoOf(properties: Members, distinctId: string | undefined) {
  const device = wordOf(properties.get("$device_id")) ?? wordOf(properties.get("$anon_distinct_id"));
  const isUser =
    (device !== undefined && device !== distinctId) ||
    wordOf(properties.get("$user_id")) !== undefined ||
    properties.get("$is_identified") === "true";
  return isUser
    ? { userId: distinctId, anonymousId: device }
    : { userId: undefined, anonymousId: device ?? distinctId };
}

function libraryOf(properties: Members): Json | undefined {
  const library = new Map<string, Json>();
  const [name, version] = [properties.get("$lib"), properties.get("$lib_version")];
  if (name !== undefined) library.set("name", name);
  if (version !== undefined) library.set("version", version);
  return library.size === 0 ? undefined : objectOf(library);
}
