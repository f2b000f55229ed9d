/**
 * The way of events that other vendors' SDKs send: the good ones to a shard, exactly as those of a batch, the bad ones
 * to the store of refused events. One bad event does not refuse the others.
 */
import { systemClock } from "../../base/clock.ts";
import { Overloaded } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { within } from "../../base/within.ts";
import type { EachAccepted, FormName } from "../../event/forms.ts";
import type { Protocol, RefusedEvent } from "../../event/protocols.ts";
import { refusedLine } from "../../refused/record.ts";
import type { RefusedStore } from "../../refused/refused-store.ts";
import type { AppendAnswer, AppendRequest } from "../protocol.ts";
import { waitMsMax } from "./lane.ts";

/** What an adapter made of one body, or of a part of it. */
export type EachRequest = {
  /**
   * `{"events":[…]}` in the own API's form, at most `batchEventsMax` events and `bodyBytesMax` bytes (one larger event
   * goes alone); empty: nothing could be mapped. The memory moves away: do not use it afterwards.
   */
  body: Uint8Array;
  protocol: Protocol;
  /** The token's `sub`, or the name of the write key. */
  subject: string | null;
  /** Events that could not be mapped; `event` is as the SDK sent it. */
  refused: readonly RefusedEvent[];
};

/** How many events were stored, were stored before, and were refused. */
export type EachAnswer = { stored: number; duplicates: number; refused: number };

/** What the sender works with. */
type EachSenderOptions = {
  /** `Dispatcher.submit` */
  submit: (request: AppendRequest) => Promise<AppendAnswer>;
  store: Pick<RefusedStore, "keep">;
};

const form: FormName = "each";

const nothing: EachAccepted = { stored: 0, duplicates: 0, refused: [] };

/** Sends events one by one, as far as their being accepted goes. */
export class EachSender {
  readonly #options: EachSenderOptions;

  constructor(options: EachSenderOptions) {
    this.#options = options;
  }

  /**
   * Stores the good events and keeps the bad ones; resolves once all of them are durable, within 5 s.
   * @throws Overloaded when not all are durable: the same events can be sent again, and those with ids are stored once.
   * ActorDied when the shard died
   */
  async submitEach({ body, protocol, subject, refused }: EachRequest): Promise<EachAnswer> {
    const startMs = systemClock.monotonicMs();
    const accepted = body.byteLength === 0 ? nothing : await this.store(body, subject);
    const from = { protocol, subject, refusedAtMs: systemClock.nowMs() };
    const lines = [
      ...refused.map((event) => refusedLine(event, { ...from, is_mapped: false })),
      ...accepted.refused.map((event) => refusedLine(event, { ...from, is_mapped: true })),
    ];
    const kept = this.#options.store.keep(lines).then(() => true);
    const leftMs = waitMsMax - (systemClock.monotonicMs() - startMs);
    if ((await within(kept, leftMs)) !== true) throw new Overloaded("commit_late");
    return { stored: accepted.stored, duplicates: accepted.duplicates, refused: lines.length };
  }

  /**
   * Stores the good events of a body in the own API's form and returns the bad ones, which are not kept.
   * @throws Overloaded; ActorDied
   */
  async store(body: Uint8Array, subject: string | null): Promise<EachAccepted> {
    const answer = await this.#options.submit({ body, form, encoding: "identity", subject });
    if (answer.kind === "overloaded") throw new Overloaded(answer.reason);
    invariant(answer.kind === "accepted", `a body of mapped events is read, and not ${answer.kind}`);
    return JSON.parse(answer.body) as EachAccepted;
  }
}
