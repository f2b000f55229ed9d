/**
 * fast-check as the tests use it: the same draws in every run of the same commit, so that no test fails by chance.
 * `bun run hunt` draws others, and many more.
 */
import fc from "fast-check";
import { drawsFactor, seedOf } from "./random.ts";

/** How many draws a property makes that does not say it. */
const drawsUsual = 100;

/**
 * No draw begins later than this after the first one. A machine that is too slow for all of them makes fewer, and a
 * counterexample that takes minutes to shrink is told before the test times out. Milliseconds.
 */
const drawsMsMax = 45_000;

fc.configureGlobal({
  seed: seedOf(process.env["MILLRACE_TEST_SEED"]),
  numRuns: drawsUsual * drawsFactor,
  interruptAfterTimeLimit: drawsMsMax * drawsFactor,
});

export { fc };

/** What `fc.assert` takes of it. */
type Draws = Pick<fc.Parameters, "numRuns" | "interruptAfterTimeLimit">;

/**
 * Parameters of a property that makes `count` draws, times MILLRACE_TEST_RUNS. With `withinMs` it begins no draw later
 * than this many milliseconds after its first one, times MILLRACE_TEST_RUNS.
 */
export function draws(count: number, { withinMs = drawsMsMax }: { withinMs?: number } = {}): Draws {
  return { numRuns: count * drawsFactor, interruptAfterTimeLimit: withinMs * drawsFactor };
}
