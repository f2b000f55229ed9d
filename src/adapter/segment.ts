/** The Segment family: Segment, RudderStack, Jitsu. */
import type { RefusedEvent } from "../event/protocols.ts";
import { withoutKey } from "./body-key.ts";
import { readText } from "./body-text.ts";
import { eventIdOf } from "./event-id.ts";
import {
  addressOf,
  filledStringOf,
  itemsOf,
  type Json,
  jsonOf,
  type Members,
  membersOf,
  objectOf,
  presentOf,
  stringOf,
  wordOf,
} from "./json-text.ts";
import { type Mapper, mappedOf, type RequestFacts } from "./mapped.ts";
import { ownEvent } from "./own-event.ts";
import { correctedTime } from "./sent-time.ts";

/** What an event may be, with the short names that paths have for it. */
const types: ReadonlyMap<string | undefined, string> = new Map(
  ["track", "page", "screen", "identify", "group", "alias"].flatMap((type) => [
    [type, type],
    [type.slice(0, 1), type],
  ]),
);

/** Types whose content is who somebody is, not what somebody did. */
const isTraits = (type: string) => type === "identify" || type === "group";

const nothing: Members = new Map();

/** Maps a batch, or one event. */
export const mapSegment: Mapper = (body, facts) => {
  const read = readText(body);
  if (!read.ok) return read;
  const whole = membersOf(read.json);
  const batch = whole?.get("batch");
  const events = batch === undefined ? (itemsOf(read.json) ?? (whole && [read.json])) : itemsOf(batch);
  if (events === undefined) return { ok: false, reason: "The body must be an event, or an object with a list `batch`" };
  const sentAt = whole?.get("sentAt");
  return mappedOf(body, events, (event) => mapOne(event, facts, sentAt));
};

function mapOne(json: Json, facts: RequestFacts, batchSentAt: Json | undefined): string | RefusedEvent {
  const event = membersOf(json);
  const messageId = wordOf(event?.get("messageId"));
  const eventId = eventIdOf("segment", facts, messageId);
  const refuse = (reason: string): RefusedEvent => ({
    reason,
    eventId: eventId ?? null,
    event: withoutKey(json, "segment"),
  });
  if (event === undefined) return refuse("event: must be an object");
  const type = types.get(stringOf(event.get("type"))) ?? types.get(facts.type);
  if (type === undefined)
    return refuse("type: must be one of track, page, screen, identify, group and alias, or the path must name it");
  const fault = faultOf(event);
  if (fault !== undefined) return refuse(fault);

  const context = membersOf(event.get("context")) ?? nothing;
  const page = membersOf(context.get("page")) ?? nothing;
  const properties = propertiesOf(event, context, type);
  const sentAt = event.get("sentAt") ?? batchSentAt;
  const timestamp = presentOf(event.get("timestamp")) ?? event.get("originalTimestamp");
  const restOfContext = new Map(context);
  for (const key of ["library", "campaign", "userAgent", "sessionId"]) restOfContext.delete(key);
  if (isTraits(type) && presentOf(event.get("traits")) === undefined) restOfContext.delete("traits");
  return ownEvent({
    eventId,
    name: nameOf(event, properties, type),
    category: type === "page" || type === "screen" ? "page_view" : type === "track" ? "user_action" : "system",
    timestamp: correctedTime(timestamp, { sentAt, receivedAtMs: facts.receivedAtMs }),
    userId: wordOf(event.get("userId")),
    anonymousId: wordOf(event.get("anonymousId")),
    sessionId: wordOf(context.get("sessionId")),
    pageUrl: addressOf(properties.get("url")) ?? addressOf(page.get("url")),
    referrer: addressOf(properties.get("referrer")) ?? addressOf(page.get("referrer")),
    userAgent: filledStringOf(context.get("userAgent")) ?? browserOf(context, facts),
    properties,
    source: {
      protocol: jsonOf("segment"),
      type: jsonOf(type),
      message_id: event.get("messageId"),
      group_id: event.get("groupId"),
      previous_id: event.get("previousId"),
      category: event.get("category"),
      channel: event.get("channel"),
      library: context.get("library"),
      campaign: filledObjectOf(context.get("campaign")),
      context: filledObjectOf(restOfContext),
      sent_at: sentAt,
    },
  });
}

/** Why an event cannot be mapped without losing or guessing something. */
function faultOf(event: Members): string | undefined {
  for (const key of ["userId", "anonymousId", "messageId", "event", "name"]) {
    const value = presentOf(event.get(key));
    if (value !== undefined && wordOf(value) === undefined && stringOf(value) !== "")
      return `${key}: must be a string or a number`;
  }
  for (const key of ["properties", "traits", "context"]) {
    const value = presentOf(event.get(key));
    if (value !== undefined && membersOf(value) === undefined) return `${key}: must be an object`;
  }
  return undefined;
}

function propertiesOf(event: Members, context: Members, type: string): Members {
  const properties = membersOf(event.get("properties")) ?? nothing;
  if (!isTraits(type)) return properties;
  const traits = membersOf(event.get("traits")) ?? membersOf(context.get("traits")) ?? nothing;
  return new Map([...properties, ...traits]);
}

function nameOf(event: Members, properties: Members, type: string): string {
  const named =
    type === "track"
      ? wordOf(event.get("event"))
      : type === "page" || type === "screen"
        ? (wordOf(event.get("name")) ?? wordOf(properties.get("name")))
        : undefined;
  return named ?? type;
}

/** The request's user agent, unless a library of a server sent it, which is nobody's browser. */
const browserOf = (context: Members, { userAgent }: RequestFacts) => (context.has("library") ? undefined : userAgent);

/** An object that has members. */
function filledObjectOf(object: Json | Members | undefined): Json | undefined {
  const members = typeof object === "string" ? membersOf(object) : object;
  return members === undefined || members.size === 0 ? undefined : objectOf(members);
}
