import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sequence } from "../../src/base/brand.ts";
import { commitLine, commitPrefix, parseCommitLine } from "../../src/journal/format.ts";
import { judgeJournal, rowLines } from "../../src/journal/reader.ts";
import { linesOf, rowAt } from "../support/rows.ts";

const anyTime = Date.UTC(2026, 5, 1);

/** Disks write whole sectors. Bytes. */
const blockBytes = 512;

/** What ends a commit line behind its checksum. Bytes. */
const afterChecksumBytes = 4;

/** A journal of groups of these sizes, and where each group ends. */
function journalOf(sizes: readonly number[], session?: string): { bytes: Buffer; ends: number[] } {
  const pieces: Buffer[] = [];
  const ends: number[] = [];
  let next = 1;
  for (const size of sizes) {
    const group = linesOf(
      Array.from({ length: size }, () => rowAt(anyTime, { properties: { near: commitPrefix, session } })),
    );
    pieces.push(Buffer.from(group.lines), Buffer.from(commitLine({ sequence: sequence(next), ...group })));
    next += size;
    ends.push(Buffer.concat(pieces).byteLength);
  }
  return { bytes: Buffer.concat(pieces), ends };
}

const first = sequence(1);
const sizes = [1, 2, 1];

describe("a journal cut anywhere", () => {
  const { bytes, ends } = journalOf(sizes);

  test("gives exactly the groups that were whole, at every cut point", () => {
    for (let cut = 0; cut <= bytes.byteLength; cut++) {
      const content = judgeJournal(bytes.subarray(0, cut), first);
      const whole = ends.filter((end) => end <= cut + afterChecksumBytes);
      expect(content.groups.length).toBe(whole.length);
      expect(content.soundBytes + content.missing.length).toBe(whole.at(-1) ?? 0);
      expect(content.fileBytes).toBe(cut);
      expect(content.corrupt).toEqual([]);
    }
  });

  test("gives the same with zeros behind it, where the cut is at the end of a block", () => {
    const pad = (cut: number) => Buffer.alloc(blockBytes - (cut % blockBytes) + blockBytes);
    for (let shift = 0; shift < blockBytes; shift += 7) {
      const { bytes: shifted, ends: shiftedEnds } = journalOf([1, 2, 1], "s".repeat(shift));
      for (let cut = 0; cut <= shifted.byteLength; cut += blockBytes) {
        const whole = shiftedEnds.filter((end) => end <= cut).at(-1) ?? 0;
        const padded = judgeJournal(Buffer.concat([shifted.subarray(0, cut), pad(cut)]), first);
        expect(padded).toMatchObject({ writtenBytes: cut, corrupt: [] });
        expect(padded.groups.length).toBe(shiftedEnds.filter((end) => end <= cut + afterChecksumBytes).length);
        expect(padded.soundBytes).toBeGreaterThanOrEqual(whole);
      }
      const whole = judgeJournal(Buffer.concat([shifted, pad(shifted.byteLength)]), first);
      expect(whole).toMatchObject({ soundBytes: shifted.byteLength, corrupt: [], missing: "" });
    }
  });

  test("is told as corrupt where zeros begin amid a block: no write is cut there", () => {
    for (let cut = (ends[1] ?? 0) + 1; cut < bytes.byteLength - afterChecksumBytes; cut++) {
      const padded = judgeJournal(Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(2 * blockBytes)]), first);
      expect(padded.groups.length).toBe(2);
      expect(padded.corrupt.length).toBe(cut % blockBytes === 0 ? 0 : 1);
    }
  });
});

describe("B10: a last group that was acknowledged and damaged since", () => {
  const { bytes, ends } = journalOf(sizes);
  const start = ends.at(-2) ?? 0;

  test.each([1, 2, 3, 15])("is never dropped silently: %i zero bytes anywhere in it", (count) => {
    for (const behind of [0, 4 * blockBytes])
      for (let at = start; at + count <= bytes.byteLength; at++) {
        const damaged = Buffer.concat([bytes, Buffer.alloc(behind)]);
        damaged.fill(0, at, at + count);
        const content = judgeJournal(damaged, first);
        const isWhole = content.groups.length === sizes.length;
        // The end of the commit line says nothing that its checksum has not proven.
        if (isWhole) expect(at).toBeGreaterThanOrEqual(bytes.byteLength - afterChecksumBytes);
        else expect(content.corrupt.length).toBe(1);
      }
  });

  test("is never dropped silently: any byte of it changed to any of some others", () => {
    for (const change of [0x01, 0x20, 0x80, 0xff])
      for (let at = start; at < bytes.byteLength; at++) {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        const content = judgeJournal(damaged, first);
        expect(content.groups.length).toBe(sizes.length - 1);
        expect(content.corrupt).toMatchObject([{ offset: start, end: bytes.byteLength }]);
      }
  });
});

