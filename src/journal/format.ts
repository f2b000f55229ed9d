/**
 * The format of a journal file, shared by its writer and its readers.
 *
 * A file is groups, end to end. A group is its rows' lines and then one commit line:
 *
 *   {"commit":{"sequence":S,"rows":R,"bytes":B,"crc32":"hhhhhhhh"}}
 *
 * S is the sequence of its first row, R its rows, B the bytes of their lines with their newlines. The checksum is a
 * CRC-32 over those bytes and the three numbers. Every line is JSON, so DuckDB reads the file as it is. In the file
 * that takes appends, zeros may follow the last group.
 */

import { type Sequence, sequence } from "../base/brand.ts";
import { crc32 } from "../base/crc32.ts";
import type { LineBuffer } from "../base/line-buffer.ts";

/** What a commit line says about the lines before it. */
export type Commit = { sequence: Sequence; rows: number; bytes: number; crc32: number };

/** The first bytes of every commit line; no row's line starts with them. */
export const commitPrefix = '{"commit":{';

const commitPattern =
  /^\{"commit":\{"sequence":(\d{1,16}),"rows":(\d{1,9}),"bytes":(\d{1,12}),"crc32":"([0-9a-f]{8})"\}\}$/;

/** The checksum of a group: over its lines and the three numbers in its commit line. */
export function groupChecksum(group: { sequence: Sequence; rows: number; lines: Uint8Array }): number {
  return crc32(`${group.sequence} ${group.rows} ${group.lines.byteLength}`, crc32(group.lines));
}

/** What is in a commit line besides its numbers, in this order. */
const keys = {
  sequence: `${commitPrefix}"sequence":`,
  rows: ',"rows":',
  bytes: ',"bytes":',
  crc32: ',"crc32":"',
  end: '"}}\n',
} as const;

/** The commit line for the lines of a group, with its newline. */
export function commitLine(group: { sequence: Sequence; rows: number; lines: Uint8Array }): string {
  const checksum = groupChecksum(group).toString(16).padStart(8, "0");
  const numbers = `${keys.sequence}${group.sequence}${keys.rows}${group.rows}${keys.bytes}${group.lines.byteLength}`;
  return numbers + keys.crc32 + checksum + keys.end;
}

/** An upper bound for the length of a commit line. Bytes. */
export const commitBytesMax = 128;

/** Appends to the lines of a group its commit line: the same bytes as `commitLine`, without making strings. */
export function appendCommitLine(lines: LineBuffer, group: { sequence: Sequence; rows: number }): void {
  const { end: bytes } = lines;
  const checksum = groupChecksum({ sequence: group.sequence, rows: group.rows, lines: lines.view() });
  lines.reserve(commitBytesMax);
  lines.ascii(keys.sequence);
  lines.digits(group.sequence);
  lines.ascii(keys.rows);
  lines.digits(group.rows);
  lines.ascii(keys.bytes);
  lines.digits(bytes);
  lines.ascii(keys.crc32);
  lines.hex(checksum);
  lines.ascii(keys.end);
}

/** Whether bytes end with a commit line and its newline, even where the line before it has lost its own. */
export function endsWithCommitLine(bytes: Buffer): boolean {
  const end = bytes.toString("latin1", Math.max(0, bytes.byteLength - commitBytesMax));
  return end.endsWith("\n") && parseCommitLine(end.slice(end.lastIndexOf(commitPrefix), -1)) !== undefined;
}

/**
 * Whether bytes can be the end of a group of `groupBytes`: they end with its commit line, or are the last bytes of it.
 */
export function endsGroup(bytes: Buffer, { next, groupBytes }: { next: Sequence; groupBytes: number }): boolean {
  for (let digits = 1; digits <= 9; digits++)
    for (let bytesDigits = 1; bytesDigits <= 12; bytesDigits++) {
      const numbers = `${keys.sequence}${next}${keys.rows}${"1".repeat(digits)}${keys.bytes}`;
      const lineBytes = numbers.length + bytesDigits + emptyChecksum.length;
      const lines = groupBytes - lineBytes;
      if (lines <= 0 || String(lines).length !== bytesDigits) continue;
      const form = numbers + lines + emptyChecksum;
      const kept = bytes.toString("latin1", Math.max(0, bytes.byteLength - lineBytes));
      const line = form.slice(0, lineBytes - kept.length) + kept;
      const commit = line.endsWith("\n") ? parseCommitLine(line.slice(0, -1)) : undefined;
      if (commit?.sequence === next && commit.bytes === lines) return true;
    }
  return false;
}

/** The end of a commit line, with a checksum of zeros. */
const emptyChecksum = `${keys.crc32}00000000${keys.end}`;

/** Reads a commit line without its newline; undefined when it is not one. */
export function parseCommitLine(line: string): Commit | undefined {
  const match = commitPattern.exec(line);
  if (match === null) return undefined;
  const [, first, rows, bytes, checksum] = match;
  return {
    sequence: sequence(Number(first)),
    rows: Number(rows),
    bytes: Number(bytes),
    crc32: Number.parseInt(checksum ?? "", 16),
  };
}
