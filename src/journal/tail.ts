/**
 * Judges what follows the last whole group of a journal file: a torn write, or a group that was acknowledged and
 * damaged later. A torn write is cut; damage must be reported. In doubt the bytes count as damage or are kept.
 *
 * How a write is torn:
 * - The file ends within it, because the process was killed or the disk was full.
 * - Some of its sectors, in any order, did not reach the disk before the power failed. A missing sector still holds
 *   zeros from where the group begins, because the file was filled with zeros ahead. If the last written sector is not
 *   full, the group ends in it, with its commit line or the end of it.
 * - In no other way: a torn write leaves no zero byte among others, and no line of an unknown kind.
 *
 * If fewer bytes than `lostBytesMin` are missing, damage may have taken them. The rest of the group is there, so it is
 * kept whole if the missing bytes are known: the beginning of its first row, or the end of its commit line.
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

/** Disks write whole sectors, and no page of a file system is smaller than one. Bytes. */
const sectorBytes = 512;

/** If fewer bytes than this are zero or missing, the cause may be damage and not an unwritten sector. Bytes. */
const lostBytesMin = 16;

const newline = 0x0a;

const rowPrefix = '{"event_id":"';

/** Bytes that are missing from a file, and their offset. */
export type Mend = { at: number; bytes: string };

/** What the end of a journal file is. */
export type Tail =
  | { kind: "torn" }
  | { kind: "corrupt"; reason: string }
  /** A group without a few bytes, whose values are known. */
  | { kind: "whole"; commit: Commit; lines: Buffer; mend: Mend };

/**
 * The end of a journal file that belongs to no whole group: `bytes` from `from` (included) to `to` (excluded). Zeros
 * may follow.
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

/** A torn write ends with the file, or at the end of a sector. */
function endOf({ bytes, to }: Place): Tail {
  return to === bytes.byteLength || to % sectorBytes === 0
    ? { kind: "torn" }
    : damaged("zeros begin amid a sector, where no write was cut");
}

/**
 * How many bytes lie in unwritten sectors, and where the last run of written sectors begins. Undefined if a sector has
 * both zero bytes and others.
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

/** Judges a tail without a zero byte: its end is missing, or it is damaged. */
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

/** The end of a commit line, after its checksum. */
const afterChecksum = '"}}\n';

/**
 * Judges a group that is complete but for zeros in its first bytes: it is whole if its checksum proves their values.
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

/** Whether a string and a prefix agree up to the end of the shorter one. */
const isStartOf = (text: string, prefix: string) => text.startsWith(prefix.slice(0, text.length));

function countLines(lines: Buffer): number {
  let rows = 0;
  for (const byte of lines) if (byte === newline) rows++;
  return rows;
}
