/** Token buckets: what each name may take, for any requests at any times. */
import { expect, test } from "bun:test";
import { Buckets } from "../../src/http/edge/buckets.ts";
import { fc } from "../support/property.ts";

/** A request some time after the one before. */
const requests = fc.array(
  fc.record({
    afterMs: fc.double({ min: 0, max: 5_000, noNaN: true }),
    units: fc.integer({ min: 1, max: 200 }),
  }),
  { maxLength: 60 },
);

const rates = fc.double({ min: 0.5, max: 1_000, noNaN: true });

test("no more passes than the rate, one second's worth and one request allow", () => {
  fc.assert(
    fc.property(rates, requests, (rate, asked) => {
      const buckets = new Buckets();
      let nowMs = 0;
      let [taken, last] = [0, 0];
      for (const { afterMs, units } of asked) {
        nowMs += afterMs;
        const bucket = buckets.at("a", rate, nowMs);
        if (bucket.level <= 0) continue;
        bucket.take(units);
        taken += units;
        last = Math.max(last, units);
      }
      expect(taken).toBeLessThanOrEqual(rate * (1 + nowMs / 1000) + last + 1e-6);
    }),
  );
});

test("whoever stays within the rate is never kept out", () => {
  fc.assert(
    fc.property(rates, requests, (rate, asked) => {
      const buckets = new Buckets();
      let nowMs = 0;
      for (const { units } of asked) {
        const bucket = buckets.at("a", rate, nowMs);
        expect(bucket.level).toBeGreaterThan(0);
        bucket.take(units);
        // A hair more than the rate asks for, because sums of fractions are not exact.
        nowMs += ((units + 1e-6) / rate) * 1000;
      }
    }),
  );
});

test("after the time that it names, and not before, a bucket is above zero", () => {
  fc.assert(
    fc.property(rates, fc.integer({ min: 1, max: 10_000 }), (rate, units) => {
      const buckets = new Buckets();
      const bucket = buckets.at("a", rate, 0);
      bucket.take(units);
      const waitMs = 1000 * bucket.emptySeconds;
      expect(buckets.at("a", rate, waitMs * 0.999).level > 0).toBe(units < rate || waitMs === 0);
      expect(buckets.at("a", rate, waitMs + 1).level).toBeGreaterThan(0);
    }),
  );
});

test("one name takes nothing from another, and a clock that stands still fills nothing", () => {
  const buckets = new Buckets();
  buckets.at("a", 10, 0).take(1_000);
  expect(buckets.at("b", 10, 0).level).toBe(10);
  expect(buckets.at("a", 10, 0).level).toBe(-990);
});

test("a rate that changes counts from then on, and what is owed stays owed", () => {
  const buckets = new Buckets();
  buckets.at("a", 10, 0).take(20);
  expect(buckets.at("a", 100, 500).level).toBe(-5);
  expect(buckets.at("a", 100, 600).level).toBe(5);
  expect(buckets.at("a", 1, 10_000).level).toBe(1);
});

test("names are bounded: full buckets are forgotten first, and then the fullest", () => {
  const buckets = new Buckets(3);
  buckets.at("owes", 10, 0).take(500);
  buckets.at("half", 10, 0).take(5);
  buckets.at("full", 10, 0);
  buckets.at("new", 10, 0).take(1);
  expect([buckets.size, buckets.at("owes", 10, 0).level]).toEqual([3, -490]);
  buckets.at("newer", 10, 0).take(8);
  expect([buckets.size, buckets.at("owes", 10, 0).level, buckets.at("half", 10, 0).level]).toEqual([3, -490, 5]);
});

test("any number of names fits, and the one that owes is not forgotten", () => {
  const buckets = new Buckets(1_000);
  buckets.at("owes", 10, 0).take(100_000);
  for (let name = 0; name < 20_000; name++) buckets.at(`name ${name}`, 10, name / 100).take(1);
  expect(buckets.size).toBeLessThanOrEqual(1_000);
  expect(buckets.at("owes", 10, 200).level).toBeLessThan(-90_000);
});
