/**
 * When requests are meant to be sent: a Poisson process of a fixed rate, from a seed, fixed before the first answer.
 *
 * Poisson and not evenly spaced, because independent clients arrive so, and a queue shows its tail only under random
 * clusters. It also works with a timer of one millisecond. At tens of thousands a second, evenly spaced requests would
 * be sent as one burst a tick. Here each request has its own time, is sent at the first check of the clock after it,
 * and its latency counts from it. So the timer's delay is part of the latency, and is reported as send lag.
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

  /** Advances to the next request. */
  advance(): void {
    this.#nextMs -= Math.log(1 - this.#chance()) * this.#gapMs;
  }
}
