/** Ranges of the page: whole buckets, days of the zone. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { rangeNames, spanOf } from "../../src/page/state/span.ts";
import { dayStart, offsetMs } from "../../src/page/state/zone.ts";

const zones = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia"];

test("a span holds now, and its buckets follow each other without a gap", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...rangeNames),
      fc.constantFrom(...zones),
      fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
      (range, zone, nowMs) => {
        const { sinceMs, untilMs, buckets } = spanOf(range, zone, nowMs);
        expect(sinceMs).toBe(buckets[0] ?? Number.NaN);
        expect(nowMs).toBeGreaterThanOrEqual(buckets.at(-1) ?? Number.NaN);
        expect(nowMs).toBeLessThan(untilMs);
        for (const [index, start] of buckets.entries())
          expect((buckets[index + 1] ?? untilMs) - start).toBeWithin(60_000, 25 * 3_600_000 + 1);
      },
    ),
  );
});

test("a day begins at midnight of the zone, also where clocks change", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
      fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2030, 0) }),
      (zone, nowMs) => {
        const start = dayStart(zone, nowMs);
        expect((start + offsetMs(zone, start)) % 86_400_000).toBe(0);
        expect(nowMs - start).toBeWithin(0, 25 * 3_600_000);
      },
    ),
  );
  const noon = Date.parse("2026-10-25T12:00:00Z");
  expect(dayStart("Europe/Berlin", noon, 1) - dayStart("Europe/Berlin", noon)).toBe(25 * 3_600_000);
});
