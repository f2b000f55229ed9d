/**
 * The forms that a body can have: how each is read and answered. To accept another form, add an entry here and a row to
 * the table of endpoints (`http/endpoints.ts`).
 */
import { invariant } from "../base/invariant.ts";
import type { Acceptance } from "./line/row.ts";
import type { WrittenRow } from "./line/written-row.ts";
import { validateEach } from "./parse/each.ts";
import { answerOf } from "./parse/issue.ts";
import { parseJson } from "./parse/parse.ts";
import type { PropertySchemas } from "./parse/property-schemas.ts";
import { type Validated, type ValidEvent, validateBatch, validateEvent } from "./parse/validate.ts";
import type { RefusedAlone } from "./protocols.ts";
import type { Timestamp } from "./timestamp.ts";
import type { Transcriber } from "./transcribe/transcribe.ts";

/** The events of a body, or the JSON of the 422 with everything that is wrong with it. */
type ParsedBody =
  | {
      ok: true;
      events: readonly ValidEvent[];
      client_id: string | null;
      /** Whether a number in it is spelled differently than JavaScript would spell it. */
      hasOwnSpellings: boolean;
      /** Events that were refused alone, where the form allows that. */
      refused?: readonly RefusedAlone[];
    }
  | { ok: false; answer: string };

/** What was accepted of a body, and what was refused. `duplicates`: how many of its rows are duplicates. */
type Accepted = {
  rows: readonly { eventId: string }[];
  duplicates: number;
  receivedAt: Timestamp;
  refused: readonly RefusedAlone[];
};

/** One form of body. */
export type Form = {
  /**
   * Writes the lines of a body without parsing it. Undefined: no line was written, and `parse` must decide.
   * `acceptance` is without what the body says of all of its events.
   */
  transcribe(transcriber: Transcriber, body: Buffer, acceptance: Acceptance): WrittenRow[] | undefined;
  /** Parses any body, into its valid events or all of its faults. */
  parse(body: Uint8Array, schemas: PropertySchemas | undefined): ParsedBody;
  /** The JSON of the 200. */
  answer(accepted: Accepted): string;
};

/**
 * The forms by name. The name travels with a body from the endpoint to the shard. In an answer the reference's fields
 * come first.
 */
const forms = {
  event: {
    transcribe: (transcriber, body, acceptance) => transcriber.event(body, acceptance),
    parse: (body, schemas) => parseAs(validateEvent, body, schemas),
    answer: ({ rows, duplicates, receivedAt }) =>
      // One template for each case: what is joined of more pieces leaves more strings.
      duplicates > 0
        ? `{"success":true,"event_id":"${rows[0]?.eventId ?? ""}","message":"Event tracked successfully","timestamp":"${receivedAt.text}","duplicate":true}`
        : `{"success":true,"event_id":"${rows[0]?.eventId ?? ""}","message":"Event tracked successfully","timestamp":"${receivedAt.text}","duplicate":false}`,
  },
  batch: {
    transcribe: (transcriber, body, acceptance) => transcriber.batch(body, acceptance),
    parse: (body, schemas) => parseAs(validateBatch, body, schemas),
    answer: ({ rows: { length }, duplicates, receivedAt }) =>
      `{"success":true,"events_received":${length},"events_queued":${length},"events_failed":0,` +
      `"message":"${length} events queued","timestamp":"${receivedAt.text}","events_duplicate":${duplicates}}`,
  },
  // Events that an adapter mapped from another vendor's body. Only our own code sends this form and reads its answer.
  each: {
    transcribe: (transcriber, body, acceptance) => transcriber.batch(body, acceptance),
    parse: parseEach,
    answer: ({ rows: { length }, duplicates, refused }) =>
      JSON.stringify({ stored: length - duplicates, duplicates, refused } satisfies EachAccepted),
  },
} as const satisfies Readonly<Record<string, Form>>;

/** How many events the JSON of a 200 says are queued: duplicates count, and an event alone is one. */
export const queuedIn = (answer: string): number => Number(/"events_queued":(\d+)/.exec(answer)?.[1] ?? 1);

/** The name of a form. */
export type FormName = keyof typeof forms;

/** The answer of the form `each`: how many events are stored now or were before, and those that were refused. */
export type EachAccepted = { stored: number; duplicates: number; refused: readonly RefusedAlone[] };

const byName: ReadonlyMap<string, Form> = new Map(Object.entries(forms));

/** Returns the form that a body's name stands for. */
export function formNamed(name: string): Form {
  const form = byName.get(name);
  invariant(form !== undefined, "a body comes with the name of a form");
  return form;
}

function parseAs(
  validate: (value: unknown, exact: unknown, schemas: PropertySchemas | undefined) => Validated,
  body: Uint8Array,
  schemas: PropertySchemas | undefined,
): ParsedBody {
  const parsed = parseJson(body);
  if (!parsed.ok) return { ok: false, answer: answerOf(parsed.issues) };
  const validated = validate(parsed.value, parsed.exact, schemas);
  if (!validated.ok) return { ok: false, answer: answerOf(validated.issues) };
  return { ...validated, hasOwnSpellings: parsed.exact !== parsed.value };
}

function parseEach(body: Uint8Array, schemas: PropertySchemas | undefined): ParsedBody {
  const each = validateEach(body, schemas);
  if (each !== undefined) return { ok: true, client_id: null, ...each };
  // Our own code made the body, so this is our fault; the parser's words say where.
  const parsed = parseJson(body);
  return { ok: false, answer: answerOf(parsed.ok ? [] : parsed.issues) };
}
