import { expect, test } from "bun:test";
import {
  atPercentile,
  histogramOf,
  longest,
  newHistogram,
  percentilePoints,
  record,
  sumOf,
} from "../../bench/load/latency.ts";
import { draws, fc } from "../support/property.ts";

function recorded(latencies: readonly number[]) {
  const histogram = newHistogram();
  for (const ms of latencies) record(histogram, ms);
  return histogram;
}

const latencies = fc.array(fc.double({ min: 0.001, max: 60_000, noNaN: true }), { minLength: 1 });

test("percentile points rise, begin at 0, stay below 100, and go no further than the values can tell", () => {
  fc.assert(
    fc.property(latencies, (sample) => {
      const points = percentilePoints(recorded(sample));
      expect(points[0]?.[0]).toBe(0);
      for (const [index, [percentile, ms]] of points.entries()) {
        const [percentileBefore, msBefore] = points[index - 1] ?? [-1, 0];
        expect(percentile).toBeGreaterThan(percentileBefore);
        expect(ms).toBeGreaterThanOrEqual(msBefore);
        expect(1 - percentile / 100).toBeGreaterThan(0.999 / sample.length);
      }
    }),
  );
});

test("a percentile is the value that so many stayed within, to three digits", () => {
  const histogram = recorded(Array.from({ length: 1_000 }, (_, index) => index + 1));
  expect(atPercentile(histogram, 50)).toBeWithin(500, 500.6);
  expect(atPercentile(histogram, 99)).toBeWithin(990, 991.1);
  expect(longest(histogram)).toBeWithin(999.9, 1_001);
});

test("a histogram is made of buckets, and histograms add up", () => {
  const asBuckets = (sample: readonly number[]) => sample.map((ms): [number, number] => [Math.round(ms * 1e3), 1]);
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const sum = sumOf([left, right].map((each) => histogramOf(asBuckets(each))));
      expect(percentilePoints(sum)).toEqual(percentilePoints(recorded([...left, ...right])));
    }),
    draws(20),
  );
  expect(
    histogramOf([
      [500, 3],
      [700, 2],
    ]).totalCount,
  ).toBe(5);
});

test("of nothing recorded there are no points, and no number", () => {
  const none = histogramOf([]);
  expect(percentilePoints(sumOf([none]))).toEqual([]);
  expect(atPercentile(none, 99)).toBeNaN();
  expect(longest(none)).toBeNaN();
});

test("a latency past the longest counts as the longest, none at all as a microsecond", () => {
  expect(longest(recorded([1e9]))).toBeWithin(599_000, 601_000);
  expect(longest(recorded([0, -1]))).toBe(0.001);
});
