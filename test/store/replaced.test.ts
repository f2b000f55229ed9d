/** When a replaced segment goes: after its time, and only if readers can see what replaced it. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { dataFolder, segmentName } from "../../src/store/names.ts";
import { removeReplaced } from "../../src/store/replaced.ts";
import { temporaryFolder } from "../support/rows.ts";

const name = (from: number, to: number, generation = 0) =>
  segmentName({ shard: shardId(0), from: sequence(from), to: sequence(to), generation, crc32: 0 });

test("replaced segments go after the grace time that began with the name of what replaced them, once it is published", () => {
  using place = temporaryFolder();
  const folder = dataFolder(place.path);
  mkdirSync(folder.segments);
  const [wide, narrow, anew, alone] = [name(1, 20), name(1, 10), name(11, 20, 3), name(21, 30)];
  for (const file of [narrow, anew, wide, alone]) writeFileSync(join(folder.segments, file), "");
  const bornMs = statSync(join(folder.segments, wide)).ctimeMs;
  const graceMs = 30_000;
  const all = new Set([wide, alone]);
  expect(removeReplaced(folder, { nowMs: bornMs + graceMs - 1, graceMs, published: all })).toEqual([]);
  expect(removeReplaced(folder, { nowMs: bornMs + 2 * graceMs, graceMs, published: new Set([narrow, alone]) })).toEqual(
    [],
  );
  expect(removeReplaced(folder, { nowMs: bornMs + graceMs, graceMs, published: all }).sort()).toEqual(
    [narrow, anew].sort(),
  );
  expect(readdirSync(folder.segments).sort()).toEqual([wide, alone].sort());
  expect(removeReplaced(folder, { nowMs: bornMs + 2 * graceMs, graceMs, published: all })).toEqual([]);
});
