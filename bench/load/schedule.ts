/**
 * When requests are meant to be sent: a Poisson process of a fixed rate, from a seed, fixed before the first answer.
 *
 * Poisson and not evenly spaced, because many clients that know nothing of each other arrive so, and a queue shows its
 * tail only under the clusters that chance makes. It also survives a timer of one millisecond: at tens of thousands a
 * second an even spacing would be sent as one burst a tick and be even in name alone, while here each request has a
 * time of its own, is sent at the first look at the clock after it, and counts from it: what the timer adds is in the
 * latency, and told as send lag.
 */
import { seededChance } from "./events.ts";

/** The intended times of a load, one after another. Nothing but the seed and the rate moves them. */
export class Schedule {
  readonly #gapMs: number;
  readonly #chance: () => number;
  #nextMs = 0;

  constructor({ perSecond, seed }: { perSecond: number; seed: number }) {
    if (!(perSecond > 0)) throw new RangeError(`a rate of ${perSecond} requests a second cannot be sent`);
    this.#gapMs = 1_000 / perSecond;
    this.#chance = seededChance(seed);
    this.advance();
  }

  /** The next request's time, in milliseconds since the start of the load. */
  get nextMs(): number {
    return this.#nextMs;
  }

  /** Goes on to the request after it. */
  advance(): void {
    this.#nextMs -= Math.log(1 - this.#chance()) * this.#gapMs;
  }
}
