import { expect, test } from "bun:test";
import { inTurn } from "../../bench/core/method.ts";
import { parseWork } from "../../bench/floors/work.ts";
import { barsOf, figuresOf, remarksOf, shareName } from "../../bench/peers/side-figures.ts";
import { compare, type Measured } from "../../bench/peers/sides.ts";
import { fc } from "../support/property.ts";

const measured = (eventsPerSecond: number, rest: Partial<Measured> = {}): Measured => ({
  eventsPerSecond,
  p99Ms: 5,
  version: undefined,
  audit: undefined,
  warnings: [],
  ...rest,
});

const sides = [
  { side: { name: "millrace", waitsFor: "fsync" as const }, rounds: [measured(200), measured(300)] },
  { side: { name: "slow", waitsFor: "memory" as const }, rounds: [measured(100), measured(50)] },
  {
    side: { name: "disk", waitsFor: "nothing kept" as const },
    rounds: [measured(400, { p99Ms: undefined }), measured(400, { p99Ms: undefined })],
  },
];

test("a share is taken within a round, and no side has one of itself", () => {
  const shares = figuresOf(sides, "batch").filter(({ unit }) => unit === "share");
  expect(shares.map(({ side, name, samples }) => [side, name, samples])).toEqual([
    ["millrace", shareName("slow", "batch"), [2, 6]],
    ["millrace", shareName("disk", "batch"), [0.5, 0.75]],
  ]);
});

test("every figure says how many events a request carries and, but for shares, what its answer waited for", () => {
  const figures = figuresOf(sides, "single");
  expect(figures.every(({ eventsPerRequest }) => eventsPerRequest === 1)).toBe(true);
  expect(figures.filter(({ unit }) => unit !== "share").every(({ waitsFor }) => waitsFor !== undefined)).toBe(true);
});

test("no two figures of a side have one name, and a side without requests has no latency", () => {
  const figures = [...figuresOf(sides, "single"), ...figuresOf(sides, "batch")];
  expect(new Set(figures.map(({ side, name }) => `${side} ${name}`)).size).toBe(figures.length);
  expect(figures.filter(({ side, unit }) => side === "disk" && unit === "ms")).toEqual([]);
});

test("bars are medians and say what the answer waited for", () => {
  const plot = barsOf(sides, "batch");
  expect(plot).toMatchObject({
    kind: "bars",
    bars: [
      { name: "millrace", value: 250, note: "answer waits for fsync" },
      { name: "slow", value: 75, note: "answer waits for memory" },
      { name: "disk", value: 400, note: "nothing kept" },
    ],
  });
});

test("every audit is told, and a warning once", () => {
  const rounds = [measured(1, { audit: "1 stored", warnings: ["amiss"] }), measured(1, { warnings: ["amiss"] })];
  const side = { name: "x", waitsFor: "memory" as const };
  expect(remarksOf([{ side, rounds }])).toEqual({ audits: ["1 stored"], warnings: ["amiss"] });
});

test("a peer's count adds up exactly when it holds all it acknowledged and no more than was sent", () => {
  const counts = fc.record({
    acknowledged: fc.nat(20_000),
    unansweredMax: fc.nat(9_000),
    stored: fc.nat(40_000),
  });
  fc.assert(
    fc.property(counts, (ledger) => {
      const { acknowledged, unansweredMax, stored } = ledger;
      const isWell = stored >= acknowledged && stored <= acknowledged + unansweredMax;
      const { warnings } = compare("a peer", ledger);
      expect(warnings).toHaveLength(isWell ? 0 : 1);
      expect(warnings.every((warning) => warning.startsWith("a peer "))).toBe(true);
    }),
  );
});

test("who goes first goes last in the next round, and everybody goes once", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.nat(20), (names, round) => {
      expect(inTurn(names, round).toSorted()).toEqual(names.toSorted());
      expect(inTurn(names, round + 1)).toEqual(inTurn(names, round).toReversed());
    }),
  );
});

test("a floor's result is read, and half of one is an error", () => {
  expect(parseWork('{"bodies":500,"microseconds":2000000}\n')).toEqual({ bodiesPerSecond: 250 });
  expect(() => parseWork("")).toThrow("no result");
  expect(() => parseWork('{"bodies":500,"microseconds":0}\n')).toThrow("no result");
});
