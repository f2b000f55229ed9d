/** Ids of events whose SDK makes none, or none that is a UUID. */
import { parseEventId } from "../event/event-id.ts";
import type { Protocol } from "../event/protocols.ts";
import type { RequestFacts } from "./mapped.ts";

/** The namespace of derived ids. It never changes, or events sent again would count twice. */
const namespace = "7d0c1f6e-5b1a-5c3e-9f43-2f6b8a1d4e70";

/**
 * Derives a UUID (version 5) from an SDK's own id. Keys have ids of their own: two applications may both count from 1.
 * Never take a UUID out of the id: those at the end of Segment's ids share 14 of 16 bytes.
 */
export function derivedId(protocol: Protocol, { keyName }: RequestFacts, id: string): string {
  return Bun.randomUUIDv5(`${protocol}\0${keyName}\0${id}`, namespace);
}

/** The SDK's id if it is a UUID, else one derived from it; undefined if there is none. */
export function eventIdOf(protocol: Protocol, facts: RequestFacts, id: string | undefined): string | undefined {
  if (id === undefined) return undefined;
  const parsed = parseEventId(id);
  return parsed.ok ? parsed.id : derivedId(protocol, facts, id);
}
