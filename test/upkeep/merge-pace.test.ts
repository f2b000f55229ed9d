/** How much of the machine merges take, by a clock that the test turns on. */
import { expect, test } from "bun:test";
import { shardId } from "../../src/base/brand.ts";
import type { ShardHoldings } from "../../src/keeper/protocol.ts";
import { MergePace, mergeShare, nextMergeAtMs, segmentsNotFullOf } from "../../src/upkeep/merge-pace.ts";

const cores = 2;

const holdings = (segments: number, full = 0): ShardHoldings[] => [
  { shard: shardId(0), watermarkMs: 0, segments: segments + full, events: full * 8_000_000, bytes: 0 },
];

/** A pace on a machine of two cores; `busy` is the share of it that the serving process takes. */
function world({ busy = 0 }: { busy?: number } = {}) {
  const time = { passedMs: 1_000, processorMs: 0, busy };
  const clock = { monotonicMs: () => time.passedMs };
  const pace = new MergePace({ clock, processorMs: () => time.processorMs, cores });
  const pass = (ms: number) => {
    time.passedMs += ms;
    time.processorMs += ms * cores * time.busy;
  };
  return { pace, time, pass };
}

test("while nobody sends events, merges have all threads and no pause", () => {
  const { pace, time, pass } = world();
  pass(3_000);
  expect(pace.now(holdings(10))).toMatchObject({ isDue: true, threads: 2 });
  // It had both cores for a second.
  const startedAtMs = time.passedMs;
  pass(1_000);
  pace.ended({ startedAtMs, processorMs: 2_000 });
  expect(pace.now(holdings(10))).toMatchObject({ isDue: true, threads: 2 });
});

test("while ingest is busy, merges have one thread and a tenth of the machine", () => {
  const { pace, time, pass } = world({ busy: 0.5 });
  pass(3_000);
  const startedAtMs = time.passedMs;
  expect(pace.now(holdings(10))).toMatchObject({ isDue: true, threads: 1 });
  pass(2_000);
  pace.ended({ startedAtMs, processorMs: 1_000 });
  const dueAfterMs = () => {
    while (!pace.now(holdings(10)).isDue) pass(100);
    return time.passedMs - startedAtMs;
  };
  expect(dueAfterMs()).toBeWithin(1_000 / (0.1 * cores), 1_000 / (0.1 * cores) + 101);
});

test("a pause ends when ingest does", () => {
  const { pace, time, pass } = world({ busy: 0.5 });
  pass(3_000);
  pace.now(holdings(10));
  pace.ended({ startedAtMs: time.passedMs, processorMs: 20_000 });
  pass(20_000);
  expect(pace.now(holdings(10)).isDue).toBe(false);
  time.busy = 0.01;
  pass(2_500);
  expect(pace.now(holdings(10))).toMatchObject({ isDue: true, threads: 2 });
});

test("the more segments wait, the larger is the share of merges, up to all of the machine", () => {
  const shares = [0, 64, 100, 128, 160, 192, 1_000].map((segments) => mergeShare({ ingestShare: 0.5, segments }));
  expect(shares.map((share) => Number(share.toFixed(2)))).toEqual([0.1, 0.1, 0.35, 0.55, 0.78, 1, 1]);
  expect(mergeShare({ ingestShare: 0.04, segments: 0 })).toBe(1);
  expect(nextMergeAtMs({ startedAtMs: 100, processorMs: 500 }, { share: 0.5, cores: 4 })).toBe(350);
});

test("merges that fall behind get the share of flushes, so that they keep up", () => {
  const { pace } = world({ busy: 0.5 });
  expect([0, 63, 64, 1_000].map((segments) => pace.now(holdings(segments)).niceness)).toEqual([15, 15, 10, 10]);
  expect(pace.now(holdings(10, 500)).niceness).toBe(15);
});

test("segments that are full do not wait for a merge, whether by events or by bytes", () => {
  expect(segmentsNotFullOf(holdings(10, 500))).toBe(10);
  const [byBytes] = holdings(0);
  if (byBytes === undefined) throw new Error("one shard");
  expect(segmentsNotFullOf([{ ...byBytes, segments: 12, bytes: 10 * 384 * 1024 * 1024 }])).toBe(2);
  expect(segmentsNotFullOf([])).toBe(0);
});

test("under a load that never ends segments stay bounded, although merges cost more than a tenth of the machine", () => {
  const { pace, time, pass } = world({ busy: 0.4 });
  let segments = 0;
  let most = 0;
  let spentMs = 0;
  let early = 0;
  for (const endMs = time.passedMs + 3 * 3_600_000; time.passedMs < endMs; ) {
    if (pace.now(holdings(segments)).isDue && segments >= 6) {
      // Six become one, for 4 s of processor time: 0.8 s for each segment that comes, of the 2 s that there are.
      const startedAtMs = time.passedMs;
      pass(4_000);
      pace.ended({ startedAtMs, processorMs: 4_000 });
      segments += 4 - 5;
      spentMs += 4_000;
    } else {
      pass(500);
      segments += 0.5;
    }
    if (time.passedMs < 61_000) early = spentMs;
    most = Math.max(most, segments);
  }
  expect(early / (60_000 * cores)).toBeLessThan(0.15);
  expect(most).toBeWithin(64, 192);
});
