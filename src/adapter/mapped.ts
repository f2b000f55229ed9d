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

/** Sorts what a mapper made of each event: its JSON, or why there is none. */
export function mappedOf(each: Iterable<string | RefusedEvent>): Mapped {
  const mapped: Mapped = { ok: true, events: [], unmapped: [] };
  for (const one of each) {
    if (typeof one === "string") mapped.events.push(one);
    else mapped.unmapped.push(one);
  }
  return mapped;
}

/** A body that is not what its protocol says; nothing of it is kept. */
export type Unreadable = { ok: false; reason: string };

/**
 * Maps the bytes of a body, inflated, to events of our own form. It never throws; each event of the body comes out
 * once, mapped or not.
 */
export type Mapper = (body: Uint8Array, facts: RequestFacts) => Mapped | Unreadable;
