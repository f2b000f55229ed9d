/**
 * Turns a row of an imported history, in the columns of `events`, into a journal line. The code that checks events over
 * HTTP checks it, so the same things are errors, in the same words. Pure.
 */
import { fieldNames, type SharedName } from "../fields.ts";
import type { Issue } from "../parse/issue.ts";
import { isRecord, parseJson } from "../parse/parse.ts";
import type { PropertySchemas } from "../parse/property-schemas.ts";
import { validateEvent } from "../parse/validate.ts";
import { parseTimestamp, type Timestamp } from "../timestamp.ts";
import { type LinedRow, rowOf } from "./row.ts";

/** A row in both forms, as `parseJson` returns them. */
export type ImportedRow = { value: unknown; exact: unknown };

/** What happens to columns that events do not have. `refuse` leaves them out too: the caller refuses the file. */
export type Extra = "refuse" | "properties" | "ignore";

/** Values for what a row lacks. `makeId` is called only for a valid row without `event_id`. */
type ImportContext = {
  now: Timestamp;
  extra: Extra;
  makeId: () => string;
  schemas: PropertySchemas | undefined;
};

/** A row's journal line, and whether its id came with it; or all that is wrong with it, in words. */
type ImportedLine = { ok: true; row: LinedRow; hasOwnId: boolean } | { ok: false; problems: string[] };

/** The columns that a row may have. */
export const importColumns: ReadonlySet<string> = new Set(fieldNames);

/** A longer value is cut in messages. Characters. */
const shownCharsMax = 100;

/**
 * Reads a row. A null is absent. Without `received_at` a row counts as received at its `timestamp`, and without
 * `timestamp` as having happened at `received_at`. `properties` may be an object, or a string that holds the JSON of
 * one.
 */
export function importedLine({ value, exact }: ImportedRow, context: ImportContext): ImportedLine {
  if (!isRecord(value) || !isRecord(exact)) return refused(["Input should be a valid dictionary or object"]);
  const properties = withExtra(value, exact, context.extra);
  if (!properties.ok) return properties;
  const receivedAt = momentOf(value["received_at"]);
  if (!receivedAt.ok) return receivedAt;
  const given = Object.fromEntries(
    Object.entries(value).filter(([name, member]) => importColumns.has(name) && member !== null),
  );
  const timestamp = timeOf(given["timestamp"]) ?? receivedAt.moment?.text;
  const fields = { ...given, properties: properties.value, timestamp };
  const validated = validateEvent(fields, { ...fields, properties: properties.exact }, context.schemas);
  const shared = { subject: textOf(given, "subject"), client_id: textOf(given, "client_id") } satisfies Readonly<
    Record<SharedName, unknown>
  >;
  const { subject, client_id: clientId } = shared;
  const [event] = validated.ok ? validated.events : [];
  if (event === undefined || !subject.ok || !clientId.ok) {
    const issues = validated.ok ? [] : validated.issues.map(problemOf);
    return refused([...issues, ...Object.values(shared).flatMap((text) => (text.ok ? [] : text.problems))]);
  }
  const hasOwnId = event.event_id !== undefined;
  const acceptance = {
    receivedAt: receivedAt.moment ?? event.timestamp ?? context.now,
    subjectText: subject.json,
    clientIdText: clientId.json,
  };
  const identified = hasOwnId ? event : { ...event, event_id: context.makeId() };
  return { ok: true, row: rowOf(identified, acceptance, properties.exact !== properties.value), hasOwnId };
}

type Refused = { ok: false; problems: string[] };

const refused = (problems: string[]): Refused => ({ ok: false, problems });

