/**
 * What stands behind the last whole group of a journal file: a write that was cut short, or a group that was
 * acknowledged and has been damaged since. The one is cut, the other must be told, so whatever is in doubt counts as
 * damage or is kept.
 *
 * How a write is cut short:
 * - The file ends within it. A process that was killed or a disk that was full leaves this.
 * - Sectors of it did not reach the disk before the power went, in any order. Each holds what it held before: zeros
 *   from where the group begins, because the file was filled with zeros ahead. Where the last one that was written is
 *   not full, the group ends in it, with its commit line or the end of it.
 * - Nothing else: a zero byte amid others, or a line of no known kind, was not left by a write.
 *
 * A group that lacks fewer bytes than `lostBytesMin` may have lost them to damage. All else of it is there, so it is
 * kept whole where the missing bytes are known: the beginning of its first row, the end of its commit line.
 */
import type { Sequence } from "../base/brand.ts";
import {
  type Commit,
  commitLine,
  commitPrefix,
  endsGroup,
  endsWithCommitLine,
  groupChecksum,
  parseCommitLine,
} from "./format.ts";

/** Disks write whole sectors. No page of a file system is smaller. Bytes. */
const sectorBytes = 512;

/** Fewer bytes than this that are zero or missing may be damage rather than a sector that was not written. Bytes. */
const lostBytesMin = 16;

const newline = 0x0a;

const rowPrefix = '{"event_id":"';

/** Bytes that a file lacks, and where they belong. */
export type Mend = { at: number; bytes: string };

/** What the end of a journal file is. */
export type Tail =
  | { kind: "torn" }
  | { kind: "corrupt"; reason: string }
  /** All of a group but a few bytes, which are known. */
  | { kind: "whole"; commit: Commit; lines: Buffer; mend: Mend };

/**
 * The end of a journal file, in `bytes` from `from` (in) to `to` (out), which no whole group explains; zeros may
 * follow.
 */
type Place = { bytes: Buffer; from: number; to: number; next: Sequence };

/** Judges the end of a journal file. */
export function judgeTail(place: Place): Tail {
  const { bytes, from, to } = place;
  if (to <= from) return { kind: "torn" };
  const sectors = sectorsOf(place);
  if (sectors === undefined) return damaged("zero bytes stand amid others");
  if (sectors.lostBytes === 0) return judgeUnbroken(place);
  const isEnded = endsGroup(bytes.subarray(sectors.lastWritten, to), { next: place.next, groupBytes: to - from });
  if (!isEnded) return endOf(place);
  return sectors.lostBytes < lostBytesMin ? judgeWithoutHead(place, sectors.lostBytes) : { kind: "torn" };
}

const damaged = (reason: string): Tail => ({ kind: "corrupt", reason });

/** A write that was cut ends with the file, or at the end of a sector. */
function endOf({ bytes, to }: Place): Tail {
  return to === bytes.byteLength || to % sectorBytes === 0
    ? { kind: "torn" }
    : damaged("zeros begin amid a sector, where no write was cut");
}

/**
 * How many bytes lie in sectors that were not written, and where the last stretch of those that were begins. Undefined
 * where a sector has zero bytes and others.
 */
function sectorsOf({ bytes, from, to }: Place): { lostBytes: number; lastWritten: number } | undefined {
  let lostBytes = 0;
  let lastWritten = from;
  for (let start = from; start < to; ) {
    const end = Math.min(to, start - (start % sectorBytes) + sectorBytes);
    const sector = bytes.subarray(start, end);
    if (sector.includes(0)) {
      if (sector.some((byte) => byte !== 0)) return undefined;
      lostBytes += sector.byteLength;
      lastWritten = end;
    }
    start = end;
  }
  return { lostBytes, lastWritten };
}

/** A tail without a zero byte: cut at its end, or damaged. */
function judgeUnbroken(place: Place): Tail {
  const { bytes, from, to, next } = place;
  const tail = bytes.subarray(from, to);
  const linesEnd = tail.lastIndexOf(newline) + 1;
  const last = tail.toString("latin1", linesEnd);
  const lines = tail.subarray(0, linesEnd);
  if (isStartOf(last, commitPrefix) && last !== "") {
    const rows = countLines(lines);
    const expected = commitLine({ sequence: next, rows, lines });
    if (!expected.startsWith(last)) return damaged("the last commit line does not match its group");
    const missing = expected.slice(last.length);
    const isProven = missing.length <= afterChecksum.length;
    const isKept = rows > 0 && (isProven || (missing.length < lostBytesMin && endOf(place).kind === "torn"));
    const commit = isKept ? parseCommitLine(expected.trimEnd()) : undefined;
    return commit === undefined ? endOf(place) : { kind: "whole", lines, commit, mend: { at: to, bytes: missing } };
  }
  if (last === "") {
    const lastLine = lines.subarray(lines.lastIndexOf(newline, -2) + 1).toString("latin1", 0, rowPrefix.length);
    return lastLine === rowPrefix && !endsWithCommitLine(lines)
      ? endOf(place)
      : damaged("the last group does not match its commit line");
  }
  return isStartOf(last, rowPrefix) ? endOf(place) : damaged("the last line is neither a row nor a commit line");
}

/** What a commit line ends with behind its checksum. */
const afterChecksum = '"}}\n';

/**
 * A group to its last byte, of which only the first bytes are zeros: it is whole where its checksum proves what they
 * were.
 */
function judgeWithoutHead({ bytes, from, to }: Place, lostBytes: number): Tail {
  const head = rowPrefix.slice(0, lostBytes);
  const group = Buffer.concat([Buffer.from(head), bytes.subarray(from + head.length, to)]);
  const lineStart = group.lastIndexOf(commitPrefix);
  const commit = parseCommitLine(group.toString("latin1", lineStart, group.byteLength - 1));
  const lines = group.subarray(0, lineStart);
  return commit !== undefined && groupChecksum({ ...commit, lines }) === commit.crc32
    ? { kind: "whole", lines, commit, mend: { at: from, bytes: head } }
    : damaged("the first bytes of the last group are zeros");
}

/** Whether a text and a prefix agree as far as both go. */
const isStartOf = (text: string, prefix: string) => text.startsWith(prefix.slice(0, text.length));

function countLines(lines: Buffer): number {
  let rows = 0;
  for (const byte of lines) if (byte === newline) rows++;
  return rows;
}
