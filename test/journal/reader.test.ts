import { describe, expect, test } from "bun:test";
import { sequence } from "../../src/base/brand.ts";
import { commitLine, commitPrefix, parseCommitLine } from "../../src/journal/format.ts";
import { judgeJournal, rowLines, soundBytesOf } from "../../src/journal/reader.ts";
import { draws, fc } from "../support/property.ts";
import { linesOf, rowAt } from "../support/rows.ts";

const anyTime = Date.UTC(2026, 5, 1);

/** Disks write whole sectors. Bytes. */
const sectorBytes = 512;

/** What ends a commit line behind its checksum. Bytes. */
const afterChecksumBytes = 4;

/** A group that lacks no more than this of its end is kept: it may have been acknowledged. Bytes. */
const keptWithoutBytes = 15;

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
      const whole = ends.filter((end) => end <= cut + keptWithoutBytes);
      expect(content.groups.length).toBe(whole.length);
      expect(content.soundBytes).toBe(whole.at(-1) ?? 0);
      expect(soundBytesOf(bytes.subarray(0, cut), content)).toEqual(bytes.subarray(0, whole.at(-1) ?? 0));
      expect(content.fileBytes).toBe(cut);
      expect(content.corrupt).toEqual([]);
    }
  });

  test("gives the same with zeros behind it, where the cut is at the end of a block", () => {
    const pad = (cut: number) => Buffer.alloc(sectorBytes - (cut % sectorBytes) + sectorBytes);
    for (let shift = 0; shift < sectorBytes; shift += 7) {
      const { bytes: shifted, ends: shiftedEnds } = journalOf([1, 2, 1], "s".repeat(shift));
      for (let cut = 0; cut <= shifted.byteLength; cut += sectorBytes) {
        const whole = shiftedEnds.filter((end) => end <= cut).at(-1) ?? 0;
        const padded = judgeJournal(Buffer.concat([shifted.subarray(0, cut), pad(cut)]), first);
        expect(padded).toMatchObject({ writtenBytes: cut, corrupt: [] });
        expect(padded.groups.length).toBe(shiftedEnds.filter((end) => end <= cut + keptWithoutBytes).length);
        expect(padded.soundBytes).toBeGreaterThanOrEqual(whole);
      }
      const whole = judgeJournal(Buffer.concat([shifted, pad(shifted.byteLength)]), first);
      expect(whole).toMatchObject({ soundBytes: shifted.byteLength, corrupt: [], mend: undefined });
    }
  });

  test("is told as corrupt where zeros begin amid a block: no write is cut there", () => {
    for (let cut = (ends[1] ?? 0) + 1; cut < bytes.byteLength - afterChecksumBytes; cut++) {
      const padded = judgeJournal(Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(2 * sectorBytes)]), first);
      expect(padded.groups.length).toBe(2);
      expect(padded.corrupt.length).toBe(cut % sectorBytes === 0 ? 0 : 1);
    }
  });
});

