import { expect, test } from "bun:test";
import { compareRuns, parseKeptRun } from "../../bench/report/compare.ts";
import { lineColours, textColour, widthPx } from "../../bench/report/drawing.ts";
import { reportHtml } from "../../bench/report/html.ts";
import { plotRows } from "../../bench/report/plot-table.ts";
import { goalRows, numberText } from "../../bench/report/rows.ts";
import { plotSvg, thinned } from "../../bench/report/svg.ts";
import { reportText, tableLines } from "../../bench/report/text.ts";
import { fc } from "../support/property.ts";
import { plots, result, sampleRun } from "./sample-run.ts";

const run = sampleRun();
const compared = compareRuns(run, parseKeptRun(JSON.stringify(run)));

/** The elements of a text that a parser finds, and whether each that was opened is closed again. */
function isWellFormed(markup: string): boolean {
  const open: string[] = [];
  for (const [, closing, name, alone] of markup.matchAll(/<(\/?)([a-zA-Z][\w-]*)[^<>]*?(\/?)>/g)) {
    if (closing === "/" && open.pop() !== name) return false;
    if (closing === "" && alone === "" && name !== undefined && name !== "meta") open.push(name);
  }
  return open.length === 0;
}

test("the text and the page tell goals, failures, warnings, audits, what was skipped and what was compared", () => {
  for (const report of [reportText(run, compared), reportHtml(run, compared)]) {
    expect(report).toContain("MISSED");
    expect(report).toContain("reached");
    expect(report).toContain("NOT MEASURED");
    expect(report).toContain("batch-64 (audit): 3 of 100 acknowledged events are lost");
    expect(report).toContain("The machine was busy before the start");
    expect(report).toContain("single-64: the generator took 0.9 of a core");
    expect(report).toContain("1,204,400 events acknowledged, stored, none twice");
    expect(report).toContain("influxdb: not installed here");
    expect(report).toContain("within noise");
    expect(report).toContain("p50 0.700 ms, p99 2.31 ms before");
    expect(report).toContain("40,000 - 43,000");
  }
});

test("a run without warnings, goals and failures has no empty chapters", () => {
  const bare = sampleRun({ results: [], failures: [], record: { ...run.record, warnings: [] } });
  expect(reportText(bare, undefined)).not.toContain("##");
  expect(reportHtml(bare, undefined).match(/<h2>[^<]*/g)).toEqual(["<h2>Method"]);
});

