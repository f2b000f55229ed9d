/** Turns a request's body into journal lines, or into the answer that refuses it. No I/O. */

import { LineBuffer } from "../../base/line-buffer.ts";
import { type Form, formNamed, type Sender } from "../../event/forms.ts";
import { rowOf } from "../../event/line/row.ts";
import { type WrittenRow, writeRow } from "../../event/line/written-row.ts";
import { inflate } from "../../event/parse/inflate.ts";
import type { RefusedAlone } from "../../event/protocols.ts";
import type { Timestamp } from "../../event/timestamp.ts";
import { Transcriber } from "../../event/transcribe/transcribe.ts";
import type { AppendAnswer, AppendRequest } from "../protocol.ts";
import type { PropertyChecks } from "./property-checks.ts";

/** The most characters that a batch's `client_id` may take on all of its events together: 10,000 on each of 100. */
const clientIdCharsMax = 1_000_000;

/** What all requests of a message share. */
type IngestContext = { receivedAt: Timestamp; receivedAtMs: number; bodyBytesMax: number };

/** A request whose events are valid. */
export type IngestedRows = {
  kind: "rows";
  form: Form;
  receivedAt: Timestamp;
  /** `receivedAt` in ms since 1970. */
  receivedAtMs: number;
  rows: readonly WrittenRow[];
  /** Their lines, end to end. Valid only until the next request is ingested: copy them to keep them. */
  lines: Buffer;
  /** Events of the body that were refused alone. */
  refused: readonly RefusedAlone[];
};

/**
 * A body that would hold the shard for too long. `bytes`: the body, inflated; valid only until the next request is
 * ingested.
 */
type LeftToParser = { kind: "left"; bytes: Uint8Array };

/** Rows whose lines are written, and events that were refused alone. */
type ReadRows = { rows: WrittenRow[]; refused: readonly RefusedAlone[] };

const noneRefused: readonly RefusedAlone[] = [];

/** Ingests one request after another, in memory that it reuses. */
export class Ingest {
  readonly #lines = new LineBuffer();
  readonly #transcriber: Transcriber;
  readonly #checks: PropertyChecks | undefined;
  readonly #unusualBytesMax: number;
  #bytesLeft = 0;

  /**
   * `checks`: the schemas that properties must fit; undefined where there are none. `unusualBytesMax`: of a larger
   * body, no more than this is parsed here, and the rest of the work is left.
   */
  constructor({ checks, unusualBytesMax }: { checks?: PropertyChecks; unusualBytesMax: number }) {
    this.#checks = checks;
    this.#unusualBytesMax = unusualBytesMax;
    this.#transcriber = new Transcriber(this.#lines, unusualBytesMax);
  }

  /** Bytes that were inflated or parsed since the last call, and are now garbage. */
  takeBytesLeft(): number {
    const bytes = this.#bytesLeft + this.#transcriber.takeParsedBytes();
    this.#bytesLeft = 0;
    return bytes;
  }

  /** Inflates a body, validates it and writes its lines. */
  ingest(request: AppendRequest, context: IngestContext): IngestedRows | LeftToParser | AppendAnswer {
    if (request.encoding === "identity") return this.#ingest(request, request.body, context);
    const inflated = inflate(request.body, request.encoding, context.bodyBytesMax);
    if (!inflated.ok) return { kind: inflated.reason === "too_large" ? "too_large" : "not_inflated" };
    this.#bytesLeft += inflated.bytes.byteLength;
    return this.#ingest(request, inflated.bytes, context);
  }

  #ingest(
    request: AppendRequest,
    bytes: Uint8Array,
    context: IngestContext,
  ): IngestedRows | LeftToParser | AppendAnswer {
    const { receivedAt, receivedAtMs } = context;
    const form = formNamed(request.form);
    const sender: Sender = { receivedAt, subjectText: JSON.stringify(request.subject) };
    this.#lines.clear();
    const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const schemas = this.#checks?.set;
    this.#transcriber.schemas = schemas;
    const transcribed = form.transcribe(this.#transcriber, body, sender);
    if (transcribed === undefined && bytes.byteLength > this.#unusualBytesMax) {
      this.#checks?.forget();
      return { kind: "left", bytes };
    }
    const read =
      transcribed === undefined ? this.#parse(form, bytes, sender) : { rows: transcribed, refused: noneRefused };
    if (schemas !== undefined) this.#checks?.settle("kind" in read ? "refused" : "accepted");
    if ("kind" in read) return read;
    const { rows, refused } = read;
    if (rows.length === 0) return { kind: "accepted", body: form.answer({ rows, duplicates: 0, receivedAt, refused }) };
    return { kind: "rows", form, receivedAt, receivedAtMs, rows, lines: this.#lines.view(), refused };
  }

  #parse(form: Form, bytes: Uint8Array, sender: Sender): ReadRows | AppendAnswer {
    this.#bytesLeft += bytes.byteLength;
    this.#checks?.forget();
    const parsed = form.parse(bytes, this.#checks?.set);
    if (!parsed.ok) return { kind: "invalid", body: parsed.answer };
    // The `client_id` is stored with each event: a long one could make a small body a hundred times larger.
    const clientIdChars = parsed.client_id?.length ?? 0;
    if (clientIdChars * parsed.events.length > clientIdCharsMax) return { kind: "too_large" };
    const acceptance = { ...sender, clientIdText: JSON.stringify(parsed.client_id) };
    const rows = parsed.events.map((event) => writeRow(rowOf(event, acceptance, parsed.hasOwnSpellings), this.#lines));
    return { rows, refused: parsed.refused ?? noneRefused };
  }
}
