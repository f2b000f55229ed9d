import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { encodeIdBlock, idRecordBytes, readIdBlocks } from "../../src/store/id-blocks.ts";
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
    expect(hit === 3 ? isTorn : damaged.length > 0).toBe(true);
  }
});
