/**
 * The format of an id log: blocks, end to end, each the ids of one flush. All little-endian.
 *
 *   0  magic          uint32
 *   4  count          uint32, records that follow the head
 *   8  CRC-32         uint32, of everything after it
 *  12  shard          uint32, of the events
 *  16  flushed at     float64, ms since 1970
 *  24  to             float64, sequence of the last event of the flush
 *  32  records        each an id (four words) and the checksum of its content (one)
 *
 * Blocks of an older format, with another magic, are read too: their head ends at 24, their checksum covers only the
 * records, and they do not say to which shard their events belong.
 */
import { readFileSync } from "node:fs";
import { type Sequence, type ShardId, sequence, shardId } from "../../base/brand.ts";
import { crc32 } from "../../base/crc32.ts";

const magic = 0x5444494d;
const headBytes = 32;
const checkedFrom = 12;

const olderMagic = 0x5344494d;
const olderHeadBytes = 24;

/** Size of an id and the checksum of its content. Bytes. */
export const idRecordBytes = 20;

/**
 * Placeholder for the checksum of content that is no longer known: a duplicate of it is never reported as a conflict.
 * 24 bits.
 */
export const contentUnknown = 0xffffff;

/** The ids of one flush. */
export type IdBlock = {
  flushedAtMs: number;
  /** The events of these ids are in this shard, none after `to`; undefined in a block of the older format. */
  range: { shard: ShardId; to: Sequence } | undefined;
  /** Whole records. */
  records: Uint8Array;
};

/** The bytes of a block; in the older format if it has no range. */
export function encodeIdBlock({ flushedAtMs, range, records }: IdBlock): Uint8Array {
  const start = range === undefined ? olderHeadBytes : headBytes;
  const bytes = new Uint8Array(start + records.byteLength);
  bytes.set(records, start);
  const head = new DataView(bytes.buffer);
  head.setUint32(0, range === undefined ? olderMagic : magic, true);
  head.setUint32(4, records.byteLength / idRecordBytes, true);
  head.setFloat64(16, flushedAtMs, true);
  if (range !== undefined) {
    head.setUint32(12, range.shard, true);
    head.setFloat64(24, range.to, true);
  }
  head.setUint32(8, crc32(bytes.subarray(range === undefined ? start : checkedFrom)), true);
  return bytes;
}

/**
 * Reads the whole blocks of an id log, in order. Bytes that do not check and are followed by a whole block are damage:
 * they are skipped, and reading continues at the next block that checks. Bytes that do not check at the end of the file
 * are torn. They may be a write under way, and are damage too if no unfinished write looks like that.
 */
export function readIdBlocks(path: string): {
  blocks: IdBlock[];
  isTorn: boolean;
  damaged: { from: number; to: number }[];
} {
  const bytes = readFileSync(path);
  const blocks: IdBlock[] = [];
  const damaged: { from: number; to: number }[] = [];
  let at = 0;
  let soundTo = 0;
  while (at + olderHeadBytes <= bytes.byteLength) {
    const read = blockAt(bytes, at);
    if (read === undefined) {
      at = nextMagic(bytes, at + 1);
      continue;
    }
    if (soundTo < at) damaged.push({ from: soundTo, to: at });
    blocks.push(read.block);
    at = soundTo = read.end;
  }
  const isTorn = soundTo < bytes.byteLength;
  if (isTorn && !isBegun(bytes.subarray(soundTo))) damaged.push({ from: soundTo, to: bytes.byteLength });
  return { blocks, isTorn, damaged };
}

/** Whether these bytes can be the beginning of a block that is still being written. */
function isBegun(bytes: Buffer): boolean {
  const sign = Buffer.alloc(4);
  sign.writeUInt32LE(magic);
  if (!sign.subarray(0, bytes.byteLength).equals(bytes.subarray(0, 4))) return false;
  if (bytes.byteLength < headBytes) return true;
  if (headBytes + bytes.readUInt32LE(4) * idRecordBytes <= bytes.byteLength) return false;
  // The checksum does not cover the count: if it fits all the remaining bytes, only the count is wrong.
  return crc32(bytes.subarray(checkedFrom)) !== bytes.readUInt32LE(8);
}

/** The block that begins at this offset; undefined if no block that checks begins there. */
function blockAt(bytes: Buffer, at: number): { block: IdBlock; end: number } | undefined {
  const head = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at);
  const found = head.getUint32(0, true);
  const isOlder = found === olderMagic;
  if ((found !== magic && !isOlder) || (!isOlder && head.byteLength < headBytes)) return undefined;
  const start = at + (isOlder ? olderHeadBytes : headBytes);
  const end = start + head.getUint32(4, true) * idRecordBytes;
  if (end > bytes.byteLength) return undefined;
  const checked = bytes.subarray(isOlder ? start : at + checkedFrom, end);
  if (crc32(checked) !== head.getUint32(8, true)) return undefined;
  const range = isOlder
    ? undefined
    : { shard: shardId(head.getUint32(12, true)), to: sequence(head.getFloat64(24, true)) };
  return { block: { flushedAtMs: head.getFloat64(16, true), range, records: bytes.subarray(start, end) }, end };
}

/** Offset of the next possible block; the end of the file if there is none. */
function nextMagic(bytes: Buffer, from: number): number {
  const places = [magic, olderMagic].map((each) => {
    const sign = Buffer.alloc(4);
    sign.writeUInt32LE(each);
    return bytes.indexOf(sign, from);
  });
  return Math.min(bytes.byteLength, ...places.filter((place) => place !== -1));
}
