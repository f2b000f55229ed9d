/** Turns a request's body into journal lines, or into the answer that refuses it. No I/O. */

import { LineBuffer } from "../../base/line-buffer.ts";
import { type Form, formNamed } from "../../event/forms.ts";
import { type Acceptance, rowOf } from "../../event/line/row.ts";
import { type WrittenRow, writeRow } from "../../event/line/written-row.ts";
import { inflate } from "../../event/parse/inflate.ts";
import type { RefusedAlone } from "../../event/protocols.ts";
import { type Timestamp, timestampOfMs } from "../../event/timestamp.ts";
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
  /**
   * Begins with their lines, end to end. Valid only until the next request is ingested: copy `linesBytes` of it to keep
   * them.
   */
  lines: Buffer;
  linesBytes: number;
  /** Events of the body that were refused alone. */
  refused: readonly RefusedAlone[];
};

/**
 * A body that would hold the shard for too long. `bytes`: the body, inflated; valid only until the next request is
 * ingested.
 */
type LeftToParser = { kind: "left"; bytes: Uint8Array };

const noneRefused: readonly RefusedAlone[] = [];

/** Ingests one request after another, in memory that it reuses. */
export class Ingest {
  readonly #lines = new LineBuffer();
  readonly #transcriber: Transcriber;
  readonly #checks: PropertyChecks | undefined;
  readonly #unusualBytesMax: number;
  #bytesLeft = 0;
  /** Of the last request, with its subject: most requests of a message share it. */
  #acceptance: Acceptance = { receivedAt: timestampOfMs(0), subjectText: "null", clientIdText: "null" };
  #subject: string | null = null;

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
    const form = formNamed(request.form);
    const acceptance = this.#acceptanceOf(request, context);
    this.#lines.clear();
    const body = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const schemas = this.#checks?.set;
    this.#transcriber.schemas = schemas;
    const rows = form.transcribe(this.#transcriber, body, acceptance);
    if (rows === undefined && bytes.byteLength > this.#unusualBytesMax) {
      this.#checks?.forget();
      return { kind: "left", bytes };
    }
    const ingested =
      rows === undefined
        ? this.#parse(form, bytes, acceptance, context)
        : this.#written(form, rows, noneRefused, context);
    if (schemas !== undefined) this.#checks?.settle(ingested.kind === "rows" ? "accepted" : "refused");
    if (ingested.kind !== "rows" || ingested.rows.length > 0) return ingested;
    const { receivedAt, refused } = ingested;
    return { kind: "accepted", body: form.answer({ rows: [], duplicates: 0, receivedAt, refused }) };
  }

  #acceptanceOf({ subject }: AppendRequest, { receivedAt }: IngestContext): Acceptance {
    const before = this.#acceptance;
    const isSameSubject = subject === this.#subject;
    if (isSameSubject && receivedAt === before.receivedAt) return before;
    const subjectText = isSameSubject ? before.subjectText : JSON.stringify(subject);
    this.#subject = subject;
    this.#acceptance = { receivedAt, subjectText, clientIdText: "null" };
    return this.#acceptance;
  }

  #written(
    form: Form,
    rows: readonly WrittenRow[],
    refused: readonly RefusedAlone[],
    { receivedAt, receivedAtMs }: IngestContext,
  ): IngestedRows {
    const { memory: lines, end: linesBytes } = this.#lines;
    return { kind: "rows", form, receivedAt, receivedAtMs, rows, lines, linesBytes, refused };
  }

  #parse(form: Form, bytes: Uint8Array, acceptance: Acceptance, context: IngestContext): IngestedRows | AppendAnswer {
    this.#bytesLeft += bytes.byteLength;
    this.#checks?.forget();
    const parsed = form.parse(bytes, this.#checks?.set);
    if (!parsed.ok) return { kind: "invalid", body: parsed.answer };
    // The `client_id` is stored with each event: a long one could make a small body a hundred times larger.
    const clientIdChars = parsed.client_id?.length ?? 0;
    if (clientIdChars * parsed.events.length > clientIdCharsMax) return { kind: "too_large" };
    const own = { ...acceptance, clientIdText: JSON.stringify(parsed.client_id) };
    const rows = parsed.events.map((event) => writeRow(rowOf(event, own, parsed.hasOwnSpellings), this.#lines));
    return this.#written(form, rows, parsed.refused ?? noneRefused, context);
  }
}
