/**
 * How sides are compared: in rounds, in turn, in the same run. A share is taken within a round, where all sides had the
 * same machine and the same neighbours; what is reported is the median of the rounds.
 */

/**
 * The order of the sides in a round, counted from 0. It is reversed from one round to the next, so that no side always
 * meets the warmer machine.
 */
export function inTurn<T>(sides: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? sides : sides.toReversed();
}

/** The middle one; of an even number, the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** Medians of the first and of the last third of a course: alike if it is flat. */
export function firstAndLast(course: readonly number[]): { first: number; last: number } {
  const third = Math.max(1, Math.floor(course.length / 3));
  return { first: median(course.slice(0, third)), last: median(course.slice(-third)) };
}
