import { expect, test } from "bun:test";
import { shardId } from "../../src/base/brand.ts";
import { busyBytes, chooseShard } from "../../src/shard/lanes/routing.ts";

const load = (bytesInFlight: number, isAccepting = true) => ({ bytesInFlight, isAccepting });

test("the first shard gets all until it is busy, so that groups are large", () => {
  expect(chooseShard([load(busyBytes - 1), load(0)])).toBe(shardId(0));
  expect(chooseShard([load(busyBytes), load(0)])).toBe(shardId(1));
});

test("when all are busy, the one with the least in flight gets the next", () => {
  expect(chooseShard([load(3 * busyBytes), load(2 * busyBytes), load(4 * busyBytes)])).toBe(shardId(1));
});

test("a shard that does not accept gets nothing, and without any there is no choice", () => {
  expect(chooseShard([load(0, false), load(9 * busyBytes)])).toBe(shardId(1));
  expect(chooseShard([load(0, false)])).toBeUndefined();
});
