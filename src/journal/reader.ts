/**
 * Reads a journal file back and judges every byte of it.
 *
 * Invariants:
 * - A group is returned only when its commit line, its length, its checksum and its place in the sequence all agree.
 * - Only what follows the last whole group can be a torn tail. Anything wrong before that is corruption: reported with
 *   its place, never repaired by guessing.
 * - Rows without a commit line are not a group. At the end, if they look like an interrupted write (`tail.ts`), they
 *   were never acknowledged. Anything else at the end is corruption, too.
 */
import { readFileSync } from "node:fs";
import { type Sequence, sequence } from "../base/brand.ts";
import { type Commit, commitPrefix, groupChecksum, parseCommitLine } from "./format.ts";
import { judgeTail, type Mend, type Tail } from "./tail.ts";

/** A whole group: its place in the file and its lines. */
export type ReadGroup = { commit: Commit; offset: number; end: number; lines: Buffer };

/** A stretch of bytes that belongs to no whole group. */
type CorruptStretch = { offset: number; end: number; reason: string };

/** What a journal file holds. */
export type JournalContent = {
  groups: ReadGroup[];
  /** Where the last whole group ends; zeros, a torn write or damage may follow. Bytes. */
  soundBytes: number;
  /** Where the zeros at the end begin; past `soundBytes`, the end is torn or corrupt. Bytes. */
  writtenBytes: number;
  /** Size of the file, with the zeros at its end. Bytes. */
  fileBytes: number;
  corrupt: CorruptStretch[];
  /**
   * The missing bytes of the last group, and their place; undefined when none are missing. `soundBytes` counts them.
   */
  mend: Mend | undefined;
};

const newline = 0x0a;

/**
 * Reads a whole journal file; `first` is the sequence that its name gives to its first row.
 * A file is at most one flush long, so it is read at once.
 * @throws the system's error when it cannot be read
 */
export function readJournal(path: string, first: Sequence): JournalContent {
  return judgeJournal(readFileSync(path), first);
}

/** `readJournal` for bytes that are already in memory. */
export function judgeJournal(bytes: Buffer, first: Sequence): JournalContent {
  const groups: ReadGroup[] = [];
  const corrupt: CorruptStretch[] = [];
  let soundBytes = 0;
  let expected = first;
  /** End of the last commit line that does not match its group. Bytes. */
  let closed = 0;
  for (const { commit, lineStart, lineEnd } of commitLines(bytes)) {
    const offset = lineStart - commit.bytes;
    const reason = faultOf({ bytes, commit, offset, lineStart, soundBytes, expected });
    if (reason === "bad group") {
      closed = lineEnd;
      continue;
    }
    if (reason !== undefined) corrupt.push({ offset: soundBytes, end: offset, reason });
    groups.push({ commit, offset, end: lineEnd, lines: bytes.subarray(offset, lineStart) });
    soundBytes = lineEnd;
    expected = sequence(commit.sequence + commit.rows);
  }
  const writtenBytes = Math.max(soundBytes, endOfWritten(bytes));
  // Bytes follow the bad group, so it was durable when the next group was begun: this is damage, not a torn write.
  const tail: Tail =
    closed > soundBytes && closed < writtenBytes
      ? { kind: "corrupt", reason: "a group that was written to its end does not match its commit line" }
      : judgeTail({ bytes, from: soundBytes, to: writtenBytes, next: expected });
  const fileBytes = bytes.byteLength;
  if (tail.kind === "whole") {
    const { commit, lines, mend } = tail;
    const end = Math.max(writtenBytes, mend.at + mend.bytes.length);
    groups.push({ commit, offset: soundBytes, end, lines });
    return { groups, soundBytes: end, writtenBytes, fileBytes, corrupt, mend };
  }
  if (tail.kind === "corrupt") corrupt.push({ offset: soundBytes, end: writtenBytes, reason: tail.reason });
  return { groups, soundBytes, writtenBytes, fileBytes, corrupt, mend: undefined };
}

/**
 * The bytes of a journal file up to the end of its last whole group, with the missing bytes of that group filled in.
 */
export function soundBytesOf(bytes: Buffer, { soundBytes, mend }: JournalContent): Buffer {
  if (mend === undefined) return bytes.subarray(0, soundBytes);
  const sound = Buffer.alloc(soundBytes);
  bytes.copy(sound);
  sound.write(mend.bytes, mend.at, "latin1");
  return sound;
}

/** Where the zeros at the end begin. */
function endOfWritten(bytes: Buffer): number {
  let end = bytes.byteLength;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}

/** All lines of the file that parse as commit lines, whatever surrounds them. */
function* commitLines(bytes: Buffer): Generator<{ commit: Commit; lineStart: number; lineEnd: number }> {
  const prefix = Buffer.from(commitPrefix);
  let at = bytes.indexOf(prefix);
  while (at !== -1) {
    const end = bytes.indexOf(newline, at);
    if (end === -1) return;
    const startsLine = at === 0 || bytes[at - 1] === newline;
    const commit = startsLine ? parseCommitLine(bytes.toString("latin1", at, end)) : undefined;
    if (commit !== undefined) yield { commit, lineStart: at, lineEnd: end + 1 };
    at = bytes.indexOf(prefix, commit === undefined ? at + 1 : end);
  }
}

/**
 * What is wrong with the group of a commit line: undefined for nothing, "bad group" when the group itself cannot be
 * trusted, otherwise what is wrong between it and the group before it.
 */
function faultOf(place: {
  bytes: Buffer;
  commit: Commit;
  offset: number;
  lineStart: number;
  soundBytes: number;
  expected: Sequence;
}): string | undefined {
  const { bytes, commit, offset, lineStart, soundBytes, expected } = place;
  if (offset < soundBytes || commit.rows === 0 || commit.sequence < expected) return "bad group";
  const lines = bytes.subarray(offset, lineStart);
  if (lines[lines.byteLength - 1] !== newline || groupChecksum({ ...commit, lines }) !== commit.crc32)
    return "bad group";
  if (offset > soundBytes) return `bytes ${soundBytes} to ${offset} belong to no whole group`;
  if (commit.sequence !== expected) return `sequences ${expected} to ${commit.sequence - 1} are missing`;
  return undefined;
}

/** The row lines of a group, without their newlines. */
export function* rowLines(lines: Buffer): Generator<Buffer> {
  let start = 0;
  while (start < lines.byteLength) {
    const end = lines.indexOf(newline, start);
    yield lines.subarray(start, end);
    start = end + 1;
  }
}
