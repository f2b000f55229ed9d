/** Ranges of the page: whole buckets, days of the zone. */
import { expect, test } from "bun:test";
import { DuckDBInstance } from "@duckdb/node-api";
import { eventsOverTime } from "../../src/page/questions.ts";
import { bucketAt, rangeNames, spanOf } from "../../src/page/state/span.ts";
import { dayStart, offsetMs } from "../../src/page/state/zone.ts";
import { fc } from "../support/property.ts";

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

test.each([
  ["7d", "Australia/Lord_Howe"],
  ["1y", "Australia/Lord_Howe"],
  ["1y", "Asia/Kathmandu"],
  ["7d", "Europe/Berlin"],
  ["30d", "Europe/Berlin"],
  ["1y", "Africa/Cairo"],
  ["1y", "America/Havana"],
] as const)("each bucket of %s in %s has the events of its time, in summer and in winter", async (range, zone) => {
  const database = await DuckDBInstance.create();
  const connection = await database.connect();
  await connection.run("SET TimeZone = 'UTC'");
  for (const now of ["2026-07-15T10:20:00Z", "2026-10-28T10:20:00Z"]) {
    const span = spanOf(range, zone, Date.parse(now));
    const time = (ms: number) => `TIMESTAMPTZ '${new Date(ms).toISOString()}'`;
    await connection.run(`CREATE OR REPLACE TABLE events AS SELECT 'user_action' AS category, t AS "timestamp"
      FROM range(${time(span.sinceMs)}, ${time(span.untilMs)}, INTERVAL 10 MINUTE) every(t)`);
    await connection.run(`CREATE OR REPLACE VIEW events_hourly AS
      SELECT date_trunc('hour', "timestamp") AS hour, category, count(*) AS events FROM events GROUP BY ALL`);
    const rows = await connection.runAndReadAll(
      `SELECT epoch_ms(bucket)::DOUBLE, events FROM (${eventsOverTime(span)})`,
    );
    const counted = rows.getRows().map(([bucket, events]) => [bucketAt(span, Number(bucket)), Number(events)]);
    const right = span.buckets.map((start, index) => [
      index,
      ((span.buckets[index + 1] ?? span.untilMs) - start) / 600_000,
    ]);
    expect(counted).toEqual(right);
  }
  connection.closeSync();
  database.closeSync();
});
