import { expect, test } from "bun:test";
import { existsSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sequence, sequence, shardId } from "../../src/base/brand.ts";
import { openLog } from "../../src/base/log.ts";
import { openShardMetrics } from "../../src/base/metrics.ts";
import { systemTime } from "../../src/base/time.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { Board, createBoardMemory } from "../../src/shard/board.ts";
import { IdLog, loadIdLogs } from "../../src/shard/ids/id-log.ts";
import { createIdTableMemory, IdTable } from "../../src/shard/ids/id-table.ts";
import { DiskWork } from "../../src/shard/worker/disk-work.ts";
import { Flusher, type PendingPart } from "../../src/shard/worker/flush.ts";
import { Tally } from "../../src/shard/worker/tally.ts";
import { journalFilesOf } from "../../src/store/folder/journal-files.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { nothingSealed } from "../../src/store/segment/rollup.ts";
import type { SegmentSource } from "../../src/store/segment/segment.ts";
import { temporaryFolder } from "../support/rows.ts";

/** A flusher in a folder, whose keeper notes what it is asked and fails as often as a test wants. */
function flusherIn(path: string, failures = 0, sealedTo?: Sequence[]) {
  const folder = prepareDataFolder(path);
  const asked: SegmentSource[] = [];
  /** Parts that arrive while the first try runs. */
  const arrived: PendingPart[] = [];
  const lost: number[] = [];
  let left = failures;
  const flusher = new Flusher({
    folder,
    log: openLog("silent", "test"),
    metrics: openShardMetrics(),
    time: systemTime,
    idLog: new IdLog(folder, shardId(0)),
    journal: new FileJournal({
      files: journalFilesOf(folder, shardId(0)),
      isSynced: true,
      log: openLog("silent", "test"),
    }),
    disk: new DiskWork(new Board(createBoardMemory()), join(folder.journal, "trial.0.tmp")),
    keeper: {
      settle: async () => undefined,
      check: async () => 0,
      noteLost: async () => undefined,
      count: async () => nothingSealed(),
      seal: async (source) => {
        asked.push(source);
        if (left > 0) while (arrived.length > 0) flusher.add(arrived.shift() ?? part(0, 0));
        if (left-- > 0) throw new Error("the disk is full");
        if (!source.files.every((each) => existsSync(each))) throw new Error("a file is not there");
        return { to: sealedTo?.shift() ?? source.to, refused: [] };
      },
    },
    onSealed: () => undefined,
    onLost: ({ rows }) => lost.push(rows),
    onFailed: () => undefined,
  });
  const part = (from: number, to: number): PendingPart => {
    const file = join(folder.journal, `${from}.ndjson`);
    writeFileSync(file, "");
    const tally = new Tally();
    for (let at = from; at <= to; at++) {
      const eventId = `00000000-0000-4000-8000-${at.toString(16).padStart(12, "0")}`;
      tally.add({ eventId, category: 0, hour: 0, content: 1 });
    }
    const range = { from: sequence(from), to: sequence(to), rows: to - from + 1, bytes: 100 };
    return { shard: shardId(0), part: { path: file, ...range }, tally };
  };
  return { flusher, folder, asked, arrived, lost, part };
}

test("parts that wait together become one segment, but never over a gap between them", async () => {
  using temporary = temporaryFolder();
  const { flusher, asked, part } = flusherIn(temporary.path);
  for (const [from, to] of [
    [1, 2],
    [3, 4],
    [5, 6],
    [9, 10],
  ] as const)
    flusher.add(part(from, to));
  await flusher.drained();
  expect(asked.map(({ from, to }) => [Number(from), Number(to)])).toEqual([
    [1, 2],
    [3, 6],
    [9, 10],
  ]);
});

test("a flush that is tried again writes its ids to the id log once", async () => {
  using temporary = temporaryFolder();
  const { flusher, folder, asked, part } = flusherIn(temporary.path, 3);
  flusher.add(part(1, 5));
  await flusher.drained();
  expect(asked.length).toBe(4);
  expect(loadIdLogs(folder, new IdTable(createIdTableMemory(), 0))).toBe(5);
});

test("A2: a flush that failed is tried again with its own parts, whatever has arrived since", async () => {
  using temporary = temporaryFolder();
  const { flusher, asked, arrived, part } = flusherIn(temporary.path, 2);
  arrived.push(part(3, 4), part(5, 6));
  flusher.add(part(1, 2));
  await flusher.drained();
  expect(asked.map(({ from, to }) => [Number(from), Number(to)])).toEqual([
    [1, 2],
    [1, 2],
    [1, 2],
    [3, 6],
  ]);
});

test("A2: where a segment has the first parts already, only those leave the queue", async () => {
  using temporary = temporaryFolder();
  const { flusher, asked, part } = flusherIn(temporary.path, 0, [sequence(1), sequence(2), sequence(4)]);
  flusher.add(part(1, 1));
  flusher.add(part(2, 2));
  flusher.add(part(3, 4));
  await flusher.drained();
  expect(asked.map(({ from, to }) => [Number(from), Number(to)])).toEqual([
    [1, 1],
    [2, 4],
    [3, 4],
  ]);
});

test("B8: a part whose file was removed leaves the queue after two tries, and what is before and after it is sealed", async () => {
  using temporary = temporaryFolder();
  const { flusher, asked, lost, part } = flusherIn(temporary.path);
  const removed = part(3, 6);
  unlinkSync(removed.part.path);
  for (const each of [part(1, 2), removed, part(7, 7)]) flusher.add(each);
  await flusher.drained();
  expect(lost).toEqual([4]);
  const range = ({ from, to }: SegmentSource) => [Number(from), Number(to)];
  // The first part begins alone: the others came while it was sealed.
  expect(asked.map(range)).toEqual([
    [1, 2],
    [3, 7],
    [3, 7],
    [7, 7],
  ]);
});

test("B8: while the folder of the journal itself is away nothing is given up: it may be a mount, and comes back", async () => {
  using temporary = temporaryFolder();
  const { flusher, folder, asked, lost, part } = flusherIn(temporary.path);
  const away = `${folder.journal}.away`;
  const pending = part(1, 2);
  renameSync(folder.journal, away);
  flusher.add(pending);
  while (asked.length < 3) await Bun.sleep(5);
  renameSync(away, folder.journal);
  await flusher.drained();
  expect(lost).toEqual([]);
  expect(asked.length).toBeGreaterThan(3);
});
