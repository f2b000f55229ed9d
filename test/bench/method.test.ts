import { expect, test } from "bun:test";
import { firstAndLast, median } from "../../bench/core/method.ts";
import { complaintsAbout } from "../../bench/system/audit.ts";

test("the median is the middle, or the mean of the middle two", () => {
  expect(median([5, 1, 3])).toBe(3);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("a course is compared by its first and its last third", () => {
  expect(firstAndLast([1, 2, 3, 9, 9, 9, 20, 30, 40])).toEqual({ first: 2, last: 30 });
  expect(firstAndLast([7])).toEqual({ first: 7, last: 7 });
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
