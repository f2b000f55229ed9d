import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { encodeIdBlock, idRecordBytes, readIdBlocks } from "../../src/store/ids/blocks.ts";
import { temporaryFolder } from "../support/rows.ts";

const block = (number: number, records: number) => ({
  flushedAtMs: number,
  range: { shard: shardId(0), to: sequence(number) },
  records: new Uint8Array(records * idRecordBytes).fill(number),
});

test("B7: whatever byte of a block changes, the blocks around it are kept", () => {
  using place = temporaryFolder();
  const path = join(place.path, "0000-00000001.ids");
  const pieces = [block(1, 2), block(2, 3), block(3, 1)].map(encodeIdBlock);
  const bytes = Buffer.concat(pieces);
  const ends = pieces.map((_, index) => Buffer.concat(pieces.slice(0, index + 1)).byteLength);
  for (const [at, before] of bytes.entries()) {
    bytes[at] = before ^ 0x10;
    writeFileSync(path, bytes);
    bytes[at] = before;
    const { blocks, damaged, isTorn } = readIdBlocks(path);
    const hit = ends.findIndex((end) => at < end) + 1;
    expect(blocks.map(({ flushedAtMs }) => flushedAtMs)).toEqual([1, 2, 3].filter((each) => each !== hit));
    expect(damaged).toHaveLength(1);
    expect(isTorn).toBe(hit === 3);
  }
});

test("B7: the beginning of a block at the end of a file may be a write under way, and is not told as damage", () => {
  using place = temporaryFolder();
  const path = join(place.path, "0000-00000001.ids");
  const [first, second] = [block(1, 2), block(2, 3)].map(encodeIdBlock).map((piece) => Buffer.from(piece));
  for (let bytes = 1; bytes < (second?.byteLength ?? 0); bytes++) {
    writeFileSync(path, Buffer.concat([first ?? Buffer.alloc(0), second?.subarray(0, bytes) ?? Buffer.alloc(0)]));
    const read = readIdBlocks(path);
    expect(read).toMatchObject({ isTorn: true, damaged: [] });
    expect(read.blocks).toHaveLength(1);
  }
});
