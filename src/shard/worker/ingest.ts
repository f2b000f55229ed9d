/** One request's body to journal lines, or to the answer that refuses it. No I/O. */

import { LineBuffer } from "../../base/line-buffer.ts";
import { rowOf } from "../../event/line/row.ts";
import { type WrittenRow, writeRow } from "../../event/line/written-row.ts";
import { inflate } from "../../event/parse/inflate.ts";
import { answerOf } from "../../event/parse/issue.ts";
import { parseJson } from "../../event/parse/parse.ts";
import { validateBatch, validateEvent } from "../../event/parse/validate.ts";
import type { Timestamp } from "../../event/timestamp.ts";
import { Transcriber } from "../../event/transcribe/transcribe.ts";
import type { AppendAnswer, AppendRequest, BodyForm } from "../protocol.ts";

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
  rows: readonly WrittenRow[];
  /** Their lines, end to end. Only until the next request is ingested: whoever keeps them copies them. */
  lines: Buffer;
};

/** What is about a body and not in it. */
type Sender = { form: BodyForm; receivedAt: Timestamp; subjectText: string };

/** Ingests one request after another, in memory that it uses again. */
export class Ingest {
  readonly #lines = new LineBuffer();
  readonly #transcriber = new Transcriber(this.#lines);
  #bytesLeft = 0;

  /** Bytes that were inflated or parsed since the last call, and left garbage. */
  takeBytesLeft(): number {
    const bytes = this.#bytesLeft + this.#transcriber.takeParsedBytes();
    this.#bytesLeft = 0;
    return bytes;
  }

  /** Inflates a body, validates it and writes its lines. */
  ingest(request: AppendRequest, context: IngestContext): IngestedRows | AppendAnswer {
    if (request.encoding === "identity") return this.#ingest(request, request.body, context);
    const inflated = inflate(request.body, request.encoding, context.bodyBytesMax);
    if (!inflated.ok) return { kind: inflated.reason === "too_large" ? "too_large" : "not_inflated" };
    this.#bytesLeft += inflated.bytes.byteLength;
    return this.#ingest(request, inflated.bytes, context);
  }

  #ingest(request: AppendRequest, bytes: Uint8Array, context: IngestContext): IngestedRows | AppendAnswer {
    const { receivedAt, receivedAtMs } = context;
    const { form } = request;
    const sender: Sender = { form, receivedAt, subjectText: subjectTextOf(request.subject) };
    this.#lines.clear();
    const rows = this.#transcribe(bytes, sender) ?? this.#parse(bytes, sender);
    if ("kind" in rows) return rows;
    return { kind: "rows", form, receivedAt, receivedAtMs, rows, lines: this.#lines.view() };
  }

  /** Undefined: the parser must decide. */
  #transcribe(bytes: Uint8Array, { form, receivedAt, subjectText }: Sender): WrittenRow[] | undefined {
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return form === "event"
      ? this.#transcriber.event(body, { receivedAt, subjectText, clientIdText: "null" })
      : this.#transcriber.batch(body, { receivedAt, subjectText });
  }

  #parse(bytes: Uint8Array, { form, receivedAt, subjectText }: Sender): WrittenRow[] | AppendAnswer {
    this.#bytesLeft += bytes.byteLength;
    const parsed = parseJson(bytes);
    if (!parsed.ok) return { kind: "invalid", body: answerOf(parsed.issues) };
    const validated = (form === "event" ? validateEvent : validateBatch)(parsed.value, parsed.exact);
    if (!validated.ok) return { kind: "invalid", body: answerOf(validated.issues) };
    // The client's id is kept on each event: a long one would make a small body a hundred times its size.
    const clientIdChars = validated.client_id?.length ?? 0;
    if (clientIdChars * validated.events.length > clientIdCharsMax) return { kind: "too_large" };
    const acceptance = { receivedAt, subjectText, clientIdText: JSON.stringify(validated.client_id) };
    const hasOwnSpellings = parsed.exact !== parsed.value;
    return validated.events.map((event) => writeRow(rowOf(event, acceptance, hasOwnSpellings), this.#lines));
  }
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
