/**
 * Backpressure of a shard: when its flushes fall behind, its groups wait a little before they are committed. This slows
 * callers to the rate that can be sealed, leaves the processor to the flush, and keeps a long steady load from filling
 * the buffer.
 *
 * The pause is proportional to the lag, and the lag is how far ingest is ahead of the flush. So on any machine the two
 * settle at the same rate without oscillating. A pause that grew and shrank step by step oscillated and left cores
 * idle.
 */

/** Longest pause: beyond it, refusing events when the buffer is full is better. ms */
const pauseMsMax = 100;

/** How far a shard's flush is behind. */
export type FlushLag = {
  /** Whether parts wait for their flush and flushes do not fail: slower ingest helps only then. */
  isFlushing: boolean;
  /** Age of the oldest unsealed event, as a share of the flush interval. */
  age: number;
  /** Unsealed events of all shards, as a share of the buffer. */
  fill: number;
};

/**
 * Where the pause begins, and where it is longest. Past the interval the flush is late; while it keeps up, the buffer
 * is less than a third full.
 */
const limits = { age: { from: 1, to: 2 }, fill: { from: 0.33, to: 0.66 } };

/** How long the groups of a shard wait before their commit. */
export class Throttle {
  #pauseMs = 0;

  /** ms; 0 while the flush keeps up. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Sets the pause from the current lag. */
  step({ isFlushing, age, fill }: FlushLag): void {
    const behind = isFlushing ? Math.max(shareOf(age, limits.age), shareOf(fill, limits.fill)) : 0;
    this.#pauseMs = Math.round(pauseMsMax * Math.min(1, behind));
  }
}

const shareOf = (value: number, { from, to }: { from: number; to: number }) =>
  Math.max(0, (value - from) / (to - from));
