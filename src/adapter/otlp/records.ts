/** Log records of OpenTelemetry, read from JSON or protobuf, and the events that they become. */
import type { Category, Priority } from "../../event/categories.ts";
import { parseMicros } from "../../event/timestamp.ts";
import { derivedId, eventIdOf } from "../event-id.ts";
import { filledStringOf, type Json, jsonOf, type Members, membersOf, objectOf, wordOf } from "../json-text.ts";
import { type Mapped, mappedOf, type RequestFacts, type Unreadable } from "../mapped.ts";
import { ownEvent } from "../own-event.ts";

/** A record; strings are empty and numbers 0 where it has none. */
export type LogRecord = {
  timeNanos: bigint;
  observedNanos: bigint;
  severityNumber: number;
  severityText: string;
  eventName: string;
  /** Undefined or null: it has none. */
  body: Json | undefined;
  attributes: Members;
  /** In hexadecimal digits. */
  traceId: string;
  spanId: string;
};

/** A record as it was read, or why it could not be, with the request's text that holds it alone. */
export type ReadRecord = { ok: true; record: LogRecord } | { ok: false; reason: string; event: string };

/** What the records of a library share. */
export type LogGroup = {
  /** Attributes of the resource. */
  resource: Members;
  /** Name, version and attributes of the library. */
  scope: Members;
  /** Read one after another: those of a body may be millions, of two bytes each. */
  records: Iterable<ReadRecord>;
};

/** Deeper values are refused: our own events nest as deep. Levels. */
export const depthMax = 64;

/** Maps the records of a request. `body` identifies them where they have no id: exporters retry the same bytes. */
export function mapRecords(groups: Iterable<LogGroup>, body: Uint8Array, facts: RequestFacts): Mapped | Unreadable {
  const digest = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  return mappedOf(body, recordsOf(groups), ({ group, read }, index) => {
    const ownId = derivedId("otlp", facts, `${digest}\0${index}`);
    if (!read.ok) return { reason: read.reason, eventId: ownId, event: read.event };
    return mapRecord(read.record, { group, facts, ownId });
  });
}

function* recordsOf(groups: Iterable<LogGroup>): Generator<{ group: LogGroup; read: ReadRecord }> {
  for (const group of groups) for (const read of group.records) yield { group, read };
}

type Place = { group: LogGroup; facts: RequestFacts; ownId: string };

function mapRecord(record: LogRecord, { group, facts, ownId }: Place): string {
  const { attributes, body } = record;
  const { resource, scope } = group;
  const named = record.eventName || filledStringOf(attributes.get("event.name"));
  const word = (...names: string[]) => wordOf(firstOf(attributes, names)) ?? wordOf(firstOf(resource, names));
  const bodyMembers = membersOf(body) ?? (isNothing(body) ? [] : [["body", body] as const]);
  return ownEvent({
    eventId: eventIdOf("otlp", facts, wordOf(attributes.get("log.record.uid"))) ?? ownId,
    name: named ?? "log",
    category: categoryOf(record.severityNumber, named),
    priority: priorityOf(record.severityNumber),
    timestamp: timeOf(record.timeNanos) ?? timeOf(record.observedNanos),
    userId: word("user.id"),
    anonymousId: word("device.id", "app.installation.id"),
    sessionId: word("session.id"),
    pageUrl: filledStringOf(attributes.get("url.full")),
    referrer: undefined,
    userAgent: word("user_agent.original"),
    properties: new Map([...bodyMembers, ...attributes]),
    source: {
      protocol: jsonOf("otlp"),
      resource: filled(resource),
      scope: filled(scope),
      severity: severityOf(record),
      trace_id: record.traceId === "" ? undefined : jsonOf(record.traceId),
      span_id: record.spanId === "" ? undefined : jsonOf(record.spanId),
    },
  });
}

const firstOf = (members: Members, names: readonly string[]): Json | undefined =>
  members.get(names.find((name) => members.has(name)) ?? "");

const isNothing = (json: Json | undefined): json is undefined => json === undefined || json === "null";

const filled = (members: Members): Json | undefined => (members.size === 0 ? undefined : objectOf(members));

function categoryOf(severity: number, name: string | undefined): Category {
  if (severity >= 17 || name === "exception") return "error";
  if (name === undefined) return "system";
  if (/page_view|navigation/.test(name)) return "page_view";
  return /web_vital|resource_timing/.test(name) ? "performance" : "user_action";
}

function priorityOf(severity: number): Priority {
  if (severity >= 21) return "critical";
  if (severity >= 17) return "high";
  return severity >= 1 && severity <= 8 ? "low" : "medium";
}

/** Undefined for 0, which means that the time is not known. */
function timeOf(nanos: bigint): Json | undefined {
  if (nanos === 0n) return undefined;
  const parsed = parseMicros(nanos / 1000n);
  return parsed.ok ? jsonOf(parsed.timestamp.text) : undefined;
}

function severityOf({ severityNumber, severityText }: LogRecord): Json | undefined {
  const severity = new Map<string, Json>();
  if (severityNumber !== 0) severity.set("number", jsonOf(severityNumber));
  if (severityText !== "") severity.set("text", jsonOf(severityText));
  return filled(severity);
}
