/**
 * The one table of an event's fields. Everything that lists them derives from it: the schema and the OpenAPI document
 * (`schema.ts`), the order of errors, the columns of `events` (`columns.ts`), the journal line and both ways to it
 * (`line/row.ts`, `transcribe/`), import, export, and the peers of the benchmark. To add a field that is a string or
 * null, add one row. A field of another kind does not compile until each of these handles it.
 *
 * Plain data, without TypeBox: code that only stores or counts events need not load it, which takes 15 ms of a thread's
 * start.
 */
import { categories, categoryDefault, priorities, priorityDefault } from "./categories.ts";

/** What a field holds. */
type Kind =
  /** A string or null; null if left out. */
  | { kind: "string" }
  /** A required string of 1 to this many code points. */
  | { kind: "name"; codePointsMax: number; examples: readonly string[] }
  /** One of these words; the default if left out. */
  | { kind: "enum"; members: readonly string[]; default: string }
  /** A time, to the microsecond; the server's if left out. */
  | { kind: "time" }
  /** A UUID; the server makes one if it is left out. */
  | { kind: "id" }
  /** An object or null, holding any JSON, up to this many levels of objects and lists. */
  | { kind: "object"; levelsMax: number };

/**
 * Who sets a field: the client in each event, the client once for a batch, or the server alone. `errorOrder` is its
 * place in the schema and in a list of errors. `description` goes into the OpenAPI document.
 */
type Giver =
  | { givenBy: "event"; errorOrder: number; description: string }
  | { givenBy: "batch"; description: string }
  | { givenBy: "server" };

/**
 * Where a field is in a journal line: in the head, whose offsets `line/row.ts` fixes so that recovery reads them
 * without parsing; or after the head, in the order of these numbers. What the events of a request share comes first,
 * then what the client sent.
 */
type Line = { line: "head" | number };

/** The first format whose segments have the column, if it is not format 1. In an earlier segment the column is NULL. */
type Since = { since?: number };

type FieldRow = Kind & Giver & Line & Since;

/**
 * The fields, in the order of the columns. The numbers only define an order, with gaps for new fields. The order in a
 * line never changes: the checksums of what clients sent are made over it, and must distinguish a duplicate from a
 * conflict across versions.
 */
export const fields = {
  event_id: {
    kind: "id",
    givenBy: "event",
    errorOrder: 200,
    line: "head",
    description: "UUID that makes the event idempotent; absent: the server makes a UUIDv7",
  },
  event_name: {
    kind: "name",
    codePointsMax: 100,
    givenBy: "event",
    errorOrder: 10,
    line: 40,
    description: "Event name",
    examples: ["signup"],
  },
  category: {
    kind: "enum",
    members: categories,
    default: categoryDefault,
    givenBy: "event",
    errorOrder: 20,
    line: "head",
    description: "Event category",
  },
  priority: {
    kind: "enum",
    members: priorities,
    default: priorityDefault,
    givenBy: "event",
    errorOrder: 30,
    line: 30,
    description: "Event priority",
  },
  timestamp: {
    kind: "time",
    givenBy: "event",
    errorOrder: 50,
    line: "head",
    description:
      "Event timestamp (defaults to server time): ISO 8601, no offset means UTC; or Unix seconds, milliseconds past 2e10",
  },
  received_at: { kind: "time", givenBy: "server", line: "head" },
  subject: { kind: "string", givenBy: "server", line: 10 },
  client_id: {
    kind: "string",
    givenBy: "batch",
    line: 20,
    description: "Client identifier, kept on each of the batch's events",
  },
  user_id: {
    kind: "string",
    givenBy: "event",
    errorOrder: 100,
    line: 90,
    since: 3,
    description: "Who did it, known by name: the client's own id of the user",
  },
  anonymous_id: {
    kind: "string",
    givenBy: "event",
    errorOrder: 110,
    line: 100,
    since: 3,
    description: "Who did it, known by device: an id of the browser or the installation",
  },
  session_id: { kind: "string", givenBy: "event", errorOrder: 60, line: 50, description: "Session identifier" },
  page_url: {
    kind: "string",
    givenBy: "event",
    errorOrder: 70,
    line: 60,
    description: "Page URL where event occurred",
  },
  referrer: { kind: "string", givenBy: "event", errorOrder: 80, line: 70, description: "Referrer URL" },
  user_agent: { kind: "string", givenBy: "event", errorOrder: 90, line: 80, description: "User agent string" },
  properties: {
    kind: "object",
    levelsMax: 64,
    givenBy: "event",
    errorOrder: 40,
    line: 200,
    description: "Event properties; JSON of every kind inside, to 64 levels; numbers keep their digits",
  },
} as const satisfies Readonly<Record<string, FieldRow>>;

type Fields = typeof fields;

/** The name of a field, and of its column. */
export type FieldName = keyof Fields;

/** What a field holds, in one word. */
export type FieldKind = Kind["kind"];

type NamesWhere<Row> = { [Name in FieldName]: Fields[Name] extends Row ? Name : never }[FieldName];

/** Fields that a client sends with each event. */
export type EventFieldName = NamesWhere<{ givenBy: "event" }>;

/** The event fields that are a string or null; all of them are handled alike. */
export type StringName = NamesWhere<{ givenBy: "event"; kind: "string" }>;

/** Fields that a client sends once for all events of a batch. */
export type BatchFieldName = NamesWhere<{ givenBy: "batch" }>;

/** Fields in the head of a journal line. */
export type HeadName = NamesWhere<{ line: "head" }>;

/** Fields that the events of a request share, after the head of a line. */
export type SharedName = NamesWhere<{ givenBy: "batch" | "server"; line: number }>;

/** Fields that the client sent with the event, after the head of a line. */
export type SentName = NamesWhere<{ givenBy: "event"; line: number }>;

const isFieldName = (name: string): name is FieldName => Object.hasOwn(fields, name);
const isEventFieldName = (name: FieldName): name is EventFieldName => fields[name].givenBy === "event";
const isInHead = (name: FieldName): name is HeadName => fields[name].line === "head";
const isSentName = (name: FieldName): name is SentName => isEventFieldName(name) && !isInHead(name);
const isSharedName = (name: FieldName): name is SharedName => !isEventFieldName(name) && !isInHead(name);
const isStringName = (name: EventFieldName): name is StringName => fields[name].kind === "string";

/** All fields, in the order of the columns. */
export const fieldNames: readonly FieldName[] = Object.keys(fields).filter(isFieldName);

/** Fields that a client sends with each event, in the order of errors. */
export const eventFieldNames: readonly EventFieldName[] = fieldNames
  .filter(isEventFieldName)
  .sort((one, other) => fields[one].errorOrder - fields[other].errorOrder);

/** The event fields that are a string or null. */
export const stringNames: readonly StringName[] = eventFieldNames.filter(isStringName);

/** Fields that the events of a request share, in the order of a line. */
export const sharedNames: readonly SharedName[] = fieldNames
  .filter(isSharedName)
  .sort((one, other) => fields[one].line - fields[other].line);

/** Fields that the client sent with the event, in the order of a line. */
export const sentNames: readonly SentName[] = fieldNames
  .filter(isSentName)
  .sort((one, other) => fields[one].line - fields[other].line);

/** The names of all fields whose kind is one of these. */
export function namesOfKind(...kinds: readonly FieldKind[]): ReadonlySet<string> {
  return new Set(fieldNames.filter((name) => kinds.includes(fields[name].kind)));
}
