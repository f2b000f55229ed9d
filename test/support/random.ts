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

/** The seed of every test that says nothing else, so that CI says the same of the same commit. */
const seedUsual = 20_261_127;

/**
 * The seed that MILLRACE_TEST_SEED asks for: a number, `random` for another one each time, and the usual one if it is
 * not set.
 * @throws Error if it is anything else
 */
export function seedOf(given: string | undefined): number {
  if (!given) return seedUsual;
  if (given === "random") return Math.floor(Math.random() * 2 ** 31);
  const seed = Number(given);
  if (Number.isSafeInteger(seed) && Math.abs(seed) <= 2 ** 31) return seed;
  throw new Error(`MILLRACE_TEST_SEED is ${given}: give a whole number of 32 bits, or random`);
}

/** The seed of this run; printed, so that a run that failed can be run again. */
export function seedOfRun(test: string): number {
  const seed = seedOf(process.env["MILLRACE_TEST_SEED"]);
  console.log(`${test}: MILLRACE_TEST_SEED=${seed}`);
  return seed;
}

/** MILLRACE_TEST_RUNS: every property makes this many times its draws, and its test may take this many times longer. */
export const drawsFactor = factorOf(process.env["MILLRACE_TEST_RUNS"]);

function factorOf(given: string | undefined): number {
  const times = Number(given || 1);
  if (Number.isSafeInteger(times) && times > 0) return times;
  throw new Error(`MILLRACE_TEST_RUNS is ${given}: give a whole number from 1, by which the draws are multiplied`);
}
