/** C14: what has expired, by a clock that may jump. */
import { expect, test } from "bun:test";
import { openLog } from "../../src/base/log.ts";
import { Expiry } from "../../src/upkeep/expiry.ts";

const dayMs = 86_400_000;
const startMs = Date.parse("2026-11-26T00:00:00Z");

/**
 * An expiry by a clock that a test turns on; looks come from the calls alone, which the test makes as often as the
 * service does.
 */
function expiryOf(retentionMs: number) {
  const time = { passedMs: 0, aheadMs: 0 };
  const clock = { nowMs: () => startMs + time.passedMs + time.aheadMs, monotonicMs: () => time.passedMs };
  const expiry = Expiry.open({ retentionMs, clock, log: openLog("silent", "test") });
  const pass = (ms: number) => {
    const cutoffs: (number | undefined)[] = [];
    for (const endMs = time.passedMs + ms; time.passedMs < endMs; ) {
      time.passedMs += 500;
      cutoffs.push(expiry.cutoffMs());
    }
    return cutoffs;
  };
  return { expiry, time, pass };
}

test("nothing expires before the clocks have agreed for ten minutes, and then what is old enough", () => {
  const { expiry, pass } = expiryOf(dayMs);
  using _ = expiry;
  expect(expiry.cutoffMs()).toBeUndefined();
  expect(pass(599_500).every((cutoff) => cutoff === undefined)).toBe(true);
  expect(pass(500)).toEqual([startMs + 600_000 - dayMs]);
});

test("two days forward for 3 s drop nothing, then or when the clock is right again", () => {
  const { expiry, time, pass } = expiryOf(dayMs);
  using _ = expiry;
  pass(3_600_000);
  time.aheadMs = 2 * dayMs;
  expect(pass(3_000).every((cutoff) => cutoff === undefined)).toBe(true);
  time.aheadMs = 0;
  expect(pass(600_000).every((cutoff) => cutoff === undefined)).toBe(true);
  expect(pass(500)).toEqual([startMs + time.passedMs - dayMs]);
});

test("a retention time of seconds waits for as long as that", () => {
  const { expiry, pass } = expiryOf(2_000);
  using _ = expiry;
  pass(500);
  expect(pass(1_500).every((cutoff) => cutoff === undefined)).toBe(true);
  expect(pass(500)).toEqual([startMs + 500]);
});

test("without a retention time nothing expires, ever", () => {
  const { expiry, pass } = expiryOf(0);
  using _ = expiry;
  expect(pass(1_000_000).every((cutoff) => cutoff === undefined)).toBe(true);
});
