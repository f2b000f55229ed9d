import { expect, test } from "bun:test";
import { type FlushLag, Throttle } from "../../src/shard/worker/throttle.ts";
import { fc } from "../support/property.ts";

function pauseOf(lag: FlushLag): number {
  const throttle = new Throttle();
  throttle.step(lag);
  return throttle.pauseMs;
}

test("while flushes keep up there is no pause", () => {
  expect(pauseOf({ isFlushing: true, age: 0.9, fill: 0.3 })).toBe(0);
});

test("the pause grows with the lag, to its bound, and ends with it", () => {
  const throttle = new Throttle();
  const pauses = [1.1, 1.4, 1.9, 2, 9, 0.5].map((age) => {
    throttle.step({ isFlushing: true, age, fill: 0.1 });
    return throttle.pauseMs;
  });
  expect(pauses).toEqual([10, 40, 90, 100, 100, 0]);
});

test("a buffer that fills is behind, too; and what no flush works on is not mended by waiting", () => {
  expect(pauseOf({ isFlushing: true, age: 0, fill: 0.6 })).toBeGreaterThan(0);
  expect(pauseOf({ isFlushing: false, age: 9, fill: 0.9 })).toBe(0);
});

test("load and flush settle: events that wait neither grow without end nor swing", () => {
  const rates = fc.record({ flush: fc.integer({ min: 80, max: 400 }), ingest: fc.integer({ min: 400, max: 2_000 }) });
  fc.assert(
    fc.property(rates, ({ flush, ingest }) => {
      const throttle = new Throttle();
      // Thousands of events a second over 64 connections with a batch of 100 each, in a buffer of a million; 20 steps a
      // second.
      const perCycle = 6.4;
      const waiting: number[] = [0];
      for (let step = 0; step < 2_000; step++) {
        const before = waiting.at(-1) ?? 0;
        throttle.step({ isFlushing: before > 0, age: 0, fill: before / 1_000 });
        const taken = perCycle / (perCycle / ingest + throttle.pauseMs / 1_000);
        waiting.push(Math.max(0, before + (taken - flush) / 20));
      }
      const settled = waiting.slice(-200);
      expect(Math.max(...settled)).toBeLessThan(700);
      expect(Math.max(...settled) - Math.min(...settled)).toBeLessThan(100);
    }),
  );
});