test("the page asks nothing of the network and runs nothing", () => {
  const page = reportHtml(run, compared);
  expect(page).not.toContain("<script");
  expect(page).not.toContain("@import");
  expect(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(/(src|href)="[^#]|url\(|https?:/);
});

test("names of sides and scenarios cannot break the page", () => {
  const page = reportHtml(run, compared);
  expect(page).not.toContain("<fast>");
  expect(page).not.toContain("<FastAPI");
  expect(isWellFormed(page)).toBe(true);
});

test("every plot says in words what it shows, and has its numbers beside it", () => {
  for (const plot of plots) {
    const svg = plotSvg(plot);
    expect(svg).toStartWith('<svg xmlns="http://www.w3.org/2000/svg"');
    expect(svg).toContain('role="img"');
    expect(svg).toMatch(/<title>[^<]+<\/title><desc>[^<]+<\/desc>/);
    expect(isWellFormed(svg)).toBe(true);
    expect(plotRows(plot).rows.length).toBeWithin(1, 63);
  }
  expect(reportHtml(run, undefined).match(/<details>/g)).toHaveLength(plots.length);
});

test("whatever is measured, no place in the picture is not a number, and none lies outside of it", () => {
  // Nothing that is measured is nearer to nothing than a billionth.
  const measured = fc.double({ min: -1e12, max: 1e12 }).map((value) => (Math.abs(value) < 1e-9 ? 0 : value));
  const number = fc.oneof(measured, fc.constantFrom(0, 1, 100, 1e-9, Number.NaN, Number.POSITIVE_INFINITY));
  const point = fc.tuple(number, number);
  const lines = fc.array(fc.record({ name: fc.string(), points: fc.array(point, { maxLength: 20 }) }), {
    maxLength: 8,
  });
  const common = { title: fc.string(), unit: fc.string(), lines };
  const plot = fc.oneof(
    fc.record({ kind: fc.constant("percentiles" as const), title: fc.string(), lines }),
    fc.record({ kind: fc.constant("over time" as const), ...common }),
    fc.record({ kind: fc.constant("against size" as const), xName: fc.string(), ...common }),
  );
  fc.assert(
    fc.property(plot, (any) => {
      const svg = plotSvg(any);
      const height = Number(/height="([\d.]+)"/.exec(svg)?.[1]);
      const places = [...svg.matchAll(/points="([^"]*)"/g)].flatMap(([, points]) => points?.match(/\S+/g) ?? []);
      for (const [x, y] of places.map((place) => place.split(",").map(Number))) {
        expect(x).toBeWithin(0, widthPx + 0.1);
        expect(y).toBeWithin(0, height);
      }
      expect(svg).not.toMatch(/(x|y|width|height|points)="[^"]*(NaN|Infinity)/);
    }),
  );
});

test("a plot of nothing says so", () => {
  expect(plotSvg({ kind: "over time", title: "t", unit: "MB", lines: [] })).toContain("no points");
  expect(plotSvg({ kind: "bars", title: "t", unit: "MB", bars: [] })).toContain("<svg");
});

test("lines of many points lose no peak", () => {
  const points = Array.from({ length: 10_000 }, (_, x): [number, number] => [x, x === 4_321 ? 99 : x % 7]);
  const kept = thinned(points);
  expect(kept.length).toBeLessThan(800);
  expect(kept).toContainEqual([4_321, 99]);
  expect(kept.map(([x]) => x)).toEqual(kept.map(([x]) => x).toSorted((a, b) => a - b));
});

/** As WCAG 2 defines it. */
function luminance(colour: string): number {
  const parts = [1, 3, 5].map((from) => Number.parseInt(colour.slice(from, from + 2), 16) / 255);
  const [red = 0, green = 0, blue = 0] = parts.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

test("every colour of a picture stands out three to one on white and on a dark page", () => {
  for (const colour of [...lineColours, textColour]) {
    const ratios = ["#ffffff", "#0d1117"].map((ground) => {
      const [low = 0, high = 0] = [luminance(ground), luminance(colour)].sort((a, b) => a - b);
      return (high + 0.05) / (low + 0.05);
    });
    expect(Math.min(...ratios)).toBeGreaterThanOrEqual(2.95);
  }
});

test("numbers keep three digits that count, and whole ones stay whole", () => {
  const texts = [0, 7, 41_234.5, 412.34, 12.345, 0.1234, 0.00001234, -3.1412, Number.NaN].map(numberText);
  expect(texts).toEqual(["0", "7", "41,235", "412", "12.3", "0.123", "1.2e-5", "-3.14", "no number"]);
});

test("a table's columns are aligned, those of numbers to the right", () => {
  expect(
    tableLines([
      { name: "a", n: "1" },
      { name: "bcdef", n: "1,000" },
    ]),
  ).toEqual(["| name  |     n |", "|-------|------:|", "| a     |     1 |", "| bcdef | 1,000 |"]);
  expect(tableLines([])).toEqual([]);
});

test("a goal for a figure that is not a number was not measured", () => {
  const [share] = result().figures;
  if (share === undefined) throw new Error("a sample has figures");
  const goals = [{ side: share.side, name: share.name, bound: { atLeast: 0 } }];
  const found = (samples: number[]) =>
    goalRows(sampleRun({ results: [result({ figures: [{ ...share, samples }], goals })] })).map((row) => row["result"]);
  expect(found([1])).toEqual(["reached"]);
  expect(found([Number.POSITIVE_INFINITY])).toEqual(["NOT MEASURED"]);
  expect(found([Number.NaN])).toEqual(["NOT MEASURED"]);
});
