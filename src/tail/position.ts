/**
 * A position in the tail: the last event of each shard that a reader has had. A reader gets it as a short string that
 * means nothing to it.
 *
 * The string is base64url of: the version (a byte); for each shard, from 0 on, the sequence of that event as a varint,
 * without the zeros at the end; a checksum of what precedes (3 bytes). Each position has one spelling. It names
 * sequences and no place in a file, so it stays valid across restarts, merges and another number of shards.
 */
import { crc32 } from "node:zlib";

/** By the number of the shard: the sequence of its last event, 0 before its first. A shard past the end has 0. */
export type Position = readonly number[];

const version = 1;

const checksumBytes = 3;

/** More than any number of shards that a service can run needs; a longer string is not decoded. Characters. */
const textCharsMax = 12_000;

/** Makes the string. */
export function positionText(position: Position): string {
  const bytes = [version];
  for (const value of position.slice(0, position.findLastIndex((each) => each > 0) + 1)) pushVarint(bytes, value);
  const content = Uint8Array.from(bytes);
  return Buffer.concat([content, checksumOf(content)]).toString("base64url");
}

/** Reads the string; undefined if it is not one that `positionText` makes. */
export function parsePosition(text: string): Position | undefined {
  if (text.length > textCharsMax) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const content = bytes.subarray(0, -checksumBytes);
  if (content[0] !== version || !bytes.subarray(-checksumBytes).equals(checksumOf(content))) return undefined;
  const position: number[] = [];
  let [value, scale] = [0, 1];
  for (const byte of content.subarray(1)) {
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte >= 0x80) continue;
    position.push(value);
    [value, scale] = [0, 1];
  }
  // Another spelling of the same position, or what ends within a number, is not made by us.
  return positionText(position) === text ? position : undefined;
}

function pushVarint(bytes: number[], value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function checksumOf(content: Uint8Array): Uint8Array {
  const checksum = crc32(content);
  return Uint8Array.of(checksum & 0xff, (checksum >> 8) & 0xff, (checksum >> 16) & 0xff);
}
