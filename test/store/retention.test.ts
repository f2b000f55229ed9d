/** The macro `retention`: against a plain computation, and what it says of small histories. */
import { afterAll, describe, expect, test } from "bun:test";
import type { DuckDB } from "../../src/store/sql/duckdb.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { plainRetention, type RetentionQuestion } from "../support/plain-retention.ts";
import { draws, fc } from "../support/property.ts";
import { catalogOfTold, type ToldEvent, tellEvents } from "../support/told.ts";

let opened: DuckDB | undefined;
const catalog = async () => (opened ??= await catalogOfTold());
afterAll(() => opened?.[Symbol.dispose]());

/** Asks after these events: cohort, periods_later, people, share, events_without_id. */
async function retention(events: readonly ToldEvent[], call: string, before = "") {
  const duckdb = await catalog();
  await tellEvents(duckdb, events);
  const rows = await duckdb.rows(
    `${before} SELECT cohort::VARCHAR AS cohort, * EXCLUDE cohort FROM retention(${call})`,
  );
  return rows.map(({ cohort, ...numbers }): unknown[] => [cohort, ...Object.values(numbers).map(Number)]);
}

const told = (at: string, user_id: string | null, event_name = "tested"): ToldEvent => ({
  at: Date.parse(at),
  user_id,
  event_name,
});

describe("retention", () => {
  // Ann comes on Friday the 1st, twice; Bob on Saturday; Cid on Monday the 4th: a week of its own.
  const events = [
    told("2024-03-01T02:00Z", "ann"),
    told("2024-03-01T03:00Z", "ann"),
    told("2024-03-02T02:00Z", "ann"),
    told("2024-03-04T02:00Z", "ann"),
    told("2024-03-02T02:00Z", "bob", "bought"),
    told("2024-03-04T02:00Z", "cid"),
    told("2024-03-05T02:00Z", null),
  ];

  test("follows the people of each period, with zeros up to the last period with any event", async () => {
    expect(await retention(events, "'day'")).toEqual([
      ["2024-03-01", 0, 1, 1, 1],
      ["2024-03-01", 1, 1, 1, 1],
      ["2024-03-01", 2, 0, 0, 1],
      ["2024-03-01", 3, 1, 1, 1],
      ["2024-03-01", 4, 0, 0, 1],
      ["2024-03-02", 0, 1, 1, 1],
      ["2024-03-02", 1, 0, 0, 1],
      ["2024-03-02", 2, 0, 0, 1],
      ["2024-03-02", 3, 0, 0, 1],
      ["2024-03-04", 0, 1, 1, 1],
      ["2024-03-04", 1, 0, 0, 1],
    ]);
    expect(await retention(events, "'week'")).toEqual([
      ["2024-02-26", 0, 2, 1, 1],
      ["2024-02-26", 1, 1, 0.5, 1],
      ["2024-03-04", 0, 1, 1, 1],
    ]);
    expect(await retention(events, "'MONTH'")).toEqual([["2024-03-01", 0, 3, 1, 1]]);
    expect(await retention(events, "'week', start := 'bought'")).toEqual([
      ["2024-02-26", 0, 1, 1, 1],
      ["2024-02-26", 1, 0, 0, 1],
    ]);
    expect(await retention(events, "'week', tz := 'America/Los_Angeles'")).toEqual([
      ["2024-02-26", 0, 3, 1, 1],
      ["2024-02-26", 1, 0, 0, 1],
    ]);
    const filtered = "WITH events AS (SELECT * FROM events WHERE user_id = 'bob')";
    expect(await retention(events, "'day'", filtered)).toEqual([["2024-03-02", 0, 1, 1, 0]]);
  });

  test("agrees with a plain computation, in a time zone whose days have 23 and 25 hours, late events and NULL ids too", async () => {
    const hour = 3_600_000;
    // Around the starts of summer and winter time in New York in 2024, of which 11/03 is a Sunday: a week ends.
    const at = fc.oneof(
      ...["2024-03-09", "2024-11-02"].map((day) => fc.nat(150).map((half) => Date.parse(day) + half * (hour / 2))),
    );
    const event = fc.record({
      at,
      event_name: fc.constantFrom("a", "b", "c"),
      user_id: fc.option(fc.constantFrom("u", "v", "w"), { freq: 3 }),
      client_id: fc.option(fc.constantFrom("u", "x"), { freq: 3 }),
    });
    const name = fc.option(fc.constantFrom("a", "b"), { freq: 1 });
    const question = fc.record<RetentionQuestion>({
      period: fc.constantFrom("day", "week", "month"),
      start: name,
      return: name,
      tz: fc.constantFrom("UTC", "America/New_York", "Asia/Kathmandu"),
      since: fc.option(at, { freq: 2 }),
      until: fc.option(at, { freq: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 25 }), question, async (history, asked) => {
        const named = (value: string | null) => (value === null ? "NULL" : literal(value));
        const time = (ms: number | null) => (ms === null ? "NULL" : `epoch_ms(${ms})::TIMESTAMPTZ`);
        const rows = await retention(
          history,
          `${literal(asked.period)}, start := ${named(asked.start)}, "return" := ${named(asked.return)},
          tz := ${literal(asked.tz)}, since := ${time(asked.since)}, until := ${time(asked.until)}`,
        );
        expect(rows).toEqual(plainRetention(history, asked));
      }),
      draws(200),
    );
  });

  test("says what is allowed, also when there is no event (B12)", async () => {
    const refused = [
      ...["'hour'", "'quarter'", "'days'", "''", "'week '"].map((period) => [
        period,
        `the period must be 'day', 'week' or 'month', not ${period}`,
      ]),
      ["NULL", "the period must be 'day', 'week' or 'month', not NULL"],
      ["'day', tz := 'Mars'", "Mars"],
      ["'day', tz := NULL", "tz must be the name of a time zone, not NULL"],
    ] as const;
    for (const [call = "", message = ""] of refused)
      for (const history of [[], events]) await expect(retention(history, call)).rejects.toThrow(message);
    expect(await retention([], "'day'")).toEqual([]);
  });

  test("refuses an answer of more than a million rows, and says which dates make it so large", async () => {
    const wrongClock = [...events, told("9999-12-31T00:00Z", "ann")];
    await expect(retention(wrongClock, "'day'")).rejects.toThrow(
      /3 cohorts from 2024-03-01.*until 9999-12-31.*at most 1000000.*since and until/,
    );
    expect((await retention(wrongClock, "'month'")).length).toBe(95_710);
    expect((await retention(wrongClock, "'day', until := '2024-03-03'")).length).toBe(3);
  });
});
