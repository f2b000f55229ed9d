import { expect, test } from "bun:test";
import { allowedCores } from "../../bench/scenarios/cores.ts";
import { sealingRate } from "../../bench/storage/backlog.ts";
import { sealedEvents } from "../../bench/system/folder.ts";
import { lookDuring } from "../../bench/system/looks.ts";
import { readMetric } from "../../bench/system/service.ts";
import { cpuByKind } from "../../bench/system/threads.ts";
import { fc } from "../support/property.ts";

const segment = (shard: number, from: number, to: number, generation = "") =>
  `${String(shard).padStart(4, "0")}-${[from, to].map((each) => String(each).padStart(16, "0")).join("-")}${generation}-d1dc66e7.duckdb`;

test("sealed events are counted by the names of segments, and once when they were merged meanwhile", () => {
  const files = [segment(0, 1, 40), segment(0, 41, 100), segment(1, 1, 7)];
  expect(sealedEvents(files)).toBe(107);
  expect(sealedEvents([...files, segment(0, 1, 100), segment(1, 1, 7, "-g000001")])).toBe(107);
  expect(sealedEvents(["0000-0000000000000001-0000000000000040.tmp", `${segment(2, 1, 5)}.corrupt`])).toBe(0);
});

test("in whatever order the names come, the count is the same", () => {
  const names = fc.array(fc.tuple(fc.nat({ max: 9_999 }), fc.integer({ min: 1, max: 2 ** 40 })));
  fc.assert(
    fc.property(names, (pairs) => {
      const files = pairs.map(([shard, to]) => segment(shard, 1, to));
      expect(sealedEvents(files.toReversed())).toBe(sealedEvents(files));
    }),
  );
});

test("the rate of sealing leaves out what came before the first segment and after the last", () => {
  const course = [0, 0, 50, 50, 100, 150, 150].map((events, place) => ({ seconds: place * 2, events }));
  expect(sealingRate(course)).toBe(100 / 6);
  expect(sealingRate([{ seconds: 1, events: 9 }])).toBeNaN();
  expect(sealingRate([])).toBeNaN();
});

test("processor time goes to the main thread, to each worker, and to the rest by its use", () => {
  const thread = (id: number, name: string, cpuSeconds: number) => ({ id, name, cpuSeconds });
  const before = [thread(7, "bun", 1), thread(8, "Bun Pool 0", 1), thread(9, "Worker", 2), thread(12, "Worker", 0)];
  const after = [
    ...[thread(7, "bun", 4), thread(8, "Bun Pool 0", 2), thread(9, "Worker", 2.5), thread(12, "Worker", 1)],
    ...[thread(13, "Bun Pool 1", 3), thread(14, "HeapHelper", 0.25)],
  ];
  expect(Object.fromEntries(cpuByKind(7, { before, after }))).toEqual({
    ...{ "main thread": 3, pool: 4, "worker 1": 0.5, "worker 2": 1 },
    "compiler and collector": 0.25,
  });
});

test("the cores that may be used are read as ranges and alone", () => {
  expect(allowedCores("Name:\tbun\nCpus_allowed_list:\t0-2,8\nMems:\t0\n")).toEqual([0, 1, 2, 8]);
  expect(allowedCores("Cpus_allowed_list:\t5\n")).toEqual([5]);
});

test("a metric is found by its whole name", () => {
  const text = '# HELP a b\na_total 3\na 2\na{shard="0"} 4\na{shard="all"} 5.5\n';
  expect(readMetric(text, "a")).toBe(2);
  expect(readMetric(text, 'a{shard="all"}')).toBe(5.5);
  expect(() => readMetric(text, "b")).toThrow("no metric b");
});

test("looks are taken at the start and at the end of the work, whatever the pace", async () => {
  let asked = 0;
  const look = async () => ++asked;
  const { result, looks } = await lookDuring(async () => "done", { everyMs: 60_000, look });
  expect(result).toBe("done");
  expect(looks.map(({ found }) => found)).toEqual([1, 2]);
});
