/** A reader that resumes misses nothing in silence: not after a restore, in a copy, or in another folder. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { keepEpochs } from "../../src/store/folder/epochs.ts";
import { type DataFolder, dataFolder } from "../../src/store/folder/names.ts";
import { inspectSmallFiles } from "../../src/store/small-files.ts";
import { beginEpoch, continuationOf } from "../../src/tail/epochs.ts";
import { draws, fc } from "../support/property.ts";
import { recordedLog } from "../support/recorded-log.ts";
import { temporaryFolder } from "../support/rows.ts";

/** An event: no two are the same, whatever folder they are in. */
type World = { epochs: { id: number; ends: number[] }[]; events: number[][] };

const copyOf = ({ epochs, events }: World): World => ({ epochs: [...epochs], events: events.map((each) => [...each]) });

/** What a test does: accept an event in a shard, start again, take a backup, put a backup in place. */
const acts = fc.array(
  fc.oneof(
    fc.record({ act: fc.constant("accept" as const), which: fc.nat(1) }),
    fc.record({ act: fc.constantFrom("start" as const, "backup" as const, "restore" as const), which: fc.nat() }),
  ),
  { minLength: 1, maxLength: 40 },
);

test("whatever starts, backups and restores there were: what a reader resumes past it has had, or it is told", () => {
  let told = 0;
  let untold = 0;
  fc.assert(
    fc.property(acts, fc.nat(), (list, when) => {
      let made = 0;
      let world: World = { epochs: [], events: [[], []] };
      const start = () => world.epochs.push({ id: ++made, ends: world.events.map((each) => each.length) });
      const backups = [copyOf(world)];
      const readers: { epoch: number; position: number[]; had: Set<number> }[] = [];
      start();
      for (const { act, which } of list) {
        if (act === "accept") world.events[which]?.push(++made);
        if (act === "start") start();
        if (act === "backup") backups.push(copyOf(world));
        if (act === "restore") {
          world = copyOf(backups[which % backups.length] ?? world);
          start();
        }
        readers.push({
          epoch: world.epochs.at(-1)?.id ?? 0,
          position: world.events.map((each) => each.length),
          had: new Set(world.events.flat()),
        });
      }
      const reader = readers[when % readers.length];
      if (reader === undefined) return;
      const { position, isOther } = continuationOf(reader, world.epochs);
      if (isOther) told++;
      else {
        untold++;
        expect(position).toEqual(reader.position);
      }
      // If it is told nothing, or the folder knows its epoch, it has had everything before the place it goes on from.
      if (isOther && !world.epochs.some(({ id }) => id === reader.epoch)) return;
      const passed = world.events.flatMap((each, shard) => each.slice(0, position[shard]));
      expect(passed.filter((event) => !reader.had.has(event))).toEqual([]);
    }),
    draws(500),
  );
  expect(Math.min(told, untold)).toBeGreaterThan(20);
});

test("a position of an epoch that the folder lacks continues where this run began; one without an epoch stays", () => {
  const epochs = [
    { id: 1, ends: [] },
    { id: 2, ends: [50, 7] },
  ];
  expect(continuationOf({ epoch: 9, position: [80, 3] }, epochs)).toEqual({ position: [50, 7], isOther: true });
  expect(continuationOf({ epoch: undefined, position: [80, 3] }, epochs)).toEqual({
    position: [80, 3],
    isOther: false,
  });
  // Shards that were not there then.
  expect(continuationOf({ epoch: 1, position: [50, 0, 4] }, epochs)).toEqual({ position: [50, 0, 0], isOther: true });
});

function prepared(root: string): DataFolder {
  const folder = dataFolder(root);
  for (const each of [folder.segments, folder.journal]) mkdirSync(each);
  return folder;
}

test("each start adds an epoch, also past the oldest that are kept; a damaged file begins again and is told", () => {
  using root = temporaryFolder();
  const folder = prepared(root.path);
  const { log, lines } = recordedLog();
  const [first] = beginEpoch(folder, [0, 0], log);
  const second = beginEpoch(folder, [12, 3], log);
  expect(second).toEqual([
    { id: Number(first?.id), ends: [0, 0] },
    { id: Number(second[1]?.id), ends: [12, 3] },
  ]);
  const many = Array.from({ length: 300 }, (_, start) => ({ id: start, ends: [start, 3] }));
  keepEpochs(folder, many);
  const kept = beginEpoch(folder, [300, 3], log);
  expect(kept.slice(0, -1)).toEqual(many.slice(-250));
  expect(lines).toEqual([]);
  expect(inspectSmallFiles(folder)).toEqual([]);
  writeFileSync(folder.epochs, readFileSync(folder.epochs, "utf8").replace("300", "301"));
  expect(inspectSmallFiles(folder)).toMatchObject([{ file: "epochs.json" }]);
  expect(beginEpoch(folder, [300, 3], log)).toHaveLength(1);
  expect(lines).toHaveLength(1);
});
