/** What uPlot is given: data, scales, axes and colours. */
import uPlot from "uplot";
import { shortCount, type TimeForm } from "./numbers.ts";

/** One series; its values belong to the plot's times. null: nothing is known. */
export type Series = { label: string; values: readonly (number | null)[] };

/** What is plotted. */
export type PlotProps = {
  /** Says what is seen, for a screen reader and as the caption of the table. */
  label: string;
  /** ms since 1970, rising; with `isTime` false numbers. */
  times: readonly number[];
  isTime?: boolean;
  series: readonly Series[];
  /** `stacked`: bars on each other; `line`: one line for each series. */
  kind: "stacked" | "line";
  zone: string;
  timeForm: TimeForm;
  /** px */
  height?: number;
  /** What the values are, such as "events a second". */
  unit: string;
  /** The shortest stretch of time that is seen, up to the last time. ms */
  spanMsMin?: number;
};

/** Series after this one share a colour: a plot with more is not read any more. */
export const coloursMax = 8;

/** uPlot draws no stacks: each series is drawn as the sum of itself and those below, the highest sum first. */
export function dataOf(plotted: Pick<PlotProps, "times" | "series" | "kind" | "isTime">): uPlot.AlignedData {
  const { times, series, kind, isTime = true } = plotted;
  const x = isTime ? times.map((atMs) => atMs / 1000) : [...times];
  if (kind === "line") return [x, ...series.map(({ values }) => [...values])];
  const sums: number[][] = [];
  for (const { values } of series)
    sums.push(times.map((_, index) => (values[index] ?? 0) + (sums.at(-1)?.[index] ?? 0)));
  return [x, ...sums.reverse()];
}

/** How uPlot draws it: in the colours that hold for `element`. */
export function optionsOf(given: {
  /** The props of the last drawing: the span moves while the plot stays. */
  shown: { readonly current: PlotProps };
  height: number;
  element: HTMLElement;
  onPoint: (index: number | undefined) => void;
}): uPlot.Options {
  const { shown, height, element, onPoint } = given;
  const { kind, series, zone, timeForm, isTime = true } = shown.current;
  const colour = colourReader(element);
  const seriesColour = (index: number) => colour(`series-${Math.min(index, coloursMax - 1)}`);
  const axis: uPlot.Axis = {
    stroke: colour("quiet"),
    font: `12px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const isStacked = kind === "stacked";
  const bars = uPlot.paths.bars?.({ size: [0.82, 48], align: 1 });
  const drawn = series.map((_, index): uPlot.Series => {
    const stroke = seriesColour(index);
    if (!isStacked || bars === undefined) return { stroke, width: 1.5, points: alonePoints(stroke) };
    return { fill: stroke, width: 0, paths: bars, points: { show: false } };
  });
  return {
    width: element.clientWidth,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    legend: { show: false },
    cursor: { y: false, points: { show: !isStacked }, drag: { x: false, y: false } },
    // The last label of the times is not cut.
    padding: [8, timeForm === "second" ? 28 : 20, 0, 0],
    scales: {
      y: { range: (_plot, low, high) => yRange(kind, low, high) },
      x: { range: (_plot, low, high) => xRange(shown.current, low, high), time: isTime },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        space: 64,
        size: timeForm === "minute" || timeForm === "full" ? 40 : 26,
        gap: 8,
        ...(isTime ? { values: timeTicks } : {}),
      },
      {
        ...axis,
        size: 48,
        gap: 8,
        space: 36,
        values: (_plot, ticks) => ticks.map(shortCount),
        incrs: isStacked ? wholeSteps : steps,
      },
    ],
    series: [{}, ...(isStacked ? drawn.reverse() : drawn)],
    hooks: { setCursor: [(plot) => onPoint(plot.cursor.idx ?? undefined)] },
  };
}

/** A token's colour as a canvas takes it: the browser resolves `light-dark()` for an element alone. */
const colourReader = (element: HTMLElement) => (token: string) => {
  const probe = document.createElement("span");
  probe.style.color = `var(--${token})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
};

/** A line needs two neighbours; a value between two that are not known is a point. */
const alonePoints = (colour: string): uPlot.Series.Points => ({
  size: 4,
  fill: colour,
  filter: (plot, series) => {
    const values = plot.data[series] ?? [];
    const isKnown = (at: number) => values[at] !== null && values[at] !== undefined;
    return [...values.keys()].filter((at) => isKnown(at) && !isKnown(at - 1) && !isKnown(at + 1));
  },
});

/** Zero is always seen: an axis that begins elsewhere makes small changes look large. */
function yRange(kind: PlotProps["kind"], low: number, high: number): [number, number] {
  if (kind === "line" && low < 0) return [low * 1.05, Math.max(0, high * 1.05)];
  return [0, kind === "line" && high > 0 ? high * 1.05 : Math.max(high * 1.05, 1)];
}

/** A bar begins at its time, so the last one needs its own width beside it. */
function xRange({ kind, times, spanMsMin = 0, isTime = true }: PlotProps, low: number, high: number): [number, number] {
  if (!isTime) return [low, high];
  const [beforeLast, last] = times.slice(-2);
  const end = last === undefined ? Date.now() / 1000 : high;
  const step = beforeLast === undefined || last === undefined ? 60 : (last - beforeLast) / 1000;
  return kind === "stacked" ? [low, end + 0.99 * step] : [Math.min(low ?? end, end - spanMsMin / 1000), end];
}

const decades = (from: number, to: number, digits: readonly number[]) =>
  Array.from({ length: to - from + 1 }, (_, index) => digits.map((digit) => digit * 10 ** (from + index))).flat();
/** There is no half of an event. */
const wholeSteps = decades(0, 12, [1, 2, 5]);
const steps = decades(-3, 12, [1, 2, 5]);

/** uPlot's own labels of times, on a clock of 24 hours. */
const timeTicks: uPlot.Axis.Values = [
  [86_400 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", null, null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
];
