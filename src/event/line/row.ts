/**
 * An accepted event as one journal line: JSON in the columns of `events`, so that DuckDB reads the journal as it is.
 *
 * What recovery needs of a line comes first and at fixed offsets, so that it is read without parsing:
 * {"event_id":"<36>","timestamp":"<27>","received_at":"<27>","category":"…"
 *   [,"content":N][,"subject":…][,"client_id":…],"priority":…
 * `content` is in lines whose id a client made: the checksum of what the client sent. `properties` is an object, or a
 * string of its JSON where its numbers must keep their spelling; `columns.ts` reads both. Fields that are null are left
 * out.
 */
import { invariant } from "../../base/invariant.ts";
import { recordOf } from "../../base/record.ts";
import { type Category, categories } from "../categories.ts";
import { makeEventId } from "../event-id.ts";
import { type FieldName, type HeadName, type SentName, type SharedName, sentNames, sharedNames } from "../fields.ts";
import type { ValidEvent } from "../parse/validate.ts";
import { hourOfText, type Timestamp } from "../timestamp.ts";

/** What the events of one request share; the two strings are JSON. */
export type Acceptance = { receivedAt: Timestamp; subjectText: string; clientIdText: string };

/** What is known of an event on its way to the journal, for counting and for the id table. */
export type Row = {
  eventId: string;
  /** Index in `categories`. */
  category: number;
  /** Hours since 1970, of the event's timestamp. */
  hour: number;
  /** Checksum of what the client sent, 24 bits; undefined where the server made the id. */
  content: number | undefined;
};

/** A row with its line, without the line end. */
export type LinedRow = Row & { line: string };

const categoryIndex = new Map<string, number>(categories.map((category, index) => [category, index]));

/** Index in `categories`, which is also the place of its counter. */
function indexOfCategory(category: string): number {
  const index = categoryIndex.get(category);
  invariant(index !== undefined, "a validated event has one of the eight categories");
  return index;
}

const contentMask = 0xffffff;

/** The checksum has a fixed width, so its place can be reserved and filled once the content has been written. */
const contentChars = String(contentMask).length;
/** Placeholder for a checksum that is not known yet. */
export const contentRoom = " ".repeat(contentChars);

/** A checksum as it is written in a line. */
const contentText = (content: number) => String(content).padStart(contentChars);

/**
 * The checksum of what a client sent: its time as it is stored, the category, and the rest as it is in a line. A time
 * that the server filled in differs from try to try, so it is not included.
 */
const contentOf = (sentTime: string, category: string, rest: string): number =>
  contentOfBytes(`${sentTime}${category}`, rest);

/** The same of bytes; `beginning`: the time, if the client sent one, and the category. */
export const contentOfBytes = (beginning: string | Uint8Array, rest: string | Uint8Array): number =>
  Bun.hash.xxHash32(rest, Bun.hash.xxHash32(beginning)) & contentMask;

/** What precedes each field of a head, in this order, and the checksum. */
export const headKeys = {
  event_id: '{"event_id":"',
  timestamp: '","timestamp":"',
  received_at: '","received_at":"',
  category: '","category":"',
  content: ',"content":',
} as const satisfies Readonly<Record<HeadName | "content", string>>;

/** What precedes the value of a field after the head. */
export const labelOf = (name: FieldName) => `,"${name}":`;

const sharedLabels = recordOf(sharedNames, labelOf);
const sharedValues = { subject: "subjectText", client_id: "clientIdText" } as const satisfies Readonly<
  Record<SharedName, keyof Acceptance>
>;

/** The members of a line that all events of its request share. */
export function sharedText(acceptance: Acceptance): string {
  let text = "";
  for (const name of sharedNames) {
    const value = acceptance[sharedValues[name]];
    if (value !== "null") text += sharedLabels[name] + value;
  }
  return text;
}

/** What the client sent, without the fields of the head and without `properties`, which end a line. */
const beforeProperties = sentNames.filter((name) => name !== "properties");

/** The members of a line that the client sent, without those of the head. `properties` is JSON. */
function sentText(event: ValidEvent, properties: string | undefined): string {
  const members: Partial<Record<SentName, string>> = {};
  for (const name of beforeProperties) {
    const value = event[name];
    if (value !== null) members[name] = value;
  }
  const sent = JSON.stringify(members).slice(1, -1);
  return properties === undefined ? sent : `${sent}${propertiesLabel}${properties}`;
}

const propertiesLabel = labelOf("properties");

/**
 * Fills in what the client left out and makes the line. `hasOwnSpellings`: a number in `properties` is spelled
 * differently than JavaScript spells it.
 */
export function rowOf(event: ValidEvent, acceptance: Acceptance, hasOwnSpellings: boolean): LinedRow {
  const timestamp = event.timestamp ?? acceptance.receivedAt;
  const properties = event.properties === null ? undefined : JSON.stringify(event.properties);
  const sent = sentText(event, properties);
  const category: Category = event.category;
  const eventId = event.event_id ?? makeEventId();
  const content = event.event_id === undefined ? undefined : contentOf(event.timestamp?.text ?? "", category, sent);
  // DuckDB respells numbers when it reads JSON: as JavaScript does, except that 1e+21 becomes 1e21. It keeps strings.
  const isQuoted = properties !== undefined && (hasOwnSpellings || hasPlus(properties));
  const stored = isQuoted ? sentText(event, JSON.stringify(properties)) : sent;
  const contentField = content === undefined ? "" : headKeys.content + contentText(content);
  const head = `${headKeys.event_id}${eventId}${headKeys.timestamp}${timestamp.text}${headKeys.received_at}${acceptance.receivedAt.text}${headKeys.category}${category}"`;
  const line = `${head}${contentField}${sharedText(acceptance)},${stored}}`;
  return { line, eventId, category: indexOfCategory(category), hour: timestamp.hour, content };
}

/** Whether a number in JSON has a plus. Strings are skipped. */
const hasPlus = (json: string) => json.includes("e+") && json.replace(/"(?:[^"\\]|\\.)*"/g, "").includes("e+");

const idAt = headKeys.event_id.length;
const timestampAt = idAt + 36 + headKeys.timestamp.length;
const receivedAt = timestampAt + 27 + headKeys.received_at.length;
const categoryAt = receivedAt + 27 + headKeys.category.length;

const categoryBytesMax = Math.max(...categories.map((category) => category.length));
/** Where the longest category and the longest checksum end. */
const headBytesMax = categoryAt + categoryBytesMax + 1 + headKeys.content.length + contentChars;

/** What recovery reads of a line. */
export type RowHead = Row & { receivedAtMs: number };

/**
 * Reads the head of a line that `rowOf` made, from its bytes.
 * @throws InvariantBroken when the bytes are not such a line
 */
export function readRowHead(line: Buffer): RowHead {
  const head = line.toString("latin1", 0, Math.min(line.byteLength, headBytesMax));
  invariant(
    head.startsWith(headKeys.event_id) && head.length > categoryAt,
    "a journal line starts with its event's id",
  );
  const categoryEnd = head.indexOf('"', categoryAt);
  const hasContent = head.startsWith(headKeys.content, categoryEnd + 1);
  return {
    eventId: head.slice(idAt, idAt + 36),
    category: indexOfCategory(head.slice(categoryAt, categoryEnd)),
    hour: hourOfText(head.slice(timestampAt, timestampAt + 27)),
    content: hasContent ? Number.parseInt(head.slice(categoryEnd + 1 + headKeys.content.length), 10) : undefined,
    receivedAtMs: Date.parse(head.slice(receivedAt, receivedAt + 27)),
  };
}
