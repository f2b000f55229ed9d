/**
 * The forms that a body can have: how each is read, and what accepts it. Whoever takes bodies of another form adds an
 * entry here and a row to the table of endpoints (`http/endpoints.ts`).
 */
import { invariant } from "../base/invariant.ts";
import type { Acceptance } from "./line/row.ts";
import type { WrittenRow } from "./line/written-row.ts";
import { answerOf } from "./parse/issue.ts";
import { parseJson } from "./parse/parse.ts";
import { type Validated, type ValidEvent, validateBatch, validateEvent } from "./parse/validate.ts";
import type { Timestamp } from "./timestamp.ts";
import type { Transcriber } from "./transcribe/transcribe.ts";

/** What the events of a body share and the body does not say. */
export type Sender = Omit<Acceptance, "clientIdText">;

/** The events of a body; or the JSON of the 422 that says all that is wrong with it. */
type ParsedBody =
  | {
      ok: true;
      events: readonly ValidEvent[];
      client_id: string | null;
      /** Whether a number of it is spelt in another way than JavaScript spells it. */
      hasOwnSpellings: boolean;
    }
  | { ok: false; answer: string };

/** What was accepted of a body. `duplicates`: rows whose ids had been accepted before. */
type Accepted = { rows: readonly { eventId: string }[]; duplicates: number; receivedAt: Timestamp };

/** One form of body. */
export type Form = {
  /**
   * Writes the lines of a body without making values of it. Undefined: no line was written, and `parse` must decide.
   */
  transcribe(transcriber: Transcriber, body: Buffer, sender: Sender): WrittenRow[] | undefined;
  /** Reads any body: every valid event of the form, and every fault. */
  parse(body: Uint8Array): ParsedBody;
  /** The JSON of the 200. */
  answer(accepted: Accepted): string;
};

/**
 * Each form by its name, which travels with a body from the endpoint to the shard. The reference's fields come first in
 * an answer.
 */
const forms = {
  event: {
    transcribe: (transcriber, body, sender) => transcriber.event(body, { ...sender, clientIdText: "null" }),
    parse: (body) => parseAs(validateEvent, body),
    answer: ({ rows, duplicates, receivedAt }) =>
      `{"success":true,"event_id":"${rows[0]?.eventId ?? ""}","message":"Event tracked successfully",` +
      `"timestamp":"${receivedAt.text}","duplicate":${duplicates > 0}}`,
  },
  batch: {
    transcribe: (transcriber, body, sender) => transcriber.batch(body, sender),
    parse: (body) => parseAs(validateBatch, body),
    answer: ({ rows: { length }, duplicates, receivedAt }) =>
      `{"success":true,"events_received":${length},"events_queued":${length},"events_failed":0,` +
      `"message":"${length} events queued","timestamp":"${receivedAt.text}","events_duplicate":${duplicates}}`,
  },
} as const satisfies Readonly<Record<string, Form>>;

/** The name of a form. */
export type FormName = keyof typeof forms;

const byName: ReadonlyMap<string, Form> = new Map(Object.entries(forms));

/** The form of a name that came with a body. */
export function formNamed(name: string): Form {
  const form = byName.get(name);
  invariant(form !== undefined, "a body comes with the name of a form");
  return form;
}

function parseAs(validate: (value: unknown, exact: unknown) => Validated, body: Uint8Array): ParsedBody {
  const parsed = parseJson(body);
  if (!parsed.ok) return { ok: false, answer: answerOf(parsed.issues) };
  const validated = validate(parsed.value, parsed.exact);
  if (!validated.ok) return { ok: false, answer: answerOf(validated.issues) };
  return { ...validated, hasOwnSpellings: parsed.exact !== parsed.value };
}
