import { edenGC, heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { OldGarbage, YoungGarbage } from "../../src/base/release.ts";

const requests = 20_000;

test("what many requests left is collected, even after it has lived through a collection", () => {
  const garbage = new OldGarbage();
  const left: object[] = Array.from({ length: requests }, (_, at) => ({ at }));
  edenGC();
  const before = heapStats().objectCount;
  left.length = 0;
  garbage.add(requests);
  expect(garbage.collectIfDue(60_000)).toBeTrue();
  expect(before - heapStats().objectCount).toBeGreaterThan(requests / 2);
});

test("a full collection comes at most every minute, and only after many requests", () => {
  const garbage = new OldGarbage();
  garbage.add(requests - 1);
  expect(garbage.collectIfDue(60_000)).toBeFalse();
  garbage.add(1);
  expect(garbage.collectIfDue(60_000)).toBeTrue();
  garbage.add(requests * 50);
  expect(garbage.collectIfDue(119_999)).toBeFalse();
  expect(garbage.collectIfDue(120_000)).toBeTrue();
  expect(garbage.collectIfDue(180_000)).toBeFalse();
});

test("young garbage is collected once a hundred requests have left some, and then counted from the beginning", () => {
  const garbage = new YoungGarbage();
  garbage.add(99);
  expect(garbage.collectIfDue()).toBeFalse();
  garbage.add(1);
  expect(garbage.collectIfDue()).toBeTrue();
  expect(garbage.collectIfDue()).toBeFalse();
});
