/**
 * A refused event on disk: one line of JSON with a checksum (`store/folder/kept-file.ts`). The catalog's view `refused`
 * reads the same lines (`store/catalog/refused-view.ts`).
 */
import { makeEventId, parseEventId } from "../event/event-id.ts";
import { type Protocol, protocols, type RefusedEvent } from "../event/protocols.ts";
import { keptLine } from "../store/folder/kept-file.ts";

/** A refused event, as it is kept. */
export type RefusedRecord = {
  /** ISO 8601 in UTC. */
  refused_at: string;
  /** Who sent it: the token's `sub`, or the name of the write key. */
  subject: string | null;
  protocol: Protocol;
  reason: string;
  /** A canonical UUID: the event's own, or one that was made when it was refused. */
  event_id: string;
  /** Whether `event` is in the own API's form; false: as the vendor's SDK sent it, because it could not be mapped. */
  is_mapped: boolean;
  /** The event as JSON, or whatever was sent in its place. Always a string, so that numbers keep their digits. */
  event: string;
};

/** Who sent refused events, when, and in which form they are. */
type RefusedFrom = Pick<RefusedRecord, "subject" | "protocol" | "is_mapped"> & { refusedAtMs: number };

/** A reason is a sentence. UTF-16 units. */
const reasonCharsMax = 1_000;

/** DuckDB reads lines up to this size without larger buffers, and no body of events is as large. Bytes. */
const lineBytesMax = 16 * 1024 * 1024;

/** Of an event whose line would be longer, this much is kept: each character may take six bytes. UTF-16 units. */
const cutCharsMax = 2 * 1024 * 1024;

/** Makes the line of a refused event, newline included. */
export function refusedLine(event: RefusedEvent, from: RefusedFrom): string {
  const { subject, protocol, is_mapped } = from;
  const parsedId = parseEventId(event.eventId ?? "");
  const record: RefusedRecord = {
    refused_at: new Date(from.refusedAtMs).toISOString(),
    subject,
    protocol,
    reason: event.reason.slice(0, reasonCharsMax).toWellFormed(),
    event_id: parsedId.ok ? parsedId.id : makeEventId(),
    is_mapped,
    event: event.event.toWellFormed(),
  };
  const line = keptLine(record);
  if (Buffer.byteLength(line) <= lineBytesMax) return line;
  const reason = `${record.reason} (too long to be kept whole)`;
  return keptLine({ ...record, reason, is_mapped: false, event: record.event.slice(0, cutCharsMax).toWellFormed() });
}

/** Reads the members of a line; undefined when they are not a refused event. */
export function refusedRecordOf(value: Readonly<Record<string, unknown>>): RefusedRecord | undefined {
  const { refused_at, subject, reason, event_id, is_mapped, event } = value;
  const protocol = protocols.find((each) => each === value["protocol"]);
  if (typeof refused_at !== "string" || Number.isNaN(Date.parse(refused_at)) || protocol === undefined)
    return undefined;
  if (typeof reason !== "string" || typeof event_id !== "string" || typeof event !== "string") return undefined;
  if ((typeof subject !== "string" && subject !== null) || typeof is_mapped !== "boolean") return undefined;
  return { refused_at, subject, protocol, reason, event_id, is_mapped, event };
}
