/** CloudEvents 1.0 over HTTP: binary, structured and batched. */
import type { RefusedEvent } from "../event/protocols.ts";
import { readText, utf8Of } from "./body-text.ts";
import { derivedId } from "./event-id.ts";
import {
  filledStringOf,
  itemsOf,
  type Json,
  jsonOf,
  type Members,
  membersOf,
  objectOf,
  presentOf,
  readJson,
  stringOf,
  wordOf,
} from "./json-text.ts";
import { type Mapped, type Mapper, mappedOf, type RequestFacts, type Unreadable } from "./mapped.ts";
import { categoryOf, ownEvent, priorityOf } from "./own-event.ts";

/** Attributes that are not extensions. */
const ownAttributes = ["specversion", "id", "source", "type", "subject", "time", "dataschema", "datacontenttype"];

/** Extensions that have a column. */
const columnExtensions = ["userid", "anonymousid", "sessionid", "pageurl", "referrer", "useragent"];

/** Maps one event, or a batch. */
export const mapCloudEvents: Mapper = (body, facts) => {
  if (facts.contentType === "application/cloudevents-batch+json") return mapBatch(body, facts);
  const read = facts.contentType === "application/cloudevents+json" ? readText(body) : binaryEvent(body, facts);
  if (!read.ok) return read;
  const one = mapOne(read.json, facts);
  return typeof one === "string" ? { ok: true, events: [one], unmapped: [] } : { ok: false, reason: one.reason };
};

function mapBatch(body: Uint8Array, facts: RequestFacts): Mapped | Unreadable {
  const read = readText(body);
  if (!read.ok) return read;
  const items = itemsOf(read.json);
  if (items === undefined) return { ok: false, reason: "The body must be a list of events" };
  return mappedOf(body, items, (item) => mapOne(item, facts));
}

/** Why an event is not a CloudEvent. */
function faultOf(event: Members): string | undefined {
  for (const name of ["specversion", "id", "source", "type"])
    if (filledStringOf(event.get(name)) === undefined) return `${name}: must be a string that is not empty`;
  const version = stringOf(event.get("specversion"));
  return version?.startsWith("1.") === true ? undefined : "specversion: must be 1.0";
}

/** The event of a binary request in the structured form: its attributes are in headers, its data is the body. */
function binaryEvent(
  body: Uint8Array,
  { cloudEvent, contentType }: RequestFacts,
): { ok: true; json: Json } | Unreadable {
  const event = new Map<string, Json>();
  for (const [name, value] of Object.entries(cloudEvent)) event.set(name, jsonOf(unescaped(value)));
  if (contentType !== "") event.set("datacontenttype", jsonOf(contentType));
  if (body.byteLength > 0) {
    const text = utf8Of(body);
    const read = text === undefined ? undefined : readJson(text);
    if (isJsonType(contentType)) {
      if (!read?.ok) return { ok: false, reason: "The data is not JSON, and Content-Type says so" };
      event.set("data", read.json);
    } else if (contentType === "" && read?.ok) event.set("data", read.json);
    else if (text !== undefined && isTextType(contentType)) event.set("data", jsonOf(text));
    else event.set("data_base64", jsonOf(Buffer.from(body).toString("base64")));
  }
  return { ok: true, json: objectOf(event) };
}

const isJsonType = (type: string) => type === "application/json" || type === "text/json" || type.endsWith("+json");

const isTextType = (type: string) => type.startsWith("text/") || type === "application/xml" || type.endsWith("+xml");

/** A header's value without its percent-encoding; as it is where that is not valid, since some SDKs leave it out. */
function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return value;
    throw error;
  }
}

function mapOne(json: Json, facts: RequestFacts): string | RefusedEvent {
  const event = membersOf(json);
  if (event === undefined) return { reason: "event: must be an object", eventId: null, event: json };
  const fault = faultOf(event);
  if (fault !== undefined) return { reason: fault, eventId: null, event: json };
  const [source, id] = [stringOf(event.get("source")) ?? "", stringOf(event.get("id")) ?? ""];
  const extensions = new Map<string, Json>();
  for (const [name, value] of event)
    if (![...ownAttributes, ...columnExtensions, "data", "data_base64"].includes(name)) extensions.set(name, value);
  return ownEvent({
    eventId: derivedId("cloudevents", facts, `${source}\0${id}`),
    name: stringOf(event.get("type")) ?? "",
    category: categoryOf(extensions.get("category")),
    priority: priorityOf(extensions.get("priority")),
    timestamp: event.get("time"),
    userId: wordOf(event.get("userid")),
    anonymousId: wordOf(event.get("anonymousid")),
    sessionId: wordOf(event.get("sessionid")),
    pageUrl: filledStringOf(event.get("pageurl")),
    referrer: filledStringOf(event.get("referrer")),
    userAgent: filledStringOf(event.get("useragent")),
    properties: propertiesOf(event),
    source: {
      protocol: jsonOf("cloudevents"),
      type: event.get("type"),
      id: event.get("id"),
      source: event.get("source"),
      subject: event.get("subject"),
      dataschema: event.get("dataschema"),
      contenttype: event.get("datacontenttype"),
      extensions: extensions.size === 0 ? undefined : objectOf(extensions),
    },
  });
}

function propertiesOf(event: Members): Members {
  const data = presentOf(event.get("data"));
  const object = membersOf(data);
  if (object !== undefined) return object;
  if (data !== undefined) return new Map([["data", data]]);
  const binary = presentOf(event.get("data_base64"));
  return binary === undefined ? new Map() : new Map([["data_base64", binary]]);
}
