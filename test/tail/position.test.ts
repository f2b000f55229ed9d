/** Positions of the tail: short, with one spelling each, and nothing else is taken for one. */
import { expect, test } from "bun:test";
import { type Place, parsePosition, positionText } from "../../src/tail/position.ts";
import { fc } from "../support/property.ts";

const sequence = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
const epoch = fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { nil: undefined });
const place = fc.record({ epoch, position: fc.array(sequence, { maxLength: 40 }) });

/** A shard without events at the end says nothing. */
const trimmed = ({ epoch: run, position }: Place): Place => ({
  epoch: run,
  position: position.slice(0, position.findLastIndex((each) => each > 0) + 1),
});

test("a position comes back as it was, in base64url", () => {
  fc.assert(
    fc.property(place, (value) => {
      const text = positionText(value);
      expect(text).toMatch(/^[\w-]+$/);
      expect(parsePosition(text)).toEqual(trimmed(value));
    }),
  );
});

test("what is changed in any character, cut or made longer is no position", () => {
  fc.assert(
    fc.property(place, fc.nat(), fc.constantFrom("A", "z", "0", "=", " ", "é", ""), (value, where, other) => {
      const text = positionText(value);
      const at = where % text.length;
      const changed = text.slice(0, at) + other + text.slice(at + 1);
      if (changed !== text) expect(parsePosition(changed)).toBeUndefined();
      expect(parsePosition(text + other || "A")).toEqual(other === "" ? trimmed(value) : undefined);
    }),
  );
});

test("any other string is none", () => {
  for (const text of ["", "0", "1-2", "AQ", "null", "x".repeat(100_000)]) expect(parsePosition(text)).toBeUndefined();
  fc.assert(fc.property(fc.string(), (text) => expect(parsePosition(text)).toBeUndefined()));
});

test("one that an earlier release gave out is still read", () => {
  expect(parsePosition("AeBdqEYy8Dg")).toEqual({ epoch: undefined, position: [12_000, 9_000] });
  expect(parsePosition("ARvfBQ")).toEqual({ epoch: undefined, position: [] });
});

test("of two shards it has 16 characters for the first thousands of events", () => {
  expect(positionText({ epoch: 2 ** 32 - 1, position: [12_000, 9_000] })).toHaveLength(16);
});
