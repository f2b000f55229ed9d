import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  atPercentile,
  longest,
  newHistogram,
  packHistogram,
  percentilePoints,
  record,
  sumOf,
  unpackHistogram,
} from "../../bench/load/latency.ts";

function histogramOf(latencies: readonly number[]) {
  const histogram = newHistogram();
  for (const ms of latencies) record(histogram, ms);
  return histogram;
}

const latencies = fc.array(fc.double({ min: 0.001, max: 60_000, noNaN: true }), { minLength: 1 });

test("percentile points rise, begin at 0, stay below 100, and go no further than the values can tell", () => {
  fc.assert(
    fc.property(latencies, (recorded) => {
      const points = percentilePoints(histogramOf(recorded));
      expect(points[0]?.[0]).toBe(0);
      for (const [index, [percentile, ms]] of points.entries()) {
        const [percentileBefore, msBefore] = points[index - 1] ?? [-1, 0];
        expect(percentile).toBeGreaterThan(percentileBefore);
        expect(ms).toBeGreaterThanOrEqual(msBefore);
        expect(1 - percentile / 100).toBeGreaterThan(0.999 / recorded.length);
      }
    }),
  );
});

test("a percentile is the value that so many stayed within, to three digits", () => {
  const histogram = histogramOf(Array.from({ length: 1_000 }, (_, index) => index + 1));
  expect(atPercentile(histogram, 50)).toBeWithin(500, 500.6);
  expect(atPercentile(histogram, 99)).toBeWithin(990, 991.1);
  expect(longest(histogram)).toBeWithin(999.9, 1_001);
});

test("a histogram arrives in another process as it was, and histograms add up", () => {
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const sum = sumOf([left, right].map((each) => unpackHistogram(packHistogram(histogramOf(each)))));
      expect(percentilePoints(sum)).toEqual(percentilePoints(histogramOf([...left, ...right])));
    }),
    { numRuns: 20 },
  );
});

test("of nothing recorded there are no points, and no number", () => {
  const none = unpackHistogram(packHistogram(newHistogram()));
  expect(percentilePoints(sumOf([none]))).toEqual([]);
  expect(atPercentile(none, 99)).toBeNaN();
  expect(longest(none)).toBeNaN();
});

test("a latency past the longest counts as the longest, none at all as a microsecond", () => {
  expect(longest(histogramOf([1e9]))).toBeWithin(599_000, 601_000);
  expect(longest(histogramOf([0, -1]))).toBe(0.001);
});
