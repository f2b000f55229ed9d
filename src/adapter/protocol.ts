/** What the adapters' thread is asked, and what it answers: plain data, cloned between threads. */
import type { Recovery } from "../actor/serve.ts";
import type { Protocol, RefusedEvent } from "../event/protocols.ts";
import type { RequestFacts } from "./mapped.ts";

/** The media type of protobuf over HTTP. */
export const protobufType = "application/x-protobuf";

/** What the thread is born with: the most bytes that a body may have after inflation. */
export type AdapterOptions = { bytesMax: number };

/** A request's body, as it was received. Its memory may move to the thread: do not use it afterwards. */
export type RawBody = { protocol: Protocol; body: Uint8Array };

/**
 * Everything that the thread is asked. A ticket stands for what the thread keeps of a request: a body that is not
 * mapped yet, or messages that were not fetched yet.
 */
export type AdapterRequest =
  | { kind: "recover" }
  /** Opens and maps a body. */
  | ({ kind: "map"; facts: RequestFacts } & RawBody)
  /** Opens a body and finds the key in it. */
  | ({ kind: "open" } & RawBody)
  | { kind: "map opened"; ticket: string; facts: RequestFacts }
  /** The next message of a body that was mapped. */
  | { kind: "next"; ticket: string }
  /** Whatever a ticket stands for is not needed any more. */
  | { kind: "forget"; ticket: string };

/**
 * A message for a shard: events in the form of our own API (empty: there are none), and events that could not be
 * mapped.
 */
export type Batch = { body: Uint8Array; refused: RefusedEvent[] };

/** A body that cannot be read; `text` says why. */
export type Unreadable = { ok: false; reason: "too_large" | "unreadable"; text: string };

/** A message of a body, and the ticket of the rest; undefined if there is none. A body may hold many messages. */
export type Fetched = { ok: true; batch: Batch | undefined; rest: string | undefined };

/** The answer to each kind of request. */
export type AdapterReplies = {
  recover: Recovery;
  map: Fetched | Unreadable;
  /** `key`: undefined if the body names none. */
  open: { ok: true; ticket: string; key: string | undefined } | Unreadable;
  "map opened": Fetched | Unreadable;
  next: Fetched;
  forget: undefined;
};
