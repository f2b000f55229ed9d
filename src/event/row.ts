/**
 * An accepted event as one journal line: JSON in the columns of `events`, so that DuckDB reads the journal as it is.
 *
 * What recovery asks of a line stands first and at fixed places, so that it is read without parsing:
 *   {"event_id":"<36>","timestamp":"<27>","received_at":"<27>","category":"…"[,"content":N],"subject":…
 * `content` stands in lines whose id a client made, and is the checksum of what the client sent. `properties` is an object, or
 * the text of one where its numbers must keep their spelling; `columns.ts` reads both.
 */
import { invariant } from "../base/invariant.ts";
import { type Category, categories } from "./categories.ts";
import { makeEventId } from "./event-id.ts";
import { hourOfText, type Timestamp } from "./timestamp.ts";
import type { ValidEvent } from "./validate.ts";

/** What the events of one request share; the texts are JSON. */
export type Acceptance = {
  receivedAt: Timestamp;
  subjectText: string;
  clientIdText: string;
  /** Whether a number of the request is spelt in a way that is not JavaScript's own. */
  hasOwnSpellings: boolean;
};

/** An event on its way to the journal: its line without the line end, and what is counted of it. */
export type Row = {
  line: string;
  eventId: string;
  /** Index in `categories`. */
  category: number;
  /** Hours since 1970, of the event's timestamp. */
  hour: number;
  /** Checksum of what the client sent, 24 bits; undefined where the server made the id. */
  content: number | undefined;
};

const categoryIndex = new Map<string, number>(categories.map((category, index) => [category, index]));

/** Index in `categories`, which is also the place of its counter. */
function indexOfCategory(category: string): number {
  const index = categoryIndex.get(category);
  invariant(index !== undefined, "a validated event has one of the eight categories");
  return index;
}

const contentMask = 0xffffff;

/** The part of a line that holds what the client sent and the head does not. */
function sentText(event: ValidEvent, properties: unknown): string {
  return JSON.stringify({
    priority: event.priority,
    event_name: event.event_name,
    session_id: event.session_id,
    page_url: event.page_url,
    referrer: event.referrer,
    user_agent: event.user_agent,
    properties,
  });
}

/** Fills in what the client left out and writes the line. */
export function rowOf(event: ValidEvent, acceptance: Acceptance): Row {
  const timestamp = event.timestamp ?? acceptance.receivedAt;
  const sent = sentText(event, event.properties);
  const category: Category = event.category;
  const eventId = event.event_id ?? makeEventId();
  // A time that the server filled in differs from try to try, so it is no part of what the client sent.
  const content =
    event.event_id === undefined
      ? undefined
      : Bun.hash.xxHash32(`${event.timestamp?.text ?? ""}${category}${sent}`) & contentMask;
  // DuckDB spells numbers anew when it reads JSON, and as JavaScript does but for this: 1e+21 becomes 1e21. Text it keeps.
  const isQuoted = event.properties !== null && (acceptance.hasOwnSpellings || sent.includes("e+"));
  const stored = isQuoted ? sentText(event, JSON.stringify(event.properties)) : sent;
  const contentField = content === undefined ? "" : `,"content":${content}`;
  const line = `{"event_id":"${eventId}","timestamp":"${timestamp.text}","received_at":"${acceptance.receivedAt.text}","category":"${category}"${contentField},"subject":${acceptance.subjectText},"client_id":${acceptance.clientIdText},${stored.slice(1)}`;
  return { line, eventId, category: indexOfCategory(category), hour: timestamp.hour, content };
}

const idAt = '{"event_id":"'.length;
const timestampAt = idAt + 36 + '","timestamp":"'.length;
const receivedAt = timestampAt + 27 + '","received_at":"'.length;
const categoryAt = receivedAt + 27 + '","category":"'.length;
const contentKey = '","content":';
/** Where the longest category and the longest checksum end. */
const headBytesMax = categoryAt + 11 + contentKey.length + 8;

/** What recovery asks of a line. */
export type RowHead = Omit<Row, "line"> & { receivedAtMs: number };

/**
 * Reads the head of a line that `rowOf` wrote, from its bytes.
 * @throws InvariantBroken when the bytes are no such line
 */
export function readRowHead(line: Buffer): RowHead {
  const head = line.toString("latin1", 0, Math.min(line.byteLength, headBytesMax));
  invariant(head.startsWith('{"event_id":"') && head.length > categoryAt, "a journal line starts with its event's id");
  const categoryEnd = head.indexOf('"', categoryAt);
  const hasContent = head.startsWith(contentKey, categoryEnd);
  return {
    eventId: head.slice(idAt, idAt + 36),
    category: indexOfCategory(head.slice(categoryAt, categoryEnd)),
    hour: hourOfText(head.slice(timestampAt, timestampAt + 27)),
    content: hasContent ? Number.parseInt(head.slice(categoryEnd + contentKey.length), 10) : undefined,
    receivedAtMs: Date.parse(head.slice(receivedAt, receivedAt + 27)),
  };
}
