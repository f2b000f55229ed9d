import { expect, test } from "bun:test";
import { Throttle } from "../../src/shard/throttle.ts";

const late = { isFlushing: true, age: 1.2, fill: 0.1 };
const inTime = { isFlushing: true, age: 0.5, fill: 0.1 };

function after(throttle: Throttle, steps: number, lag: typeof late): number {
  for (let step = 0; step < steps; step++) throttle.step(lag);
  return throttle.pauseMs;
}

test("without lag there is no pause", () => {
  expect(after(new Throttle(), 100, inTime)).toBe(0);
});

test("while flushes are behind the pause grows, to its bound, and ends when they have caught up", () => {
  const throttle = new Throttle();
  const first = after(throttle, 5, late);
  const later = after(throttle, 10, late);
  expect(first).toBeGreaterThan(0);
  expect(later).toBeGreaterThan(first);
  expect(after(throttle, 1_000, late)).toBe(100);
  expect(after(throttle, 100, inTime)).toBe(0);
});

test("a buffer past its half is behind, too; and what no flush works on is not mended by waiting", () => {
  expect(after(new Throttle(), 10, { isFlushing: true, age: 0, fill: 0.6 })).toBeGreaterThan(0);
  expect(after(new Throttle(), 10, { isFlushing: false, age: 9, fill: 0.9 })).toBe(0);
});