describe("B10: a last group that was acknowledged and damaged since", () => {
  const { bytes, ends } = journalOf(sizes);
  const start = ends.at(-2) ?? 0;

  test.each([1, 2, 3, 15])("is never dropped silently: %i zero bytes anywhere in it", (count) => {
    for (const behind of [0, 4 * sectorBytes])
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

  test("is never dropped silently: zero bytes at the edge of a sector or of the group, wherever it begins in a sector", () => {
    for (let shift = 0; shift < sectorBytes; shift++) {
      const { bytes: shifted, ends: shiftedEnds } = journalOf([1, 1], "s".repeat(shift));
      const [from = 0] = shiftedEnds;
      const edges = [from, shifted.byteLength];
      for (let at = from; at < shifted.byteLength; at++) if (at % sectorBytes === 0) edges.push(at);
      for (const edge of edges)
        for (const [at, end] of [1, 2, 13, 15].flatMap((count) => [
          [edge, edge + count] as const,
          [edge - count, edge] as const,
        ])) {
          if (at < from || end > shifted.byteLength) continue;
          const damaged = Buffer.concat([shifted, Buffer.alloc(sectorBytes)]);
          damaged.fill(0, at, end);
          const content = judgeJournal(damaged, first);
          const isKept = content.groups.length === 2 && soundBytesOf(damaged, content).equals(shifted);
          expect({ at, end, isTold: isKept || content.corrupt.length === 1 }).toEqual({ at, end, isTold: true });
        }
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

describe("a power cut in the write of a group that was never acknowledged", () => {
  /**
   * A journal whose last group was written over zeros, up to `reserved` bytes, and of which these sectors were lost.
   */
  const cutIn = (bytes: Buffer, from: number, { lost, behind }: { lost: (at: number) => boolean; behind: number }) => {
    const torn = Buffer.concat([bytes, Buffer.alloc(behind)]);
    for (let at = from; at < bytes.byteLength; at++) if (lost(Math.floor(at / sectorBytes))) torn[at] = 0;
    return torn;
  };

  test("is a torn end, silently, whichever of its sectors were lost; the groups before it are whole", () => {
    const plan = fc.record({
      shift: fc.nat(sectorBytes),
      rows: fc.constantFrom(1, 1, 2, 3, 40),
      lost: fc
        .infiniteStream(fc.boolean())
        .map((stream) => Array.from({ length: 80 }, () => stream.next().value === true)),
      behind: fc.constantFrom(0, 1, 4096, 6000),
    });
    fc.assert(
      fc.property(plan, ({ shift, rows, lost, behind }) => {
        const { bytes, ends } = journalOf([1, rows], "s".repeat(shift));
        const [start = 0] = ends;
        const torn = cutIn(bytes, start, { lost: (sector) => lost[sector % lost.length] === true, behind });
        const content = judgeJournal(torn, first);
        const isInDoubt = isHeadOfUnknownBytes(bytes, torn, start);
        expect(content.corrupt.length).toBe(isInDoubt ? 1 : 0);
        // The last group is cut or whole as it was sent, never anything between.
        const sound = soundBytesOf(torn, content);
        expect(sound).toEqual(bytes.subarray(0, content.groups.length === 2 ? bytes.byteLength : start));
        expect(content.groups.map(({ lines }) => lines.at(-1))).toEqual(content.groups.map(() => 0x0a));
      }),
      draws(1_000),
    );
  });

  /** Whether all that was lost is 14 or 15 bytes at the beginning of the group: an id of the client is among them. */
  const isHeadOfUnknownBytes = (bytes: Buffer, torn: Buffer, start: number) => {
    const lost = [...bytes.keys()].filter((at) => torn[at] !== bytes[at]);
    return (lost.length === 14 || lost.length === 15) && lost[0] === start && lost.at(-1) === start + lost.length - 1;
  };

  test("is a torn end, whichever sector alone was lost, at every place where the group can begin in a sector", () => {
    let whole = 0;
    for (let shift = 0; shift < sectorBytes; shift++) {
      const { bytes, ends } = journalOf([1, 1], "s".repeat(shift));
      const [start = 0] = ends;
      for (let sector = Math.floor(start / sectorBytes); sector * sectorBytes < bytes.byteLength; sector++) {
        const torn = cutIn(bytes, start, { lost: (each) => each === sector, behind: 4096 });
        const content = judgeJournal(torn, first);
        expect({ shift, sector, corrupt: content.corrupt.length }).toEqual({
          shift,
          sector,
          corrupt: isHeadOfUnknownBytes(bytes, torn, start) ? 1 : 0,
        });
        if (content.groups.length === 2) expect(soundBytesOf(torn, content)).toEqual(bytes);
        whole += content.groups.length - 1;
      }
    }
    // Where few bytes were lost, and are known: up to 13 of a first row, up to 15 of a commit line.
    expect(whole).toBeGreaterThan(13);
  });

  test("tells damage in the acknowledged group before it", () => {
    const { bytes, ends } = journalOf([1, 1, 2]);
    const [before = 0, start = 0] = ends;
    for (let cut = start + 1; cut < bytes.byteLength; cut++)
      for (const behind of [0, sectorBytes - (cut % sectorBytes)]) {
        const damaged = Buffer.concat([bytes.subarray(0, cut), Buffer.alloc(behind)]);
        damaged[before + 40] = 0x58;
        expect(judgeJournal(damaged, first).corrupt.length).toBe(1);
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
