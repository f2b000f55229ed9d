/**
 * What stands behind the last whole group of a journal file: a write that was cut short, or a group that was acknowledged and
 * has been damaged since. The one is cut, the other must be told, so whatever is in doubt counts as damage.
 *
 * How a write is cut short:
 * - The file ends within it. A process that was killed or a disk that was full leaves this.
 * - Blocks of it did not reach the disk before the power went, in any order: each is a run of zeros over the whole block, because
 *   the file was filled with zeros ahead. The last block written may end anywhere when the file ends there, too.
 * - Nothing else: a zero byte amid others, or a line of no known kind, was not left by a write.
 */
import { type Sequence, sequence } from "../base/brand.ts";
import { type Commit, commitLine, commitPrefix, endsWithCommitLine } from "./format.ts";

/** Disks write whole sectors. No page of a file system is smaller. Bytes. */
const blockBytes = 512;

/** A few bytes of a block that are zero may be damage rather than a block that was not written. Bytes. */
const lostBytesMin = 16;

/** What a commit line ends with behind its checksum. */
const afterChecksum = '"}}\n';

const newline = 0x0a;

const rowPrefix = '{"event_id":"';

type Tail =
  | { kind: "torn" }
  | { kind: "corrupt"; reason: string }
  /** All of a group but the end of its commit line. */
  | { kind: "whole"; commit: Commit; lines: Buffer; missing: string };

/** Judges the bytes `from` (in) to `to` (out) of a journal file, which no whole group explains; zeros may follow them. */
export function judgeTail(place: { bytes: Buffer; from: number; to: number; next: Sequence }): Tail {
  const { bytes, from, to, next } = place;
  const tail = bytes.subarray(from, to);
  if (tail.byteLength === 0) return { kind: "torn" };
  if (tail.includes(0)) {
    if (hasZerosAmidOthers(bytes, from, to)) return damaged("zero bytes stand amid others");
    return endsWithCommitLine(tail) ? { kind: "torn" } : endOf(place);
  }
  const linesEnd = tail.lastIndexOf(newline) + 1;
  const last = tail.toString("latin1", linesEnd);
  const lines = tail.subarray(0, linesEnd);
  if (isStartOf(last, commitPrefix) && last !== "") {
    const rows = countLines(lines);
    const expected = commitLine({ sequence: next, rows, lines });
    if (!expected.startsWith(last)) return damaged("the last commit line does not match its group");
    if (rows > 0 && last.length >= expected.length - afterChecksum.length)
      return {
        kind: "whole",
        lines,
        missing: expected.slice(last.length),
        commit: commitOf(next, rows, lines, expected),
      };
    return endOf(place);
  }
  if (last === "") {
    const lastLine = lines.subarray(lines.lastIndexOf(newline, -2) + 1).toString("latin1", 0, rowPrefix.length);
    return lastLine === rowPrefix && !endsWithCommitLine(lines)
      ? endOf(place)
      : damaged("the last group does not match its commit line");
  }
  return isStartOf(last, rowPrefix) ? endOf(place) : damaged("the last line is neither a row nor a commit line");
}

const damaged = (reason: string): Tail => ({ kind: "corrupt", reason });

/** A write that was cut ends with the file, or at the end of a block. */
function endOf({ bytes, to }: { bytes: Buffer; to: number }): Tail {
  return to === bytes.byteLength || to % blockBytes === 0
    ? { kind: "torn" }
    : damaged("zeros begin amid a block, where no write was cut");
}

/** Whether a block of the file has zero bytes and others in this stretch, or so few that they may be damage. */
function hasZerosAmidOthers(bytes: Buffer, from: number, to: number): boolean {
  for (let start = from; start < to; ) {
    const end = Math.min(to, start - (start % blockBytes) + blockBytes);
    const block = bytes.subarray(start, end);
    const zeros = block.reduce((count, byte) => count + Number(byte === 0), 0);
    if (zeros > 0 && (zeros < block.byteLength || zeros < lostBytesMin)) return true;
    start = end;
  }
  return false;
}

/** Whether a text and a prefix agree as far as both go. */
const isStartOf = (text: string, prefix: string) => text.startsWith(prefix.slice(0, text.length));

function countLines(lines: Buffer): number {
  let rows = 0;
  for (const byte of lines) if (byte === newline) rows++;
  return rows;
}

function commitOf(first: Sequence, rows: number, lines: Buffer, line: string): Commit {
  const at = line.length - afterChecksum.length;
  return {
    sequence: sequence(first),
    rows,
    bytes: lines.byteLength,
    crc32: Number.parseInt(line.slice(at - 8, at), 16),
  };
}
