/**
 * A position in the tail: the last event of each shard that a reader has had, and the epoch in which it was given. A
 * reader gets it as a short string that means nothing to it.
 *
 * The string is base64url of: the version (a byte); the epoch (4 bytes, lowest first); for each shard, from 0 on, the
 * sequence of that event as a varint, without the zeros at the end; a checksum of what precedes (3 bytes). Version 1,
 * which earlier releases gave out, has no epoch. Each position has one spelling. It names sequences and no place in a
 * file, so it stays valid across restarts, merges and another number of shards.
 */
import { crc32 } from "../base/crc32.ts";

/** By the number of the shard: the sequence of its last event, 0 before its first. A shard past the end has 0. */
export type Position = readonly number[];

/** A position, and the epoch in which it was given; undefined: by a release that knew of none. */
export type Place = { epoch: number | undefined; position: Position };

const versions = { withoutEpoch: 1, withEpoch: 2 };

const epochBytes = 4;

const checksumBytes = 3;

/** More than any number of shards that a service can run needs; a longer string is not decoded. Characters. */
const textCharsMax = 12_000;

/** Makes the string. */
export function positionText({ epoch, position }: Place): string {
  const bytes = epoch === undefined ? [versions.withoutEpoch] : [versions.withEpoch, ...bytesOf(epoch)];
  for (const value of position.slice(0, position.findLastIndex((each) => each > 0) + 1)) pushVarint(bytes, value);
  const content = Uint8Array.from(bytes);
  return Buffer.concat([content, checksumOf(content)]).toString("base64url");
}

/** Reads the string; undefined if it is not one that `positionText` makes. */
export function parsePosition(text: string): Place | undefined {
  if (text.length > textCharsMax) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const content = bytes.subarray(0, -checksumBytes);
  if (!bytes.subarray(-checksumBytes).equals(checksumOf(content))) return undefined;
  const hasEpoch = content[0] === versions.withEpoch && content.byteLength > epochBytes;
  if (content[0] !== versions.withoutEpoch && !hasEpoch) return undefined;
  const epoch = hasEpoch ? content.readUInt32LE(1) : undefined;
  const position: number[] = [];
  let [value, scale] = [0, 1];
  for (const byte of content.subarray(hasEpoch ? 1 + epochBytes : 1)) {
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
    if (!Number.isSafeInteger(value)) return undefined;
    if (byte >= 0x80) continue;
    position.push(value);
    [value, scale] = [0, 1];
  }
  // Another spelling of the same position, or what ends within a number, is not made by us.
  const place = { epoch, position };
  return positionText(place) === text ? place : undefined;
}

const bytesOf = (epoch: number) => [epoch & 0xff, (epoch >> 8) & 0xff, (epoch >> 16) & 0xff, (epoch >> 24) & 0xff];

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
