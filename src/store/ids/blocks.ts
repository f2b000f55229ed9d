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
 * Blocks of an older magic are read too: their head ends at 24, their checksum is of the records alone, and they do not
 * say whose events they are of.
 */
import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import { type Sequence, type ShardId, sequence, shardId } from "../../base/brand.ts";

const magic = 0x5444494d;
const headBytes = 32;
const checkedFrom = 12;

const olderMagic = 0x5344494d;
const olderHeadBytes = 24;

/** Size of an id and the checksum of its content. Bytes. */
export const idRecordBytes = 20;

/**
 * Stands for the checksum of a content that is not known any more: a repeat is then never told to be a conflict. 24
 * bits.
 */
export const contentUnknown = 0xffffff;

/** The ids of one flush. */
export type IdBlock = {
  flushedAtMs: number;
  /** The ids' events are in this shard, none after `to`; undefined in a block of the older format. */
  range: { shard: ShardId; to: Sequence } | undefined;
  /** Whole records. */
  records: Uint8Array;
};

/** The bytes of a block, in the format that it came in. */
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
 * Whole blocks of an id log, in order. What does not check and is followed by whole blocks is damage, and is skipped:
 * reading goes on at the next block that checks. What does not check at the end of its file is torn, and may be a write
 * under way; it is damage too where no write under way looks like that.
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

/** Whether some bytes are the beginning of a block whose rest is still to come. */
function isBegun(bytes: Buffer): boolean {
  const sign = Buffer.alloc(4);
  sign.writeUInt32LE(magic);
  if (!sign.subarray(0, bytes.byteLength).equals(bytes.subarray(0, 4))) return false;
  if (bytes.byteLength < headBytes) return true;
  if (headBytes + bytes.readUInt32LE(4) * idRecordBytes <= bytes.byteLength) return false;
  // The count is not in the checksum: where all the rest agrees with it, the count alone is wrong.
  return crc32(bytes.subarray(checkedFrom)) !== bytes.readUInt32LE(8);
}

/** The block that begins there; undefined where none does that checks. */
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

/** Where the next block may begin; the end where none does. */
function nextMagic(bytes: Buffer, from: number): number {
  const places = [magic, olderMagic].map((each) => {
    const sign = Buffer.alloc(4);
    sign.writeUInt32LE(each);
    return bytes.indexOf(sign, from);
  });
  return Math.min(bytes.byteLength, ...places.filter((place) => place !== -1));
}
