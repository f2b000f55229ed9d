/** What a mapper is given, and what it returns. */
import type { RefusedEvent } from "../event/protocols.ts";

/** What a mapper needs to know of a request, beside its body. */
export type RequestFacts = {
  /** When it was received. ms since 1970 */
  receivedAtMs: number;
  /** The name of the write key, or the token's subject; empty if it has none. Ids are derived under it. */
  keyName: string;
  /** The kind of event that the path names; undefined if it names none. */
  type: string | undefined;
  /** The sender's own user agent. */
  userAgent: string | undefined;
  /** The media type, lower case, without parameters; empty if there is none. */
  contentType: string;
  /** The headers that begin with `ce-`, without that, lower case. */
  cloudEvent: Readonly<Record<string, string>>;
};

/** The events of a body. */
export type Mapped = {
  ok: true;
  /** Each as JSON, in the form of our own API. */
  events: string[];
  /** Those that could not be mapped, each in a form that its mapper can read again. */
  unmapped: RefusedEvent[];
};

/**
 * The events of a body take at most this many times its size, or `outputCharsFree` if that is more. Events of some 30
 * bytes become eight times larger. What all events of a body share, as the attributes of a resource, is written with
 * each of them, and could make a million times as much of it. Characters.
 */
const outputShare = 8;
const outputCharsFree = 64 * 1024 * 1024;

/** What an event takes beside its characters. */
const eventCharsOwn = 64;

/**
 * An event may be as large as a body, and a little more for what is added to it. PostHog's `distinct_id` is written in
 * three places, and nobody has one of megabytes. Characters.
 */
const eventCharsMin = 8 * 1024 * 1024;
const eventCharsAdded = 64 * 1024;

/**
 * Maps each event of a body, and sorts what the mapper made of it: its JSON, or why there is none. Stops where the
 * events become much larger than the body.
 */
export function mappedOf<Event>(
  body: Uint8Array,
  events: Iterable<Event>,
  map: (event: Event, index: number) => string | RefusedEvent,
): Mapped | Unreadable {
  const mapped: Mapped = { ok: true, events: [], unmapped: [] };
  const eventCharsMax = Math.max(eventCharsMin, body.byteLength) + eventCharsAdded;
  let charsLeft = Math.max(outputCharsFree, outputShare * body.byteLength);
  let index = 0;
  for (const event of events) {
    const one = map(event, index);
    index += 1;
    const text = typeof one === "string" ? one : one.event;
    charsLeft -= text.length + eventCharsOwn;
    if (charsLeft < 0) {
      const reason = "The events of the body take too much room when each is written out; send fewer in one body";
      return { ok: false, reason, isTooLarge: true };
    }
    if (typeof one !== "string") mapped.unmapped.push(one);
    else if (one.length <= eventCharsMax) mapped.events.push(flat(one));
    else
      mapped.unmapped.push({
        reason: "event: larger than a body may be, once it is mapped",
        eventId: null,
        event: one,
      });
  }
  return mapped;
}

/** The string in one piece. One that was joined of many holds all of them, which take ten times its memory. */
function flat(text: string): string {
  text.charCodeAt(0);
  return text;
}

/** A body that is not what its protocol says, or whose events are too large; nothing of it is kept. */
export type Unreadable = { ok: false; reason: string; isTooLarge?: boolean };

/**
 * Maps the bytes of a body, inflated, to events of our own form. It never throws; each event of the body comes out
 * once, mapped or not.
 */
export type Mapper = (body: Uint8Array, facts: RequestFacts) => Mapped | Unreadable;
