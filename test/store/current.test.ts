import { expect, test } from "bun:test";
import { sequence, shardId } from "../../src/base/brand.ts";
import { currentSegments } from "../../src/store/folder/current.ts";
import {
  idLogName,
  journalName,
  parseIdLogName,
  parseJournalName,
  parseSegmentName,
  type SegmentName,
  segmentName,
} from "../../src/store/folder/names.ts";
import { fc } from "../support/property.ts";

const name: fc.Arbitrary<SegmentName> = fc
  .record({
    shard: fc.nat(3),
    from: fc.integer({ min: 1, max: 40 }),
    more: fc.nat(40),
    generation: fc.nat(3),
    format: fc.integer({ min: 2, max: 12 }),
    crc32: fc.nat(0xffffffff),
  })
  .map(({ shard, from, more, generation, format, crc32 }) => ({
    shard: shardId(shard),
    from: sequence(from),
    to: sequence(from + more),
    generation,
    format,
    crc32,
  }));

test("every name reads back as it was built, and no other parser takes it", () => {
  fc.assert(
    fc.property(name, (built) => {
      expect(parseSegmentName(segmentName(built))).toEqual(built);
      expect(parseJournalName(segmentName(built))).toBeUndefined();
      expect(parseJournalName(journalName(built))).toEqual({ shard: built.shard, from: built.from });
      expect(parseIdLogName(idLogName({ shard: built.shard, number: 5 }))).toEqual({ shard: built.shard, number: 5 });
      expect(parseSegmentName(`${segmentName(built)}.tmp`)).toBeUndefined();
    }),
  );
});

test("a segment is replaced when a wider one covers it, and every event stays in a current one", () => {
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (names) => {
      const { current, replaced } = currentSegments(names.map((each) => ({ name: each })));
      expect(current.length + replaced.length).toBe(names.length);
      for (const { name: gone } of replaced)
        expect(
          current.some(({ name: wide }) => wide.shard === gone.shard && wide.from <= gone.from && gone.to <= wide.to),
        ).toBe(true);
    }),
  );
});
