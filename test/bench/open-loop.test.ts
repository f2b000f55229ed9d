import { expect, test } from "bun:test";
import { parseSeen } from "../../bench/countable/catalog-watch.ts";
import { Sightings } from "../../bench/countable/sightings.ts";
import type { Report } from "../../bench/load/generator-protocol.ts";
import { newHistogram, packHistogram, record } from "../../bench/load/latency.ts";
import { parseReport, resultOf } from "../../bench/load/open-loop.ts";
import { Tally } from "../../bench/load/tally.ts";
import { beside, together } from "../../bench/open-loop/beside.ts";
import { rowsOf } from "../../bench/open-loop/sql-client.ts";

const load = { perSecond: 1_000, seconds: 2 };

function reportWith(more: Partial<Report>): Report {
  return {
    ...{ due: 2_000, sent: 2_000, broken: 0, unanswered: 0, dropped: 0, unsent: 0 },
    ...{ cpuSeconds: 0.5, wallSeconds: 2.01, sendLag: packHistogram(newHistogram()) },
    ...new Tally().told(0),
    ...more,
  };
}

test("2xx are accepted, 503 and 429 refused, and only those have latencies: from the intended time and from sending", () => {
  const tally = new Tally();
  const times = { intendedMs: 100, sentMs: 120, answeredMs: 150 };
  for (const status of [200, 201, 503, 429, 500]) tally.answer(status, times);
  const result = resultOf(reportWith(tally.told(150)), load);
  expect(result).toMatchObject({ accepted: 2, unavailable: 1, limited: 1, other: 1 });
  expect(result.accepts.fromIntended.totalCount).toBe(2);
  expect(result.accepts.fromIntended.maxValue).toBeWithin(49_900, 50_100);
  expect(result.accepts.fromSent.maxValue).toBeWithin(29_900, 30_100);
  expect(result.refusals.fromSent.totalCount).toBe(2);
});

test("the course has a place for each whole second, also for one without answers", () => {
  const tally = new Tally();
  for (const answeredMs of [10, 900, 2_500, 3_100]) tally.answer(200, { intendedMs: 0, sentMs: 0, answeredMs });
  const { course } = tally.told(4_002);
  expect(course.map(({ accepted }) => accepted)).toEqual([2, 0, 1, 1]);
  expect(course[1]?.p99Ms).toBeNull();
});

test("accepted requests a second count to the last answer, not to the end of the schedule", () => {
  expect(resultOf(reportWith({ accepted: 2_000, wallSeconds: 4 }), load).acceptedPerSecond).toBe(500);
  expect(resultOf(reportWith({ accepted: 2_000, wallSeconds: 1.9 }), load).acceptedPerSecond).toBe(1_000);
});

test("a generator at its limit is told: too busy, too late, or with requests that it never sent", () => {
  const lag = newHistogram();
  for (let count = 0; count < 100; count += 1) record(lag, count < 90 ? 0.5 : 8);
  const warned = (more: Partial<Report>) => resultOf(reportWith(more), load).warnings;
  expect(warned({})).toEqual([]);
  expect(warned({ cpuSeconds: 1.9 })).toEqual([expect.stringContaining("95 % of a core")]);
  expect(warned({ sendLag: packHistogram(lag) })).toEqual([expect.stringContaining("sent late")]);
  expect(warned({ dropped: 3, unsent: 2 })).toHaveLength(2);
  expect(warned({ other: 1, broken: 1, unanswered: 1 })).toHaveLength(3);
});

test("a report is read whole, or not at all", () => {
  const report = reportWith({});
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  expect(() => parseReport(JSON.stringify({ ...report, sent: undefined }))).toThrow("not the report");
});

test("who works beside is told when it is over, and a failure of either ends both", async () => {
  const untilEnd = (signal: AbortSignal) =>
    new Promise<string>((resolve) => {
      signal.addEventListener("abort", () => resolve("ended"));
    });
  expect(await beside(async () => "done", untilEnd)).toEqual({ main: "done", other: "ended" });
  const failing = () => Promise.reject(new Error("no more"));
  await expect(beside(untilEnd, failing)).rejects.toThrow("no more");
  await expect(beside(failing, untilEnd)).rejects.toThrow("no more");
});

test("of several works the first failure ends the others, and is what is thrown", async () => {
  let ended = 0;
  const waiting = async (ends: AbortSignal) => {
    while (!ends.aborted) await Bun.sleep(1);
    ended += 1;
  };
  const failing = () => Promise.reject(new Error("no more"));
  await expect(together(new AbortController().signal, [waiting, failing, waiting])).rejects.toThrow("no more");
  expect(ended).toBe(2);
  await together(AbortSignal.abort(), [waiting]);
  expect(ended).toBe(3);
});

test("a marker counts the first time that it is seen, and one that is not awaited never", () => {
  const sightings = new Sightings();
  sightings.expect("a", 1_000);
  sightings.expect("b", 1_000);
  sightings.expect("c", 1_000);
  sightings.see("a", 1_250);
  sightings.see("a", 9_000);
  sightings.see("stranger", 1_300);
  sightings.forget("b");
  expect(sightings.latencies.totalCount).toBe(1);
  expect(sightings.latencies.maxValue).toBeWithin(249_000, 251_000);
  expect(sightings.awaited).toEqual(["c"]);
});

test("rows and sightings are read from what they are, and from nothing else", () => {
  expect(rowsOf({ columns: [], rows: [["a", 1]], row_count: 1 })).toEqual([["a", 1]]);
  expect(() => rowsOf({ detail: "no" })).toThrow("not the rows");
  expect(parseSeen('{"session":"marker-1","atMs":5.5}')).toEqual({ session: "marker-1", atMs: 5.5 });
  expect(() => parseSeen('{"error":"x"}')).toThrow("not a line");
});
