import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { sequence } from "../../src/base/brand.ts";
import { commitLine, commitPrefix, parseCommitLine } from "../../src/journal/format.ts";
import { judgeJournal, rowLines } from "../../src/journal/reader.ts";
import { linesOf, rowAt } from "../support/rows.ts";

const anyTime = Date.UTC(2026, 5, 1);

/** A journal of groups of these sizes, and where each group ends. */
function journalOf(sizes: readonly number[]): { bytes: Buffer; ends: number[] } {
  const pieces: Buffer[] = [];
  const ends: number[] = [];
  let next = 1;
  for (const size of sizes) {
    const group = linesOf(Array.from({ length: size }, () => rowAt(anyTime, { properties: { near: commitPrefix } })));
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
      const whole = ends.filter((end) => end <= cut);
      expect(content.groups.map(({ end }) => end)).toEqual(whole);
      expect(content.soundBytes).toBe(whole.at(-1) ?? 0);
      expect(content.fileBytes).toBe(cut);
      expect(content.corrupt).toEqual([]);
    }
  });

  test("gives the same with zeros behind it, which are no torn end", () => {
    for (let cut = 0; cut <= bytes.byteLength; cut++) {
      const whole = ends.filter((end) => end <= cut).at(-1) ?? 0;
      const padded = judgeJournal(Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(512)]), first);
      expect(padded).toMatchObject({ soundBytes: whole, writtenBytes: cut, fileBytes: cut + 512, corrupt: [] });
    }
  });
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
      // In the last group a change may look like a torn end; anywhere before, it is told as corruption.
      if (hit < ends.length - 1) expect(content.corrupt.length).toBe(1);
      else expect(content.soundBytes < content.fileBytes).toBe(true);
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
