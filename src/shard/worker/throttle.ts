/**
 * Backpressure of a shard: when its flushes fall behind, its groups wait a little before they are committed. Callers
 * are slowed to what can be sealed, the processor goes to the flush, and the buffer does not run full under a load that
 * only lasts.
 *
 * The pause is in proportion to the lag, which is itself what ingest was ahead of the flush so far: so the two settle
 * where they are equally quick, whatever the machine, and do not swing (a pause that grew and shrank step by step did,
 * and left cores idle).
 */

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

/**
 * Where the pause begins, and where it is longest: past the interval the flush is late, and a third of the buffer is
 * more than lies in it while the flush keeps up.
 */
const limits = { age: { from: 1, to: 2 }, fill: { from: 0.33, to: 0.66 } };

/** How long the groups of a shard wait before their commit. */
export class Throttle {
  #pauseMs = 0;

  /** ms; 0 while the flush keeps up. */
  get pauseMs(): number {
    return this.#pauseMs;
  }

  /** Looks at the lag of now. */
  step({ isFlushing, age, fill }: FlushLag): void {
    const behind = isFlushing ? Math.max(shareOf(age, limits.age), shareOf(fill, limits.fill)) : 0;
    this.#pauseMs = Math.round(pauseMsMax * Math.min(1, behind));
  }
}

const shareOf = (value: number, { from, to }: { from: number; to: number }) =>
  Math.max(0, (value - from) / (to - from));
