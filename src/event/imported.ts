/** A row of history from elsewhere, in the columns of `events`, to a journal line: checked like an event that is sent. Pure. */
import type { Issue } from "./issue.ts";
import { isRecord, parseJson } from "./parse.ts";
import { type LinedRow, rowOf } from "./row.ts";
import { parseTimestamp, type Timestamp } from "./timestamp.ts";
import { validateEvent } from "./validate.ts";

/** A row as it was read: twice, as `parseJson` gives it. */
export type ImportedRow = { value: unknown; exact: unknown };

/** What a row lacks is made of this: the same for the same row of the same file, so that it can be read again. */
type ImportContext = { now: Timestamp; rowNumber: number };

/** A row's journal line, or all that is wrong with it. */
type ImportedLine = { ok: true; row: LinedRow } | { ok: false; issues: Issue[] };

/**
 * Reads a row. Without `received_at` it counts as received at its `timestamp`, without that the other way round. Without
 * `event_id` it gets one of its content and its place. `properties` may be an object, or the text of one.
 */
export function importedLine({ value, exact }: ImportedRow, { now, rowNumber }: ImportContext): ImportedLine {
  if (!isRecord(value) || !isRecord(exact)) return refused("body", "a row is an object", value);
  const properties = propertiesOf(value["properties"], exact["properties"]);
  if (!properties.ok) return properties;
  const receivedAt = momentOf(value["received_at"], "received_at");
  if (!receivedAt.ok) return receivedAt;
  const fields = {
    ...value,
    properties: properties.value,
    event_id: value["event_id"] ?? idOf(JSON.stringify(exact), rowNumber),
    timestamp: value["timestamp"] ?? receivedAt.moment?.text,
  };
  const validated = validateEvent(fields, { ...fields, properties: properties.exact });
  const texts = ["subject", "client_id"].map((name) => textOf(value[name], name));
  const issues = [...(validated.ok ? [] : validated.issues), ...texts.flatMap((text) => (text.ok ? [] : text.issues))];
  const [event] = validated.ok ? validated.events : [];
  if (event === undefined || issues.length > 0) return { ok: false, issues };
  const [subjectText = "null", clientIdText = "null"] = texts.map((text) => (text.ok ? text.json : "null"));
  const acceptance = { receivedAt: receivedAt.moment ?? event.timestamp ?? now, subjectText, clientIdText };
  const row = rowOf(event, acceptance, properties.exact !== properties.value);
  return { ok: true, row };
}

type Refused = { ok: false; issues: Issue[] };

const refused = (field: string, msg: string, input: unknown): Refused => ({
  ok: false,
  issues: [{ type: "value_error", loc: ["body", field], msg, input }],
});

function propertiesOf(value: unknown, exact: unknown): { ok: true; value: unknown; exact: unknown } | Refused {
  if (typeof value !== "string") return { ok: true, value: value ?? null, exact: exact ?? null };
  const parsed = parseJson(Buffer.from(value));
  return parsed.ok ? parsed : refused("properties", "the text is no JSON", value);
}

function momentOf(value: unknown, field: string): { ok: true; moment: Timestamp | undefined } | Refused {
  if (value === undefined || value === null) return { ok: true, moment: undefined };
  if (typeof value !== "string" && typeof value !== "number")
    return refused(field, "a time is a text or a number", value);
  const parsed = parseTimestamp(value);
  return parsed.ok ? { ok: true, moment: parsed.timestamp } : refused(field, parsed.error, value);
}

function textOf(value: unknown, field: string): { ok: true; json: string } | Refused {
  if (value === undefined || value === null) return { ok: true, json: "null" };
  return typeof value === "string"
    ? { ok: true, json: JSON.stringify(value) }
    : refused(field, "a text is needed", value);
}

/** A UUID of version 8 (RFC 9562, 5.8) from what a row says and where it stands. */
function idOf(text: string, rowNumber: number): string {
  const hex = new Bun.CryptoHasher("sha256").update(`${rowNumber} ${text}`).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
