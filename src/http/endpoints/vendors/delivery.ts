/** The events of one request, on their way from the adapters to the shards. */
import type { RequestFacts } from "../../../adapter/mapped.ts";
import type { Batch, Unreadable } from "../../../adapter/protocol.ts";
import { invariant } from "../../../base/invariant.ts";
import type { Protocol } from "../../../event/protocols.ts";
import { Refusal } from "../../answers.ts";
import type { HttpContext } from "../../context.ts";
import type { Admission } from "../../edge/rate-limit.ts";
import type { Principal } from "../../token/principal.ts";
import { answerOf } from "./answers.ts";
import { factsOf, mediaTypeOf, segmentsOf } from "./facts.ts";

/** Where an SDK sends to. */
export type VendorPath = {
  protocol: Protocol;
  /** The kind of event that the path names, from its segments; undefined if it names none. */
  typeOf: (segments: readonly string[]) => string | undefined;
};

/** One request. */
export class Delivery {
  readonly #context: HttpContext;
  readonly #request: Request;
  readonly #path: VendorPath;
  readonly #receivedAtMs: number;
  #principal: Principal | undefined;
  #admission: Admission | undefined;
  #refused = 0;
  #events = 0;

  constructor(context: HttpContext, request: Request, path: VendorPath) {
    this.#context = context;
    this.#request = request;
    this.#path = path;
    this.#receivedAtMs = context.clock.nowMs();
  }

  get protocol(): Protocol {
    return this.#path.protocol;
  }

  /** Who sends; undefined before that is known. */
  get sender(): Principal | undefined {
    return this.#principal;
  }

  /** What its sender's rate limit says; undefined before the sender is known, and where it has no limit. */
  get admission(): Admission | undefined {
    return this.#admission;
  }

  /**
   * The sender is known now.
   * @throws Refusal 429 when its rate limit is used up
   */
  isFrom(principal: Principal): void {
    this.#principal = principal;
    this.#admission = this.#context.rates.admit(principal);
  }

  /** What the mapper is told. REQUIRES: the sender is known. */
  get facts(): RequestFacts {
    const keyName = this.#knownSender.subject ?? "";
    const type = this.#path.typeOf(segmentsOf(this.#request));
    return factsOf(this.#request, { receivedAtMs: this.#receivedAtMs, keyName, type });
  }

  /**
   * Hands one message over; resolves once its events are durable.
   * @throws Overloaded or ActorDied
   */
  readonly take = async (batch: Batch): Promise<void> => {
    const { subject } = this.#knownSender;
    const { stored, duplicates, refused } = await this.#context.submitEach({
      ...batch,
      protocol: this.protocol,
      subject,
    });
    this.#refused += refused;
    this.#events += stored + duplicates + refused;
  };

  /**
   * The answer, once all messages are taken.
   * @throws Refusal 400 or 413 if the body cannot be read
   */
  answer(mapped: { ok: true } | Unreadable): Response {
    if (!mapped.ok) {
      const { reason, text } = mapped;
      throw new Refusal(reason === "too_large" ? 413 : 400, { reason, text });
    }
    this.#admission?.charge(this.#events);
    return answerOf(this.protocol, mediaTypeOf(this.#request), { refused: this.#refused });
  }

  get #knownSender(): Principal {
    invariant(this.#principal !== undefined, "the sender is known before its events are mapped");
    return this.#principal;
  }
}
