/** Which segments are merged: on the folder of a whole day, without its bytes. */
import { expect, test } from "bun:test";
import { sequence, shardId } from "../../src/base/brand.ts";
import { currentFormat } from "../../src/store/folder/names.ts";
import { planDrop } from "../../src/store/segment/plan-drop.ts";
import { mergeLimits, planFullMerge, planKeep, planMerge, rewriteOf } from "../../src/store/segment/plan-merge.ts";
import type { Rewrite } from "../../src/store/segment/rewrite.ts";
import type { KnownSegment } from "../../src/store/segment/summary.ts";
import { fc } from "../support/property.ts";

const bytesPerEvent = 37;

interface Sealed {
  readonly shard?: number;
  readonly from: number;
  readonly events: number;
  readonly receivedMs?: readonly [number, number];
  readonly clientIds?: number;
  readonly isFinal?: boolean;
}

function segment({ shard = 0, from, events, receivedMs, clientIds = 0, isFinal = false }: Sealed): KnownSegment {
  return {
    file: `${shard}-${from}-${from + events - 1}`,
    name: {
      shard: shardId(shard),
      from: sequence(from),
      to: sequence(from + events - 1),
      generation: 0,
      format: 2,
      crc32: 0,
    },
    bytes: events * bytesPerEvent,
    summary: {
      events,
      clientIds,
      isFinal,
      receivedFromMs: receivedMs?.[0],
      receivedToMs: receivedMs?.[1],
    },
  };
}

/** Segments side by side, of these sizes. */
function sideBySide(sizes: readonly number[], shard = 0): KnownSegment[] {
  let from = 1;
  return sizes.map((events) => {
    const one = segment({ shard, from, events });
    from += events;
    return one;
  });
}

/** The folder after a rewrite, whose sources it replaced. */
function carriedOut(current: readonly KnownSegment[], rewrite: Rewrite): KnownSegment[] {
  const sources = new Set(rewrite.sources);
  const at = current.findIndex(({ file }) => sources.has(`segments/${file}`));
  const left = current.filter(({ file }) => !sources.has(`segments/${file}`));
  const { shard, from } = rewrite.range;
  const made = segment({ shard, from, events: rewrite.events, isFinal: rewrite.repeatsIn !== undefined });
  return [...left.slice(0, at), made, ...left.slice(at)];
}

test("after a day at 10,000 events a second there are fewer than 200 files, and an event was written six times at most", () => {
  const [flushSeconds, graceSeconds] = [2, 30];
  const folders = [0, 1].map((shard) => ({ shard, next: 1, current: [] as KnownSegment[] }));
  const replaced: { second: number; files: number }[] = [];
  let written = 0;
  let accepted = 0;
  let filesMax = 0;
  for (let second = flushSeconds; second <= 86_400; second += flushSeconds) {
    for (const folder of folders) {
      const events = (10_000 * flushSeconds) / folders.length;
      folder.current.push(segment({ shard: folder.shard, from: folder.next, events }));
      folder.next += events;
      accepted += events;
      for (;;) {
        const merge = planMerge(folder.current, mergeLimits);
        if (merge === undefined) break;
        folder.current = carriedOut(folder.current, merge);
        replaced.push({ second, files: merge.sources.length });
        written += merge.events;
      }
    }
    while ((replaced[0]?.second ?? second) < second - graceSeconds) replaced.shift();
    const waiting = replaced.reduce((sum, { files }) => sum + files, 0);
    filesMax = Math.max(filesMax, waiting + folders.reduce((sum, { current }) => sum + current.length, 0));
  }
  const stored = folders.flatMap(({ current }) => current).reduce((sum, { summary }) => sum + summary.events, 0);
  expect(stored).toBe(accepted);
  expect(filesMax).toBeLessThan(200);
  expect(written / accepted).toBeLessThan(6);
});

test("merges take neighbours of one shard, keep within the largest size, and come to an end", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 3_000_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(sizes, sizes, fc.constantFrom(planMerge, planFullMerge), (first, second, plan) => {
      let current = [...sideBySide(first, 0), ...sideBySide(second, 1)];
      const events = (of: readonly KnownSegment[]) => of.reduce((sum, { summary }) => sum + summary.events, 0);
      const before = events(current);
      for (let merges = 0; merges < 200; merges++) {
        const merge = plan(current, mergeLimits);
        if (merge === undefined) break;
        expect(merge.events).toBeLessThanOrEqual(mergeLimits.max.events);
        const sources = current.filter(({ file }) => merge.sources.includes(`segments/${file}`));
        expect(new Set(sources.map(({ name }) => name.shard)).size).toBe(1);
        expect(sources.every(({ name }, at) => at === 0 || sources[at - 1]?.name.to === name.from - 1)).toBe(true);
        current = carriedOut(current, merge);
      }
      expect(plan(current, mergeLimits)).toBeUndefined();
      expect(events(current)).toBe(before);
    }),
  );
});