/** One fault as a sentence: where, what, and what was found. */
export function problemOf({ type, loc, msg, input, ctx }: Issue): string {
  // The column's name may precede the place in its JSON.
  const [, ...place] = loc;
  if (type === "json_invalid") {
    const [column, offset] = typeof place[0] === "string" ? place : [undefined, ...place];
    const where = typeof offset === "number" ? ` at character ${offset}` : "";
    return `${column === undefined ? "" : `${column}: `}not JSON: ${ctx?.["error"]}${where}`;
  }
  if (type === "missing") return place.length === 0 ? "is null" : `${place.join(".")}: ${msg}`;
  const found = typeof input === "object" ? "" : ` (found ${shown(input)})`;
  return `${place.join(".")}${place.length === 0 ? "" : ": "}${msg}${found}`;
}

function shown(input: unknown): string {
  const text = JSON.stringify(input) ?? "nothing";
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;
}

type Properties = { ok: true; value: unknown; exact: unknown };

/** A row's properties; with `properties` as `extra`, the columns that events do not have are added to them. */
function withExtra(value: Record<string, unknown>, exact: Record<string, unknown>, extra: Extra): Properties | Refused {
  const own = propertiesOf(value["properties"], exact["properties"]);
  if (!own.ok || extra !== "properties") return own;
  const names = Object.keys(value).filter((name) => !importColumns.has(name) && value[name] !== undefined);
  // Validation refuses what is not an object.
  if (names.length === 0 || (own.value !== null && !isRecord(own.value))) return own;
  const before = own.value ?? {};
  const twice = names.filter((name) => Object.hasOwn(before, name));
  if (twice.length > 0)
    return refused(twice.map((name) => `properties has ${shown(name)} already, and so has the row`));
  const merge = (properties: unknown, row: Record<string, unknown>) =>
    // Not by assignment: `__proto__` is a name like any other.
    Object.fromEntries([...Object.entries(properties ?? {}), ...names.map((name) => [name, row[name]] as const)]);
  const merged = merge(own.value, value);
  const isPlain = own.value === own.exact && names.every((name) => value[name] === exact[name]);
  return { ok: true, value: merged, exact: isPlain ? merged : merge(own.exact, exact) };
}

function propertiesOf(value: unknown, exact: unknown): Properties | Refused {
  if (typeof value !== "string") return { ok: true, value: value ?? null, exact: exact ?? null };
  const parsed = parseJson(Buffer.from(value));
  if (parsed.ok) return parsed;
  // JSON's null, or an empty string.
  if (parsed.issues.every(({ type }) => type === "missing")) return { ok: true, value: null, exact: null };
  return refused(
    parsed.issues.map(({ loc, ...rest }) => problemOf({ ...rest, loc: ["body", "properties", ...loc.slice(1)] })),
  );
}

/**
 * Databases write offsets of whole hours as `+00`, and some write `UTC`; pydantic accepts neither, so both are
 * converted.
 */
function timeOf(value: unknown): unknown {
  if (typeof value !== "string") return value ?? undefined;
  return value.replace(/(:\d\d(?:[.,]\d+)?) ?([-+]\d\d)$/, "$1$2:00").replace(/(:\d\d(?:[.,]\d+)?) ?UTC$/, "$1Z");
}

function momentOf(given: unknown): { ok: true; moment: Timestamp | undefined } | Refused {
  const value = timeOf(given);
  if (value === undefined) return { ok: true, moment: undefined };
  if (typeof value !== "string" && typeof value !== "number")
    return refused([`received_at: Input should be a valid datetime (found ${shown(value)})`]);
  const parsed = parseTimestamp(value);
  if (parsed.ok) return { ok: true, moment: parsed.timestamp };
  return refused([`received_at: Input should be a valid datetime or date, ${parsed.error} (found ${shown(value)})`]);
}

function textOf(row: Record<string, unknown>, name: SharedName): { ok: true; json: string } | Refused {
  const value = row[name];
  if (value === undefined) return { ok: true, json: "null" };
  return typeof value === "string"
    ? { ok: true, json: JSON.stringify(value) }
    : refused([`${name}: Input should be a valid string (found ${shown(value)})`]);
}
