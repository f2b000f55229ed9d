/**
 * Backpressure of a shard: when its flushes fall behind, its groups wait a little before they are committed. Callers are slowed
 * to what can be sealed, the processor goes to the flush, and the buffer does not run full under a load that only lasts.
 *
 * The pause grows by a part of itself while the oldest event waits too long, and shrinks as fast when it does not: it
 * settles where ingest and flush are equally quick, whatever the machine.
 */

/** The pause's growth and decline at each step, and its least step and most. ms */
const growth = 1.15;
const decline = 0.85;
const stepMs = 0.5;

/** Longest pause: past it the buffer's bound is the better answer. ms */
const pauseMsMax = 100;

/** How far the flush of a shard is behind. */
export type FlushLag = {
  /** Whether parts wait for their flush, and flushes do not fail: nothing else is mended by slower ingest. */
  isFlushing: boolean;
  /** Age of the oldest unsealed event, as a share of the flush interval. */
  age: number;
  /** Unsealed events of all shards, as a share of the buffer. */
  fill: number;
};

/** Past the interval the flush is late; past half of the buffer there is not much time left to tell. */
const limits = { age: 1, fill: 0.5 };

/** How long the groups of a shard wait before their commit. */
export class Throttle {
  #pauseMs = 0;

  /** ms; 0 while the flush keeps up. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** To be called at a steady pace. */
  step({ isFlushing, age, fill }: FlushLag): void {
    const isBehind = isFlushing && (age > limits.age || fill > limits.fill);
    this.#pauseMs = isBehind
      ? Math.min(pauseMsMax, this.#pauseMs * growth + stepMs)
      : Math.max(0, this.#pauseMs * decline - stepMs);
  }
}