test("what is missing between two segments is covered by no merge", () => {
  const [first] = sideBySide([100]);
  const after = Array.from({ length: 3 }, (_, at) => segment({ from: 150 + at * 100, events: 100 }));
  const merge = planFullMerge(first === undefined ? [] : [first, ...after], mergeLimits);
  // The first one alone, for what repeats are in it.
  expect(merge?.sources).toEqual(["segments/0-1-100"]);
});

test("repeats are looked for in every other segment that may have any, once a segment is merged for the last time", () => {
  const full = segment({ shard: 1, from: 1, events: 5_000_000, clientIds: 5, isFinal: true });
  const serverIds = segment({ shard: 2, from: 1, events: 5_000_000, isFinal: true });
  const merge = planMerge([...sideBySide([5_000_000, 4_000_000]), full, serverIds], mergeLimits);
  expect(merge?.repeatsIn).toEqual([`segments/${full.file}`]);
  expect(planMerge(sideBySide(Array(6).fill(10)), mergeLimits)?.repeatsIn).toBeUndefined();
});

test("segments of events of megabytes are merged a few at a time: DuckDB holds all of their events in memory", () => {
  const large = sideBySide(Array(20).fill(3)).map((each) => ({ ...each, bytes: 18 * 1024 * 1024 }));
  for (const merge of [planMerge(large, mergeLimits), planFullMerge(large, mergeLimits)])
    expect(merge?.sources.length).toBe(3);
  expect(planMerge(sideBySide(Array(20).fill(3)), mergeLimits)?.sources.length).toBe(20);
});

const day = 86_400_000;

test("what expired whole goes at once with what is empty beside it; what expired in part a day later", () => {
  const cutoffMs = 100 * day;
  const old = segment({ from: 1, events: 10, receivedMs: [day, 2 * day] });
  const older = { ...segment({ from: 11, events: 10 }), summary: { ...old.summary, events: 0 } };
  const partly = segment({ from: 21, events: 10, receivedMs: [cutoffMs - 1, cutoffMs + 1] });
  const fresh = segment({ from: 31, events: 10, receivedMs: [cutoffMs, cutoffMs + day] });
  const drop = planDrop([old, older, partly, fresh], cutoffMs);
  expect(drop?.sources).toEqual([`segments/${old.file}`, `segments/${older.file}`]);
  expect(drop?.keep).toBe("false");
  expect(planDrop([partly, fresh], cutoffMs)).toBeUndefined();
  expect(planDrop([partly, fresh], cutoffMs + day)?.sources).toEqual([`segments/${partly.file}`]);
  expect(planDrop([fresh], cutoffMs)).toBeUndefined();
});

test("a rewrite of neighbours has their whole stretch as its name, one of a segment alone the next generation of it", () => {
  const [first, second] = sideBySide([10, 20]);
  if (first === undefined || second === undefined) throw new Error("two segments were made");
  const how = { keep: undefined, repeatsIn: undefined };
  expect(rewriteOf([first, second], how).range).toEqual({
    shard: shardId(0),
    from: sequence(1),
    to: sequence(30),
    generation: 0,
    format: currentFormat,
  });
  const again = { ...second, name: { ...second.name, generation: 4 } };
  expect(rewriteOf([again], how).range).toEqual({
    shard: shardId(0),
    from: sequence(11),
    to: sequence(30),
    generation: 5,
    format: currentFormat,
  });
  expect(() => rewriteOf([], how)).toThrow(RangeError);
});

test("an erasure rewrites all files that it names and no other, small neighbours together and full ones alone", () => {
  const current = [...sideBySide([10, 20, 9_000_000, 30, 40], 0), ...sideBySide([5], 1)];
  const named = new Set([0, 1, 2, 3, 5].map((at) => current[at]?.file ?? ""));
  const rewritten: string[][] = [];
  for (let files = named; ; ) {
    const rewrite = planKeep(current, files, { keep: "true", limits: mergeLimits });
    if (rewrite === undefined) break;
    const sources = rewrite.sources.map((source) => source.replace("segments/", ""));
    rewritten.push(sources);
    files = new Set([...files].filter((file) => !sources.includes(file)));
  }
  expect(rewritten.flat().sort()).toEqual([...named].sort());
  expect(rewritten).toHaveLength(4);
});

test("what was sealed after a full merge was asked for is no part of it", () => {
  const current = sideBySide([100, 100, 100]);
  const merge = planFullMerge(current, mergeLimits, ({ to }) => to <= 200);
  expect(merge?.sources).toHaveLength(2);
  expect(planFullMerge(current, mergeLimits, () => false)).toBeUndefined();
});
