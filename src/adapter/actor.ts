/**
 * Worker entry of the adapters: bodies of other vendors' SDKs are inflated and mapped here, because that may take long
 * and the main thread has other requests.
 */
import { bornWith, type Handlers, handlerOf } from "../actor/serve.ts";
import type { Protocol } from "../event/protocols.ts";
import { batchesOf } from "./batches.ts";
import { keyIn } from "./body-key.ts";
import { openBody } from "./body-text.ts";
import type { RequestFacts } from "./mapped.ts";
import { mappers } from "./mappers.ts";
import type {
  AdapterOptions,
  AdapterReplies,
  AdapterRequest,
  Batch,
  Fetched,
  RawBody,
  Unreadable,
} from "./protocol.ts";

const options = bornWith() as AdapterOptions;

/** Things kept under tickets. The main thread bounds their bytes, and always fetches or forgets all of them. */
class Kept<Thing> {
  readonly #things = new Map<string, Thing>();

  /** Keeps a thing. Its ticket is unique across threads: a successor must never take another sender's thing for it. */
  keep(thing: Thing): string {
    const ticket = crypto.randomUUID();
    this.#things.set(ticket, thing);
    return ticket;
  }

  /** @throws Error when another thread kept it */
  take(ticket: string): Thing {
    const thing = this.#things.get(ticket);
    if (thing === undefined) throw new Error("the thread that kept the body has ended");
    this.#things.delete(ticket);
    return thing;
  }

  forget(ticket: string): void {
    this.#things.delete(ticket);
  }
}

const opened = new Kept<RawBody>();
const unsent = new Kept<{ next: Batch; after: Generator<Batch, undefined> }>();

function open({ body }: RawBody): { ok: true; bytes: Uint8Array } | Unreadable {
  const inflated = openBody(body, options.bytesMax);
  if (inflated.ok) return inflated;
  return inflated.reason === "too_large"
    ? { ok: false, reason: "too_large", text: `The body is larger than ${options.bytesMax} bytes` }
    : { ok: false, reason: "unreadable", text: "The body is compressed, and cannot be inflated" };
}

function map(protocol: Protocol, body: Uint8Array, facts: RequestFacts): Fetched | Unreadable {
  const mapped = mappers[protocol](body, facts);
  if (!mapped.ok) return { ok: false, reason: mapped.isTooLarge ? "too_large" : "unreadable", text: mapped.reason };
  const batches = batchesOf(mapped);
  return fetched(batches.next().value, batches);
}

/** One message, and a ticket for those after it, if there are any. */
function fetched(batch: Batch | undefined, after: Generator<Batch, undefined>): Fetched {
  const { value: next, done } = after.next();
  return { ok: true, batch, rest: done === true ? undefined : unsent.keep({ next, after }) };
}

const handlers: Handlers<AdapterRequest, AdapterReplies> = {
  recover: async () => ({ refused: undefined }),
  map: async ({ protocol, body, facts }) => {
    const whole = open({ protocol, body });
    return whole.ok ? map(protocol, whole.bytes, facts) : whole;
  },
  open: async ({ protocol, body }) => {
    const whole = open({ protocol, body });
    if (!whole.ok) return whole;
    return { ok: true, ticket: opened.keep({ protocol, body: whole.bytes }), key: keyIn(whole.bytes, protocol) };
  },
  "map opened": async ({ ticket, facts }) => {
    const { protocol, body } = opened.take(ticket);
    return map(protocol, body, facts);
  },
  next: async ({ ticket }) => {
    const { next, after } = unsent.take(ticket);
    return fetched(next, after);
  },
  forget: async ({ ticket }) => {
    opened.forget(ticket);
    unsent.forget(ticket);
    return undefined;
  },
};

/** What piscina calls. */
export const handle = handlerOf(() => handlers);
