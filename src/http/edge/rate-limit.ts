/**
 * How many events a second each sender may bring.
 *
 * Rules:
 * - A request is admitted while its sender's bucket is above zero. How many events it holds is known only when the
 *   shard has parsed it, so one is taken at once, and the rest with the answer: a batch may take the bucket below zero.
 *   Nothing more is admitted until that is paid, so the rate holds on average, whatever is in flight.
 * - What was queued counts, duplicates too. A refused body costs one.
 * - A token's sender is its subject, and all tokens without one are one sender; a write key is a sender of its own.
 * - The fields are those of draft-ietf-httpapi-ratelimit-headers-10. Its units are requests or bytes, and a policy
 *   whose unit is another names it: the policy is called "events".
 */
import type { Clock } from "../../base/clock.ts";
import { Refusal, refusalOf } from "../answers.ts";
import type { Principal } from "../token/principal.ts";
import { type Bucket, Buckets } from "./buckets.ts";

/** Who sends. `rate` takes the place of the general limit; 0: no limit. Events a second. */
type Sender = Pick<Principal, "kind" | "subject"> & { rate?: number };

/** The general limit, 0 for none. */
type RateLimitOptions = { eventsPerSecond: number; clock: Pick<Clock, "monotonicMs"> };

/** Admits requests that bring events. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  readonly #buckets = new Buckets();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /**
   * Admits one request; undefined when its sender has no limit.
   * @throws Refusal 429 when its sender's bucket is empty
   */
  admit({ kind, subject, rate = this.#options.eventsPerSecond }: Sender): Admission | undefined {
    if (rate <= 0) return undefined;
    const bucket = this.#buckets.at(nameOf(kind, subject), rate, this.#options.clock.monotonicMs());
    const admission = new Admission(bucket);
    if (bucket.level <= 0)
      throw new Refusal(429, {
        reason: "rate_limited",
        text: `More than ${rate} events a second; try again when Retry-After says`,
        headers: { ...admission.headers, "retry-after": String(secondsOf(bucket)) },
      });
    bucket.take(1);
    return admission;
  }
}

/** A longer name is hashed: a subject may have thousands of characters, and there are many buckets. Characters. */
const nameCharsMax = 200;

function nameOf(kind: Sender["kind"], subject: string | null): string {
  const name = `${kind} ${subject === null ? "" : `=${subject}`}`;
  return name.length <= nameCharsMax ? name : new Bun.CryptoHasher("sha256").update(name).digest("base64");
}

/** One admitted request of a sender with a limit. */
export class Admission {
  readonly #bucket: Bucket;

  constructor(bucket: Bucket) {
    this.#bucket = bucket;
  }

  /** Takes what the request held, of which one event was taken when it was admitted. */
  charge(events: number): void {
    this.#bucket.take(Math.max(0, events - 1));
  }

  /** What its sender has left, as fields of an answer. */
  get headers(): Record<string, string> {
    const { rate, level } = this.#bucket;
    return {
      "ratelimit-policy": policyOf(rate),
      // Rounded up: a request is admitted exactly while `r` is not 0.
      ratelimit: `"events";r=${Math.ceil(Math.max(0, level))};t=${secondsOf(this.#bucket)}`,
    };
  }

  /**
   * The answer with the fields, which say what is left once it is known.
   * @throws what `answer` throws; an expected error as a Refusal with the fields
   */
  answering(answer: Promise<Response>): Promise<Response> {
    return answer.then(
      (response) => {
        for (const [name, value] of Object.entries(this.headers)) response.headers.set(name, value);
        return response;
      },
      (error: unknown) => {
        throw refusalOf(error)?.with(this.headers) ?? error;
      },
    );
  }
}

/** The quota in whole units; of less than one event a second, one in as many seconds as it takes. */
const policyOf = (rate: number): string =>
  rate < 1 ? `"events";q=1;w=${Math.ceil(1 / rate)}` : `"events";q=${Math.ceil(rate)};w=1`;

/**
 * Whole seconds after which the bucket is above zero for sure, at least one. Never exactly when it is at zero: that
 * would still be refused.
 */
const secondsOf = ({ emptySeconds }: Bucket): number => Math.floor(emptySeconds) + 1;
