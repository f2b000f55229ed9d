import { expect, test } from "bun:test";
import { median } from "../../bench/core/method.ts";
import type { Figure, Run } from "../../bench/core/result.ts";
import { compareRuns, exceedsNoise, type KeptRun, parseKeptRun } from "../../bench/report/compare.ts";
import { fc } from "../support/property.ts";
import { figure, result, sampleRun } from "./sample-run.ts";

/** As a run is after it was kept and read. */
const kept = (run: Run): KeptRun => parseKeptRun(JSON.stringify(run));
const runOf = (...figures: Figure[]) => sampleRun({ results: [result({ figures })] });
const verdictOf = (now: Figure, earlier: Figure) =>
  compareRuns(runOf(now), kept(runOf(earlier))).comparisons.map(({ verdict }) => verdict);

const value = fc.double({ min: 0.001, max: 1e6, noNaN: true });
const rounds = fc.array(value, { minLength: 1, maxLength: 9 });
const range = (values: readonly number[]) => Math.max(...values) - Math.min(...values);

test("a run never differs from itself", () => {
  const run = sampleRun();
  const { comparisons, vanished, added, differences } = compareRuns(run, kept(run));
  expect(comparisons.map(({ verdict }) => verdict)).toEqual(comparisons.map(() => "within noise"));
  expect(comparisons.length).toBe(run.results[0]?.figures.length ?? Number.NaN);
  expect({ vanished, added, differences }).toEqual({ vanished: [], added: [], differences: [] });
  fc.assert(fc.property(rounds, (samples) => !exceedsNoise(samples, samples)));
});

test("the order of the rounds changes nothing, nor does which of the two runs is the wider one", () => {
  fc.assert(
    fc.property(rounds, rounds, (a, b) => {
      expect(exceedsNoise(a.toReversed(), b)).toBe(exceedsNoise(a, b));
    }),
  );
});

test("a shift past both ranges and a twentieth of the median is always told, with its direction", () => {
  const threeOrMore = fc.array(value, { minLength: 3, maxLength: 9 });
  fc.assert(
    fc.property(threeOrMore, threeOrMore, fc.double({ min: 1.01, max: 5, noNaN: true }), (earlier, spread, times) => {
      const least = Math.max(range(earlier), range(spread), median(earlier) / 20);
      const shift = median(earlier) + least * times - median(spread);
      const now = spread.map((sample) => sample + shift);
      expect(exceedsNoise(now, earlier)).toBe(true);
      expect(verdictOf(figure({ samples: now }), figure({ samples: earlier }))).toEqual(["better"]);
      const lower = { better: "lower" } as const;
      expect(verdictOf(figure({ ...lower, samples: now }), figure({ ...lower, samples: earlier }))).toEqual(["worse"]);
      const neither = { better: "neither" } as const;
      expect(verdictOf(figure({ ...neither, samples: now }), figure({ ...neither, samples: earlier }))).toEqual([
        "differs",
      ]);
    }),
  );
});

test("a shift within the range of either run is noise", () => {
  expect(exceedsNoise([100, 130, 160], [90, 100, 110])).toBe(false);
  expect(exceedsNoise([130, 131, 132], [80, 100, 120])).toBe(false);
  expect(exceedsNoise([130, 131, 132], [90, 100, 110])).toBe(true);
});

test("rounds that agree with one another do not make a difference of two percent one", () => {
  expect(exceedsNoise([102, 102, 102], [100, 100, 100])).toBe(false);
});

test("fewer than three rounds know no noise: only a quarter more or less is told", () => {
  expect(exceedsNoise([120], [100])).toBe(false);
  expect(exceedsNoise([130], [100])).toBe(true);
  expect(exceedsNoise([120, 120, 120], [100, 100])).toBe(false);
});

test("figures are the same by scenario, side, name and events a request; what came and what went is told", () => {
  const now = runOf(figure({ samples: [1] }), figure({ eventsPerRequest: 100, samples: [2] }), figure({ name: "new" }));
  const earlier = runOf(
    figure({ eventsPerRequest: 100, samples: [2] }),
    figure({ samples: [1] }),
    figure({ name: "old" }),
  );
  const compared = compareRuns(now, kept(earlier));
  expect(compared.comparisons.map((one) => [one.eventsPerRequest, one.earlier, one.now])).toEqual([
    [1, 1, 1],
    [100, 2, 2],
  ]);
  expect(compared.added).toEqual(["single-64: millrace, new, 1 a request"]);
  expect(compared.vanished).toEqual(["single-64: millrace, old, 1 a request"]);
});

test("a figure that lost its numbers has vanished", () => {
  const compared = compareRuns(runOf(figure({ samples: [Number.NaN] })), kept(runOf(figure())));
  expect(compared).toMatchObject({ comparisons: [], vanished: ["single-64: millrace, events/s, 1 a request"] });
});

test("a scenario that is in one run only is named, its figures are not", () => {
  expect(compareRuns(sampleRun(), kept(sampleRun({ results: [] }))).added).toEqual(["all of single-64"]);
  const compared = compareRuns(sampleRun({ results: [] }), kept(sampleRun()));
  expect(compared).toMatchObject({ scenariosNotRun: ["single-64"], vanished: [], comparisons: [] });
});

test("on another machine, or with other versions, only shares and sizes are compared", () => {
  const now = runOf(figure(), figure({ name: "share", unit: "share" }), figure({ name: "size", unit: "bytes/event" }));
  const { record } = now;
  const others = [
    { ...record, machine: { ...record.machine, cores: 64 } },
    { ...record, versions: { ...record.versions, Bun: "1.4.4" } },
  ];
  for (const other of others) {
    const compared = compareRuns(now, kept({ ...now, record: other }));
    expect(compared.onlyShares).toBe(true);
    expect(compared.comparisons.map(({ name }) => name)).toEqual(["share", "size"]);
  }
  expect(compareRuns(now, kept({ ...now, record: others[0] ?? record })).differences).toEqual(["cores 2, was 64"]);
});

test("other settings are told, and compared all the same", () => {
  const now = sampleRun();
  const settings = { ...now.record.settings, rounds: 7 };
  const compared = compareRuns(now, kept({ ...now, record: { ...now.record, settings } }));
  expect(compared).toMatchObject({ differences: ["rounds not given, was 7"], onlyShares: false });
});

test("a round without a number is left out", () => {
  expect(verdictOf(figure({ samples: [1, Number.NaN, 1, 1] }), figure({ samples: [1, 1, 1, Number.NaN] }))).toEqual([
    "within noise",
  ]);
});

test("what is no run is refused with the place where it is not", () => {
  expect(() => parseKeptRun(JSON.stringify({ ...sampleRun(), format: 2 }))).toThrow("/format");
  expect(() => parseKeptRun("{")).toThrow();
});
