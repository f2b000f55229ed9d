/** One request's body to rows, or to the answer that refuses it. No I/O, no state. */
import { inflate } from "../event/inflate.ts";
import { answerOf } from "../event/issue.ts";
import { parseJson } from "../event/parse.ts";
import { type Acceptance, type Row, rowOf } from "../event/row.ts";
import type { Timestamp } from "../event/timestamp.ts";
import { validateBatch, validateEvent } from "../event/validate.ts";
import type { AppendAnswer, AppendRequest, BodyForm } from "./protocol.ts";

/** Most characters that a batch's `client_id` may come to on all of its events; an id of 10,000 on each of 100. */
const clientIdCharsMax = 1_000_000;

/** What all requests of a message share. */
type IngestContext = { receivedAt: Timestamp; receivedAtMs: number; bodyBytesMax: number };

/** A request whose events are valid. */
export type IngestedRows = {
  kind: "rows";
  form: BodyForm;
  receivedAt: Timestamp;
  /** The same, ms since 1970. */
  receivedAtMs: number;
  rows: Row[];
};

/** Inflates, parses, validates and normalises a body. */
export function ingest(request: AppendRequest, context: IngestContext): IngestedRows | AppendAnswer {
  let bytes = request.body;
  if (request.encoding !== "identity") {
    const inflated = inflate(bytes, request.encoding, context.bodyBytesMax);
    if (!inflated.ok) return { kind: inflated.reason === "too_large" ? "too_large" : "not_inflated" };
    bytes = inflated.bytes;
  }
  const parsed = parseJson(bytes);
  if (!parsed.ok) return { kind: "invalid", body: answerOf(parsed.issues) };
  const validate = request.form === "event" ? validateEvent : validateBatch;
  const validated = validate(parsed.value, parsed.exact);
  if (!validated.ok) return { kind: "invalid", body: answerOf(validated.issues) };
  // The client's id is kept on each event: a long one would make a small body a hundred times its size.
  const clientIdChars = validated.client_id?.length ?? 0;
  if (clientIdChars * validated.events.length > clientIdCharsMax) return { kind: "too_large" };
  const acceptance: Acceptance = {
    receivedAt: context.receivedAt,
    subjectText: subjectTextOf(request.subject),
    clientIdText: JSON.stringify(validated.client_id),
    hasOwnSpellings: parsed.exact !== parsed.value,
  };
  const rows = validated.events.map((event) => rowOf(event, acceptance));
  const { receivedAt, receivedAtMs } = context;
  return { kind: "rows", form: request.form, receivedAt, receivedAtMs, rows };
}

/** The 200 answer for these rows, of which `duplicates` had been accepted before. The reference's fields come first. */
export function acceptedBody(ingested: IngestedRows, duplicates: number): string {
  const { rows, receivedAt } = ingested;
  if (ingested.form === "event") {
    const id = rows[0]?.eventId ?? "";
    return `{"success":true,"event_id":"${id}","message":"Event tracked successfully","timestamp":"${receivedAt.text}","duplicate":${duplicates > 0}}`;
  }
  const count = rows.length;
  return `{"success":true,"events_received":${count},"events_queued":${count},"events_failed":0,"message":"${count} events queued","timestamp":"${receivedAt.text}","events_duplicate":${duplicates}}`;
}

const decoder = new TextDecoder();

const subjectTextOf = (subject: Uint8Array | null) =>
  subject === null ? "null" : JSON.stringify(decoder.decode(subject));
