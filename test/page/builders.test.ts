/** The builders of funnel and retention, without a browser: their SQL, their steps, and what they draw. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { funnelSql, retentionSql } from "../../src/page/builders/builder-sql.ts";
import { funnelsOf } from "../../src/page/builders/funnel-rows.ts";
import { stepsMax, withoutStep, withStep, withStepMoved } from "../../src/page/builders/steps.ts";
import { eventsWithoutId, retentionRows, triangleOf } from "../../src/page/builders/triangle.ts";
import { duration, visible } from "../../src/page/parts/numbers.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { draws, fc } from "../support/property.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

test("the names that a person chose are strings in a builder's SQL, whatever they hold", async () => {
  using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
  await duckdb.run(`CREATE MACRO funnel(steps, within, by := '', "order" := '', breakdown := '', since := NULL, until := NULL)
    AS TABLE SELECT steps AS steps, breakdown AS breakdown, within::VARCHAR AS within, epoch_ms(since) AS since`);
  await duckdb.run(`CREATE MACRO retention(period, start := NULL, "return" := NULL, tz := 'UTC', since := NULL, until := NULL)
    AS TABLE SELECT start AS start, "return" AS back, tz AS tz`);
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("'", "''", "a\0b", "\\'", "$$", "--", "];"));
  const range = { sinceMs: Date.parse("2026-11-01T00:00:00.5Z"), untilMs: Date.parse("2026-11-02T00:00Z") };
  await fc.assert(
    fc.asyncProperty(fc.array(text, { minLength: 2 }), text, async (steps, other) => {
      const question = { steps, within: 3, unit: "day", by: "session", order: "any", breakdown: other, range } as const;
      const [row] = await duckdb.rows(funnelSql(question));
      expect(row).toEqual({ steps, breakdown: other, within: "3 days", since: String(range.sinceMs) });
      const [kept] = await duckdb.rows(
        retentionSql({ period: "week", start: other, back: undefined, timeZone: other || "UTC", range }),
      );
      expect(kept).toEqual({ start: other, back: null, tz: other || "UTC" });
    }),
    draws(200),
  );
});

test("steps of a funnel are added, moved and removed, and never more than fit", () => {
  expect(withStepMoved(["a", "b", "c"], 2, -1)).toEqual(["a", "c", "b"]);
  expect(withStepMoved(["a", "b"], 0, -1)).toEqual(["a", "b"]);
  expect(withStepMoved(["a", "b"], 1, 1)).toEqual(["a", "b"]);
  expect(withoutStep(["a", "b", "a"], 0)).toEqual(["b", "a"]);
  expect(withStep(Array(stepsMax).fill("a"), "b")).toHaveLength(stepsMax);
});

test("retention's rows are a triangle, and the average weighs cohorts by their people", () => {
  const row = (cohort: string, periodsLater: number, people: number, share: number) => ({
    cohort,
    periodsLater,
    people,
    share,
  });
  const rows = [
    row("2026-11-02", 0, 30, 1),
    row("2026-11-01", 1, 5, 0.5),
    row("2026-11-01", 0, 10, 1),
    row("2026-11-01", 2, 0, 0),
  ];
  const { cohorts, average } = triangleOf([...rows, row("2026-11-02", 1, 30, 1)]);
  expect(cohorts.map(({ cohort, people }) => [cohort, people])).toEqual([
    ["2026-11-01", 10],
    ["2026-11-02", 30],
  ]);
  expect(cohorts[1]?.cells).toEqual([expect.anything(), expect.anything(), undefined]);
  expect(average).toEqual([1, 35 / 40, 0]);
});

test("rows of a funnel become a funnel for each value, in the macro's order, whatever columns stand beside", () => {
  const columns = ["breakdown", "step", "event_name", "reached", "of_first", "of_previous", "more", "median_seconds"];
  const rows = [
    ["pro", 2, "buy", 3, 0.75, 0.75, "", 60],
    ["pro", 1, "open", 4, 1, 1, "", null],
    [null, 1, "open", 0, null, null, "", null],
    [null, 2, "buy", 0, null, null, "", null],
  ];
  const answer = { columns: columns.map((name) => ({ name })), rows };
  const [pro, none] = funnelsOf(answer, true);
  expect(pro?.value).toBe("pro");
  expect(pro?.steps.map(({ reached, left, medianSeconds }) => [reached, left, medianSeconds])).toEqual([
    [4, undefined, undefined],
    [3, 1, 60],
  ]);
  expect(none?.value).toBe("without a value");
  expect(none?.steps[1]).toMatchObject({ reached: 0, ofFirst: undefined, ofPrevious: undefined, left: 0 });
  expect(funnelsOf({ ...answer, rows: rows.slice(2) }, false)[0]?.value).toBeUndefined();
});

test("rows of a retention are found by the names of their columns, events without an id too", () => {
  const columns = ["events_without_id", "share", "cohort", "more", "people", "periods_later"].map((name) => ({ name }));
  const rows = [[7, 0.5, "2026-11-01", "", 3, 1]];
  expect(retentionRows(columns, rows)).toEqual([{ cohort: "2026-11-01", periodsLater: 1, people: 3, share: 0.5 }]);
  expect([eventsWithoutId(columns, rows), eventsWithoutId(columns, [])]).toEqual([7, 0]);
});

test.each([
  [0.42, "420 ms"],
  [0.9999, "1 s"],
  [59.9, "59.9 s"],
  [59.97, "1 min 0 s"],
  [299.6, "5 min 0 s"],
  [3_599.7, "1 h 0 min"],
  [7_170, "2 h 0 min"],
  [86_399, "1 d 0 h"],
  [129_600, "1 d 12 h"],
])("%d seconds are written as %s", (seconds, written) => {
  expect(duration(seconds)).toBe(written);
});

test("a name that nobody can see stands in quotes", () => {
  expect(["signup", " a", "🎉", "حدث", "", " \n", "\u200b", "\u202e"].map(visible)).toEqual([
    "signup",
    " a",
    "🎉",
    "حدث",
    '""',
    '" \\n"',
    '"\u200b"',
    '"\u202e"',
  ]);
});
