/** Time series by uPlot, in the page's colours and time zone, with a table for those who do not see the picture. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useCell } from "../state/cell.ts";
import { theme } from "../state/theme.ts";
import { count, figure, shortCount, type TimeForm, time } from "./numbers.ts";

/** One series; its values belong to the plot's times. null: nothing is known. */
export type Series = { label: string; values: readonly (number | null)[] };

/** What is plotted. */
type PlotProps = {
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
  /** Written behind each value, such as "events/s". */
  unit: string;
};

/** Series after this one share a colour: a plot with more is not read any more. */
const coloursMax = 8;

/** A picture of series over time, a legend with the values under the pointer, and the table. */
export function Plot(props: PlotProps) {
  const { label, times, series, kind, zone, timeForm, unit, height = 220, isTime = true } = props;
  const place = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | undefined>(undefined);
  const chosen = useCell(theme);
  const isDark = useDark();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const plot = new uPlot(
      optionsOf({ props: { ...props, height }, element, onPoint: setAt }),
      dataOf({ times, series, kind, isTime }),
      element,
    );
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      sizes.disconnect();
      plot.destroy();
    };
  }, [times, series, kind, zone, height, isTime, chosen, isDark]);
  const shownAt = at === undefined ? undefined : times[at];
  const xText = (x: number, form: TimeForm) => (isTime ? time(x, zone, form) : valueText(x));
  return (
    <div class="plot">
      <Legend
        series={series}
        at={at}
        unit={unit}
        heading={shownAt === undefined ? undefined : xText(shownAt, timeForm)}
      />
      <div ref={place} class="canvas" role="img" aria-label={label} />
      <details>
        <summary>As a table</summary>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
        <section class="table" aria-label={`${label}, as a table`} tabIndex={0}>
          <table>
            <thead>
              <tr>
                <th scope="col">{isTime ? "Time" : "x"}</th>
                {series.map((one) => (
                  <th key={one.label} scope="col" class="number">
                    {one.label}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {times.map((atMs, index) => (
                <tr key={atMs}>
                  <th scope="row">{xText(atMs, "minute")}</th>
                  {series.map((one) => (
                    <td key={one.label} class="number">
                      {valueText(one.values[index])}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      </details>
    </div>
  );
}

/** Names and colours with the sums, or with the values under the pointer. */
function Legend(props: {
  series: readonly Series[];
  at: number | undefined;
  unit: string;
  heading: string | undefined;
}) {
  const { series, at, heading, unit } = props;
  return (
    <ul class="legend">
      {series.map(({ label, values }, index) => (
        <li key={label}>
          <span class={`swatch colour-${Math.min(index, coloursMax - 1)}`} aria-hidden="true" />
          {label}
          {at !== undefined && <b class="number">{valueText(values[at])}</b>}
        </li>
      ))}
      <li class="quiet at">{heading === undefined ? unit : heading}</li>
    </ul>
  );
}

const valueText = (value: number | null | undefined) =>
  value === null || value === undefined ? "–" : Number.isInteger(value) ? count(value) : figure(value);

/** Whether the system asks for dark colours; the plot is drawn again when that changes. */
function useDark(): boolean {
  const query = matchMedia("(prefers-color-scheme: dark)");
  const [isDark, setIsDark] = useState(query.matches);
  useEffect(() => {
    const look = () => setIsDark(query.matches);
    query.addEventListener("change", look);
    return () => query.removeEventListener("change", look);
  }, []);
  return isDark;
}

/** uPlot draws no stacks: each series is drawn as the sum of itself and those below, the highest sum first. */
function dataOf({
  times,
  series,
  kind,
  isTime,
}: Pick<PlotProps, "times" | "series" | "kind" | "isTime">): uPlot.AlignedData {
  const x = isTime ? times.map((atMs) => atMs / 1000) : [...times];
  if (kind === "line") return [x, ...series.map(({ values }) => [...values])];
  const sums: number[][] = [];
  for (const { values } of series)
    sums.push(times.map((_, index) => (values[index] ?? 0) + (sums.at(-1)?.[index] ?? 0)));
  return [x, ...sums.reverse()];
}

function optionsOf(given: {
  props: PlotProps & { height: number };
  element: HTMLElement;
  onPoint: (index: number | undefined) => void;
}): uPlot.Options {
  const { props, element, onPoint } = given;
  const colour = colourReader(element);
  const seriesColour = (index: number) => colour(`series-${Math.min(index, coloursMax - 1)}`);
  const axis: uPlot.Axis = {
    stroke: colour("quiet"),
    font: `12px ${getComputedStyle(element).fontFamily}`,
    grid: { stroke: colour("line"), width: 1 },
    ticks: { show: false },
  };
  const isStacked = props.kind === "stacked";
  const bars = uPlot.paths.bars?.({ size: [0.82, 48], align: 1 });
  const drawn = props.series.map((_, index): uPlot.Series => {
    const stroke = seriesColour(index);
    if (!isStacked || bars === undefined) return { stroke, width: 1.5, points: alonePoints(stroke) };
    return { fill: stroke, width: 0, paths: bars, points: { show: false } };
  });
  return {
    width: element.clientWidth,
    height: props.height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), props.zone),
    legend: { show: false },
    cursor: { y: false, points: { show: !isStacked }, drag: { x: false, y: false } },
    scales: { y: { range: yRange(props) }, x: { range: xRange(props), time: props.isTime ?? true } },
    axes: [
      { ...axis, grid: { show: false }, space: 64, ...(props.isTime === false ? {} : { values: timeTicks }) },
      {
        ...axis,
        size: 52,
        values: (_plot, ticks) => ticks.map(shortCount),
        incrs: props.kind === "stacked" ? wholeSteps : stepsOf(),
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
const yRange =
  ({ kind }: PlotProps) =>
  (_plot: uPlot, low: number, high: number): [number, number] =>
    kind === "stacked" || low >= 0
      ? [0, high > 0 && kind === "line" ? high * 1.08 : Math.max(high * 1.08, 1)]
      : [low * 1.08, Math.max(0, high * 1.08)];

/** A bar begins at its time, so the last one needs its own width beside it. */
const xRange =
  ({ kind, times }: PlotProps) =>
  (_plot: uPlot, low: number, high: number): [number, number] => {
    const [beforeLast, last] = times.slice(-2);
    const step = beforeLast === undefined || last === undefined ? 60 : (last - beforeLast) / 1000;
    return kind === "stacked" ? [low, high + step] : [low, high];
  };

const decades = (from: number, to: number, digits: readonly number[]) =>
  Array.from({ length: to - from + 1 }, (_, index) => digits.map((digit) => digit * 10 ** (from + index))).flat();
/** There is no half of an event. */
const wholeSteps = decades(0, 12, [1, 2, 5]);
const stepsOf = () => decades(-3, 12, [1, 2, 5]);

/** uPlot's own labels of times, on a clock of 24 hours. */
const timeTicks: uPlot.Axis.Values = [
  [86_400 * 28, "{MMM}", "\n{YYYY}", null, null, null, null, null, 1],
  [86_400, "{D} {MMM}", null, null, null, null, null, null, 1],
  [3600, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [60, "{HH}:{mm}", "\n{D} {MMM}", null, "\n{D} {MMM}", null, null, null, 1],
  [1, "{HH}:{mm}:{ss}", null, null, null, null, null, null, 1],
];
