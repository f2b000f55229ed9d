import { expect, test } from "bun:test";
import { parseSeen } from "../../bench/countable/catalog-watch.ts";
import { Sightings } from "../../bench/countable/sightings.ts";
import { parseReport, resultOf } from "../../bench/load/open-loop.ts";
import type { Report } from "../../bench/load/open-loop-report.ts";
import { beside, together } from "../../bench/open-loop/beside.ts";
import { rowsOf } from "../../bench/open-loop/sql-client.ts";

const load = { perSecond: 1_000, seconds: 2 };

const noCounts: Report["measured"] = {
  ...{ due: 0, sent: 0, broken: 0, unanswered: 0, dropped: 0, unsent: 0 },
  statuses: [],
};

function reportWith(measured: Partial<Report["measured"]>, more: Partial<Report> = {}): Report {
  return {
    warmUp: noCounts,
    measured: { ...noCounts, due: 2_000, sent: 2_000, ...measured },
    ...{ cpuSeconds: 0.5, wallSeconds: 2.01, sendLag: [], course: [] },
    ...{ accepts: { fromIntended: [], fromSent: [] }, refusals: { fromIntended: [], fromSent: [] } },
    ...more,
  };
}

const statuses = (...counts: [number, number][]) => ({ statuses: counts });

test("2xx are accepted, 503 and 429 refused, and the warm-up counts only for the audit", () => {
  const warmUp = { ...noCounts, ...statuses([200, 7], [503, 1]), broken: 2, unanswered: 1 };
  const report = reportWith(statuses([200, 4], [201, 1], [429, 2], [500, 1], [503, 3]), { warmUp });
  const result = resultOf(report, load);
  expect(result).toMatchObject({ accepted: 5, unavailable: 3, limited: 2, other: 1, broken: 0, unanswered: 0 });
  expect(result.warmUp).toEqual({ accepted: 7, unansweredMax: 3 });
});

test("accepted requests a second count to the last answer, not to the end of the schedule", () => {
  const perSecond = (wallSeconds: number) =>
    resultOf(reportWith(statuses([200, 2_000]), { wallSeconds }), load).acceptedPerSecond;
  expect(perSecond(4)).toBe(500);
  expect(perSecond(1.9)).toBe(1_000);
});

test("a generator at its limit is told: too busy, too late, or with requests that it never sent", () => {
  const warned = (measured: Partial<Report["measured"]>, more: Partial<Report> = {}) =>
    resultOf(reportWith(measured, more), load).warnings;
  expect(warned({})).toEqual([]);
  expect(warned({}, { cpuSeconds: 1.9 })).toEqual([expect.stringContaining("95 % of a core")]);
  const late: [number, number][] = [
    [50, 980],
    [1_500, 20],
  ];
  expect(warned({}, { sendLag: late })).toEqual([expect.stringContaining("sent late: p99 of 1.5 ms")]);
  expect(warned({ dropped: 3, unsent: 2 })).toHaveLength(2);
  expect(warned({ ...statuses([500, 1]), broken: 1, unanswered: 1 })).toHaveLength(3);
});

test("a report is read whole, or not at all", () => {
  const report = reportWith({});
  expect(parseReport(JSON.stringify(report))).toEqual(report);
  expect(() => parseReport(JSON.stringify({ ...report, measured: undefined }))).toThrow("not the report");
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
