/**
 * When a replaced segment goes: after its time, by a clock that nobody sets, and only if readers can see what replaced
 * it.
 */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { currentFormat, dataFolder, segmentName } from "../../src/store/folder/names.ts";
import { ReplacedSegments } from "../../src/store/folder/replaced.ts";
import { temporaryFolder } from "../support/rows.ts";

const name = (from: number, to: number, generation = 0) =>
  segmentName({
    shard: shardId(0),
    from: sequence(from),
    to: sequence(to),
    generation,
    format: currentFormat,
    crc32: 0,
  });
const [wide, narrow, rewritten, alone] = [name(1, 20), name(1, 10), name(11, 20, 3), name(21, 30)];
const graceMs = 1_000;
const all = new Set([wide, alone]);

function replacedIn(path: string) {
  const folder = dataFolder(path);
  mkdirSync(folder.segments);
  for (const file of [narrow, rewritten, wide, alone]) writeFileSync(join(folder.segments, file), "");
  const replaced = new ReplacedSegments(folder);
  return {
    folder,
    at: (monotonicMs: number, published: ReadonlySet<string> = all) =>
      replaced.remove({ monotonicMs, graceMs, published }),
  };
}

test("replaced segments go after the grace time that began when their replacement was published, and no others", () => {
  using place = temporaryFolder();
  const { folder, at } = replacedIn(place.path);
  expect(at(100, new Set([narrow, alone]))).toEqual([]);
  expect(at(5_000, new Set([narrow, alone]))).toEqual([]);
  expect(at(6_000)).toEqual([]);
  expect(at(6_999)).toEqual([]);
  expect(at(7_000).sort()).toEqual([narrow, rewritten].sort());
  expect(readdirSync(folder.segments).sort()).toEqual([wide, alone].sort());
  expect(at(90_000)).toEqual([]);
});

test("C14: the time begins again with a new process, whatever the times of the files say", () => {
  using place = temporaryFolder();
  const { folder, at } = replacedIn(place.path);
  expect(at(0)).toEqual([]);
  const second = new ReplacedSegments(folder);
  expect(second.remove({ monotonicMs: 10 ** 9, graceMs, published: all })).toEqual([]);
  expect(second.remove({ monotonicMs: 10 ** 9 + graceMs, graceMs, published: all })).toHaveLength(2);
});

test("C14: a machine that slept, or a monotonic clock that jumped itself, ends no grace time at once", () => {
  using place = temporaryFolder();
  const { folder } = replacedIn(place.path);
  const long = { graceMs: 30_000, published: all };
  const replaced = new ReplacedSegments(folder);
  expect(replaced.remove({ monotonicMs: 0, ...long })).toEqual([]);
  expect(replaced.remove({ monotonicMs: 172_800_000, ...long })).toEqual([]);
});
