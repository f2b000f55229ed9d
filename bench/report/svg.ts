/** Draws a plot as one self-contained SVG picture for the page or a README, on white and on black. */
import type { Line, Plot } from "../core/result.ts";
import { colourOf, gridLine, legend, lineThrough, picture, round, widthOf, widthPx, words } from "./drawing.ts";
import { numberText } from "./rows.ts";
import { evenScale, logarithmicScale, ninesScale, type Scale, scaleFor, timeScale } from "./scales.ts";

type LinePlot = Exclude<Plot, { kind: "bars" }>;
type BarPlot = Extract<Plot, { kind: "bars" }>;

/** Of the frame of a plot with lines. Pixels. */
const frameHeight = 240;

/** More points than pixels draw the same picture in a larger file. */
const pointsMax = 700;

/** Draws a plot. */
export function plotSvg(plot: Plot): string {
  return plot.kind === "bars" ? barsSvg(plot) : linesSvg(plot);
}

/** What the two axes of a plot with lines measure. */
export function axisNames(plot: LinePlot): { x: string; y: string } {
  switch (plot.kind) {
    case "percentiles":
      return { x: "percentile of all answers", y: "ms" };
    case "over time":
      return { x: "seconds", y: plot.unit };
    case "against size":
      return { x: plot.xName, y: plot.unit };
  }
}

function linesSvg(plot: LinePlot): string {
  const lines = plot.lines.map(({ name, points }) => ({ name, points: thinned(drawable(plot, points)) }));
  const { x, y } = scalesOf(plot, lines);
  const names = axisNames(plot);
  const keys = legend(
    lines.map(({ name }) => name),
    34,
  );
  const left = Math.max(...y.ticks.map(({ label }) => widthOf(label))) + 12;
  const top = 34 + keys.height + 20;
  const right = widthPx - widthOf(x.ticks.at(-1)?.label ?? "") / 2 - 6;
  const bottom = top + frameHeight;
  const xAt = (at: number) => left + at * (right - left);
  const yAt = (at: number) => bottom - at * (bottom - top);
  const parts = [
    ...keys.parts,
    words(named(names.y, y), { x: 0, y: top - 12 }),
    ...y.ticks.flatMap(({ at, label }) => [
      gridLine({ x: left, y: yAt(at) }, { x: right, y: yAt(at) }),
      words(label, { x: left - 6, y: yAt(at) + 4, anchor: "end" }),
    ]),
    ...spaced(x.ticks, right - left).flatMap(({ at, label }) => [
      gridLine({ x: xAt(at), y: top }, { x: xAt(at), y: bottom + 4 }),
      words(label, { x: xAt(at), y: bottom + 18, anchor: "middle" }),
    ]),
    words(plot.kind === "percentiles" ? names.x : named(names.x, x), { x: right, y: bottom + 36, anchor: "end" }),
    ...lines.map(({ points }, nth) =>
      lineThrough(
        points.map(([px, py]) => [xAt(x.at(px)), yAt(y.at(py))] as const),
        nth,
        plot.kind === "against size",
      ),
    ),
    ...(lines.every(({ points }) => points.length === 0)
      ? [words("no points", { x: (left + right) / 2, y: (top + bottom) / 2, anchor: "middle" })]
      : []),
  ];
  const description = `${names.y} by ${names.x}. ${lines.map(spokenLine).join(". ")}`;
  return picture(bottom + 44, { title: plot.title, description }, parts);
}

function barsSvg({ title, unit, bars }: BarPlot): string {
  const [rowHeight, barHeight, top] = [38, 14, 44];
  const scale = evenScale(bars.map(({ value }) => value));
  const valueText = (value: number, note: string) => `${numberText(value)}${note === "" ? "" : `, ${note}`}`;
  const parts = bars.flatMap(({ name, value, note }, nth) => {
    const y = top + nth * rowHeight;
    const width = Math.max(1, scale.at(value) * widthPx);
    return [
      words(name, { x: 0, y }),
      words(valueText(value, note), { x: widthPx, y, anchor: "end" }),
      `<rect x="0" y="${y + 5}" width="${round(width)}" height="${barHeight}" rx="2" fill="${colourOf(0)}"/>`,
    ];
  });
  const description = `${unit}: ${bars.map(({ name, value, note }) => `${name} ${valueText(value, note)}`).join(". ")}`;
  return picture(top + bars.length * rowHeight, { title: `${title} (${unit})`, description }, parts);
}

function scalesOf(plot: LinePlot, lines: readonly Line[]): { x: Scale; y: Scale } {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x));
  const ys = lines.flatMap(({ points }) => points.map(([, y]) => y));
  switch (plot.kind) {
    case "percentiles":
      return { x: ninesScale(xs), y: logarithmicScale(ys) };
    case "over time":
      return { x: timeScale(xs), y: evenScale(ys) };
    case "against size":
      return { x: scaleFor(xs), y: scaleFor(ys) };
  }
}

function drawable(plot: LinePlot, points: readonly [number, number][]): [number, number][] {
  const isPlace = ([x, y]: [number, number]) => Number.isFinite(x) && Number.isFinite(y);
  return points.filter((point) => isPlace(point) && (plot.kind !== "percentiles" || (point[0] >= 0 && point[0] < 100)));
}

/** Thins out too many points: keeps the lowest and the highest of each stretch, so that no peak is lost. */
export function thinned(points: readonly [number, number][]): [number, number][] {
  if (points.length <= pointsMax) return [...points];
  const stretch = Math.ceil((points.length * 2) / pointsMax);
  const kept: [number, number][] = [];
  for (let from = 0; from < points.length; from += stretch) {
    const part = points.slice(from, from + stretch).toSorted(([, a], [, b]) => a - b);
    const ends = [part[0], part.length > 1 ? part.at(-1) : undefined].filter((point) => point !== undefined);
    kept.push(...ends.toSorted(([a], [b]) => a - b));
  }
  return kept;
}

/** Only the labels that do not overlap the previous one. */
function spaced(ticks: Scale["ticks"], length: number): Scale["ticks"] {
  let free = Number.NEGATIVE_INFINITY;
  return ticks.filter(({ at, label }) => {
    const [from, to] = [at * length - widthOf(label) / 2, at * length + widthOf(label) / 2];
    if (from < free) return false;
    free = to + 6;
    return true;
  });
}

function named(name: string, { isLogarithmic }: Scale): string {
  return isLogarithmic ? `${name}, logarithmic` : name;
}

function spokenLine({ name, points }: Line): string {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return `${name}: no points`;
  return `${name}: ${numberText(first[1])} at ${numberText(first[0])}, ${numberText(last[1])} at ${numberText(last[0])}`;
}