test("blocks of a last write that did not reach the disk, in any order, are a torn end", () => {
  const { bytes, ends } = journalOf([1, 40]);
  const [start = 0] = ends;
  const blocks = Math.ceil(bytes.byteLength / blockBytes);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(blocks - 1), { minLength: 1 }), (lost) => {
      const torn = Buffer.concat([bytes, Buffer.alloc(4096)]);
      for (const block of lost)
        torn.fill(0, Math.max(start, block * blockBytes), Math.max(start, (block + 1) * blockBytes));
      const isHit = lost.some(
        (block) => (block + 1) * blockBytes > start + 16 && block * blockBytes < bytes.byteLength - 16,
      );
      fc.pre(isHit);
      const content = judgeJournal(torn, first);
      expect(content.groups.length).toBe(1);
      // So few bytes of a block that they may be damage are told, to be on the safe side.
      const isInDoubt = lost.some((block) => block * blockBytes < start && (block + 1) * blockBytes < start + 16);
      if (!isInDoubt) expect(content.corrupt).toEqual([]);
    }),
  );
});

describe("a journal with one byte changed anywhere", () => {
  const { bytes, ends } = journalOf(sizes);

  test("never gives a group that was changed, and never drops one silently", () => {
    for (let at = 0; at < bytes.byteLength; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const content = judgeJournal(changed, first);
      const hit = ends.findIndex((end) => at < end);
      const expected = ends.filter((_, index) => index !== hit);
      expect(content.groups.map(({ end }) => end)).toEqual(expected);
      expect(content.corrupt.length).toBe(1);
    }
  });

  test("tells a last group that was written to its end and does not check", () => {
    const changed = Buffer.from(bytes);
    changed[(ends.at(-2) ?? 0) + 20] = 0x58;
    expect(judgeJournal(changed, first).corrupt).toMatchObject([{ offset: ends.at(-2), end: bytes.byteLength }]);
  });
});

test("a journal that starts at another sequence than its name is told as corrupt", () => {
  const { bytes } = journalOf([2]);
  expect(judgeJournal(bytes, sequence(2)).groups).toEqual([]);
});

test("a missing group in the middle is told with the sequences that are gone", () => {
  const { bytes, ends } = journalOf([1, 1, 1]);
  const gap = Buffer.concat([bytes.subarray(0, ends[0]), bytes.subarray(ends[1])]);
  const content = judgeJournal(gap, first);
  expect(content.groups.length).toBe(2);
  expect(content.corrupt[0]?.reason).toContain("sequences 2 to 2 are missing");
});

test("any bytes are judged without an error, and groups never overlap", () => {
  const { bytes } = journalOf([1, 1]);
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 40 }).map((some) => Buffer.from(some)),
    fc.nat(bytes.byteLength).chain((from) => fc.nat(bytes.byteLength).map((to) => bytes.subarray(from, to))),
    fc.constant(Buffer.from('{"commit":{"sequence":1,"rows":1,"bytes":99999,"crc32":"00000000"}}\n')),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const content = judgeJournal(Buffer.concat(pieces), first);
      let end = 0;
      for (const group of content.groups) {
        expect(group.offset).toBeGreaterThanOrEqual(end);
        end = group.end;
      }
      expect(content.soundBytes).toBe(end);
    }),
  );
});

test("a commit line reads back as it was written, and no row reads as one", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 1000 }), fc.uint8Array(), (at, rows, lines) => {
      const line = commitLine({ sequence: sequence(at + 1), rows, lines });
      expect(parseCommitLine(line.trimEnd())).toMatchObject({
        sequence: sequence(at + 1),
        rows,
        bytes: lines.byteLength,
      });
    }),
  );
  expect(parseCommitLine(rowAt(anyTime).line)).toBeUndefined();
});

test("the lines of a group come one by one, without their ends", () => {
  expect([...rowLines(Buffer.from("a\nbc\n"))].map(String)).toEqual(["a", "bc"]);
});
