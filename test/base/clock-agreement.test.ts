/** C14: for how long two clocks have agreed, and what ends it. */
import { describe, expect, test } from "bun:test";
import { ClockAgreement } from "../../src/base/clock-agreement.ts";

const startMs = Date.parse("2026-11-26T00:00:00Z");
const minute = 60_000;

/**
 * Looks every half second for `forMs`; the wall clock shows what `offset` makes of the time that has passed. Gives the
 * jumps.
 */
function run(
  agreement: ClockAgreement,
  { fromMs = 0, forMs, offset }: { fromMs?: number; forMs: number; offset: (passedMs: number) => number },
) {
  const jumps: number[] = [];
  for (let passedMs = fromMs; passedMs <= fromMs + forMs; passedMs += 500) {
    const jump = agreement.look({ wallMs: startMs + passedMs + offset(passedMs), monotonicMs: passedMs });
    if (jump !== 0) jumps.push(jump);
  }
  return jumps;
}

test("clocks that run together agree for as long as they were looked at", () => {
  const agreement = new ClockAgreement();
  expect(agreement.agreedMs).toBe(0);
  expect(run(agreement, { forMs: 20 * minute, offset: () => 0 })).toEqual([]);
  expect(agreement.agreedMs).toBe(20 * minute);
});

test("a clock that is corrected as it runs, and a leap second, are no jump", () => {
  const agreement = new ClockAgreement();
  const offset = (passedMs: number) => passedMs * 0.0005 - (passedMs > 5 * minute ? 1000 : 0);
  expect(run(agreement, { forMs: 24 * 60 * minute, offset })).toEqual([]);
  expect(agreement.agreedMs).toBe(24 * 60 * minute);
});

describe("the agreement begins again", () => {
  test.each([
    ["two days forward", 2 * 86_400_000],
    ["an hour back", -3_600_000],
    ["six seconds forward", 6_000],
  ])("at a jump: %s", (_what, jumpMs) => {
    const agreement = new ClockAgreement();
    run(agreement, { forMs: 20 * minute, offset: () => 0 });
    const later = 20 * minute + 500;
    expect(run(agreement, { fromMs: later, forMs: 0, offset: () => jumpMs })).toEqual([jumpMs]);
    expect(agreement.agreedMs).toBe(0);
    run(agreement, { fromMs: later, forMs: 3_000, offset: () => jumpMs });
    expect(agreement.agreedMs).toBe(3_000);
    // And back: this is a jump, too.
    expect(run(agreement, { fromMs: later + 3_500, forMs: 0, offset: () => 0 })).toEqual([-jumpMs]);
    expect(agreement.agreedMs).toBe(0);
  });

  test("when many small steps add up to a jump", () => {
    const agreement = new ClockAgreement();
    const jumps = run(agreement, { forMs: 2 * minute, offset: (passedMs) => Math.floor(passedMs / 10_000) * 2_000 });
    expect(jumps.length).toBeGreaterThan(1);
    expect(agreement.agreedMs).toBeLessThan(minute);
  });

  test("when nobody looked for long: the process was stopped, or both clocks jumped together", () => {
    const agreement = new ClockAgreement();
    run(agreement, { forMs: 20 * minute, offset: () => 0 });
    const later = 20 * minute + 2 * 86_400_000;
    expect(agreement.look({ wallMs: startMs + later, monotonicMs: later })).toBe(0);
    expect(agreement.agreedMs).toBe(0);
  });
});
