import { expect, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { carrySealed } from "../../src/offline/carry.ts";
import { IdList } from "../../src/shard/ids/id-list.ts";
import { IdLog, loadIdLogs } from "../../src/shard/ids/id-log.ts";
import { createIdTableMemory, IdTable } from "../../src/shard/ids/id-table.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { currentFormat, type DataFolder, idLogName, segmentName } from "../../src/store/folder/names.ts";
import { encodeIdBlock, idRecordBytes, readIdBlocks } from "../../src/store/ids/blocks.ts";
import { temporaryFolder } from "../support/rows.ts";

function folders() {
  const place = temporaryFolder();
  const [from, to] = [prepareDataFolder(join(place.path, "from")), prepareDataFolder(join(place.path, "to"))];
  return { from, to, [Symbol.dispose]: () => place[Symbol.dispose]() };
}

/** A file in the place of a segment: only names count here. */
function seal(folder: DataFolder, range: { shard: number; from: number; to: number; generation?: number }): string {
  const file = segmentName({
    shard: shardId(range.shard),
    from: sequence(range.from),
    to: sequence(range.to),
    generation: range.generation ?? 0,
    format: currentFormat,
    crc32: 0,
  });
  writeFileSync(join(folder.segments, file), "sealed");
  return file;
}

function idsOf(numbers: readonly number[]): IdList {
  const ids = new IdList();
  for (const number of numbers) ids.add(`00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`, 1);
  return ids;
}

function log(folder: DataFolder, writer: number, block: { shard: number; to: number; numbers: readonly number[] }) {
  const { shard, to, numbers } = block;
  new IdLog(folder, shardId(writer)).append({ ids: idsOf(numbers), shard: shardId(shard), to: sequence(to), nowMs: 1 });
}

const known = (folder: DataFolder) => loadIdLogs(folder, new IdTable(createIdTableMemory(), 0));

test("an id is carried only when its event is in the segments, whoever wrote it down", () => {
  using place = folders();
  const { from, to } = place;
  seal(from, { shard: 0, from: 1, to: 10 });
  seal(from, { shard: 7, from: 1, to: 3 });
  log(from, 0, { shard: 0, to: 10, numbers: [1, 2, 3] });
  // Logged, and not sealed yet.
  log(from, 0, { shard: 0, to: 12, numbers: [4] });
  // Of shards that no longer run.
  log(from, 1, { shard: 7, to: 3, numbers: [5, 6] });
  log(from, 1, { shard: 7, to: 4, numbers: [7] });
  log(from, 1, { shard: 8, to: 1, numbers: [8] });
  expect(carrySealed(from, to)).toMatchObject({ linked: 2, copied: 0 });
  expect(known(from)).toBe(8);
  expect(known(to)).toBe(5);
});

test("a block that does not say whose its ids are stays behind, and a torn one too", () => {
  using place = folders();
  const { from, to } = place;
  seal(from, { shard: 0, from: 1, to: 10 });
  const older = encodeIdBlock({ flushedAtMs: 1, range: undefined, records: new Uint8Array(2 * idRecordBytes) });
  const newer = encodeIdBlock({
    flushedAtMs: 2,
    range: { shard: shardId(0), to: sequence(10) },
    records: new Uint8Array(idRecordBytes),
  });
  const path = join(from.ids, idLogName({ shard: shardId(0), number: 1 }));
  writeFileSync(path, Buffer.concat([older, newer, newer.subarray(0, newer.length - 1)]));
  expect(readIdBlocks(path)).toMatchObject({ blocks: [{ range: undefined }, { range: { to: 10 } }], isTorn: true });
  carrySealed(from, to);
  expect(known(from)).toBe(3);
  expect(known(to)).toBe(1);
});

test("a block whose head or records were changed is none", () => {
  using place = folders();
  const block = encodeIdBlock({
    flushedAtMs: 2,
    range: { shard: shardId(3), to: sequence(10) },
    records: Uint8Array.from({ length: idRecordBytes }, (_, at) => at),
  });
  const path = join(place.from.ids, idLogName({ shard: shardId(0), number: 1 }));
  for (let at = 0; at < block.byteLength; at++) {
    const changed = Uint8Array.from(block);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    expect(readIdBlocks(path).blocks).toEqual([]);
  }
});

test("of segments that were written anew only the current ones are carried", () => {
  using place = folders();
  const { from, to } = place;
  seal(from, { shard: 0, from: 1, to: 5 });
  seal(from, { shard: 0, from: 6, to: 10 });
  const merged = seal(from, { shard: 0, from: 1, to: 10, generation: 1 });
  carrySealed(from, to);
  expect(readdirSync(to.segments)).toEqual([merged]);
});
