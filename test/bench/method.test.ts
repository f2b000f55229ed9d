import { expect, test } from "bun:test";
import { firstAndLast, median, type Round, sidesInTurn, summarise } from "../../bench/core/method.ts";
import type { LoadResult } from "../../bench/load/wrk.ts";
import { scenarios } from "../../bench/scenarios.ts";
import { complaintsAbout } from "../../bench/system/audit.ts";

const batch = scenarios.find(({ name }) => name === "batch-64");
if (batch === undefined) throw new Error("the batch scenario is part of the issue");

function load(requestsPerSecond: number): LoadResult {
  const counts = { acknowledged: requestsPerSecond * 10, refused: 1, socketErrors: 0, timeouts: 0 };
  return { ...counts, requestsPerSecond, p50Ms: 1, p99Ms: 2, p999Ms: 3, cpuSeconds: 4 };
}

function round(floorRequests: number, serviceRequests: number): Round {
  const eventsPending = [0, 100_000, 200_000, 200_000, 200_000, 200_000];
  const course = { memoryMB: [100, 300, 310, 320, 330, 340], memoryPeakMB: 400, eventsPending, cpuSeconds: 12 };
  return { floor: load(floorRequests), service: { load: load(serviceRequests), course, readyMs: 250 } };
}

test("the median is the middle, or the mean of the middle two", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("a course is compared by its first and its last third", () => {
  expect(firstAndLast([1, 2, 3, 9, 9, 9, 20, 30, 40])).toEqual({ first: 2, last: 30 });
  expect(firstAndLast([7])).toEqual({ first: 7, last: 7 });
});

test("the side that starts changes from round to round", () => {
  expect([0, 1, 2].map((index) => sidesInTurn(index)[0])).toEqual(["floor", "service", "floor"]);
});

test("a share is taken within a round, in events, and the median of the rounds is shown", () => {
  const summary = summarise(batch, [round(10_000, 2_000), round(5_000, 1_500), round(8_000, 2_000)]);
  expect(summary.floorEventsPerSecond).toBe(800_000);
  expect(summary.eventsPerSecond).toBe(200_000);
  expect(summary).toMatchObject({ share: 0.25, shareLowest: 0.2, shareHighest: 0.3, refused: 3, readyMs: 250 });
  expect(summary).toMatchObject({ memoryPeakMB: 400, memoryFirstMB: 200, memoryLastMB: 335 });
  expect(summary).toMatchObject({ pendingPeak: 200_000, pendingLast: 200_000, behindSeconds: 1 });
});

test("the audit accepts what was under way when the load ended, and nothing else", () => {
  const ledger = { acknowledged: 1_000, unansweredMax: 64, counted: 1_010, stored: 1_010, distinct: 1_010 };
  expect(complaintsAbout(ledger)).toEqual([]);
  const complain = (change: Partial<typeof ledger>) => complaintsAbout({ ...ledger, ...change }).join("; ");
  expect(complain({ stored: 999, distinct: 999, counted: 999 })).toContain("1 of 1000 acknowledged events are lost");
  expect(complain({ stored: 1_065, distinct: 1_065 })).toContain("1065 events are stored where 1064 at most");
  expect(complain({ distinct: 1_009 })).toBe("1 of 1010 stored events are there twice");
  expect(complain({ counted: 998 })).toContain("stats counted 998");
});
