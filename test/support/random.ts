/** Chance that can be replayed. */

/** A seeded source of numbers; the same seed gives the same run of them. */
export interface Random {
  readonly seed: number;
  /** A whole number from `from` to `to`, both included. */
  between(range: { readonly from: number; readonly to: number }): number;
  /** True once in `n` on average. */
  onceIn(n: number): boolean;
}

/** Chance from `seed`, by mulberry32: small, and good enough to choose moments and sizes. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (range: { readonly from: number; readonly to: number }) =>
    range.from + Math.floor(next() * (range.to - range.from + 1));
  return { seed, between, onceIn: (n) => between({ from: 1, to: n }) === 1 };
}

/** The seed in MILLRACE_TEST_SEED, or a new one; printed, so that a run that failed can be run again. */
export function seedOfRun(test: string): number {
  const given = Number(process.env["MILLRACE_TEST_SEED"]);
  const seed = Number.isSafeInteger(given) && given > 0 ? given : Math.floor(Math.random() * 2 ** 31);
  console.log(`${test}: MILLRACE_TEST_SEED=${seed}`);
  return seed;
}
