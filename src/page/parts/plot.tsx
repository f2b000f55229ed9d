/** Time series by uPlot, in the page's colours and time zone, with a table for those who do not see the picture. */
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import { useCell } from "../state/cell.ts";
import { theme } from "../state/theme.ts";
import { count, figure, time } from "./numbers.ts";
import { coloursMax, dataOf, optionsOf, type PlotProps, type Series } from "./plot-options.ts";

/** A picture of series over time, a legend with the values under the pointer, and the table. */
export function Plot(props: PlotProps) {
  const { label, times, series, kind, zone, unit, height = 220, isTime = true } = props;
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot>(null);
  const shown = useRef(props);
  shown.current = props;
  const [at, setAt] = useState<number | undefined>(undefined);
  const chosen = useCell(theme);
  const isDark = useDark();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const plot = new uPlot(optionsOf({ shown, height, element, onPoint: setAt }), dataOf(shown.current), element);
    drawn.current = plot;
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    sizes.observe(element);
    return () => {
      drawn.current = null;
      sizes.disconnect();
      plot.destroy();
    };
  }, [series.length, kind, zone, height, isTime, chosen, isDark]);
  useEffect(() => drawn.current?.setData(dataOf({ times, series, kind, isTime })), [times, series, kind, isTime]);
  const atMs = at === undefined ? undefined : times[at];
  return (
    <div class="plot">
      <Legend series={series} at={at} kind={kind} heading={atMs === undefined ? unit : xText(props, atMs)} />
      <div ref={place} class="canvas" role="img" aria-label={label} />
      <TableOfPlot {...props} />
    </div>
  );
}

const xText = ({ isTime = true, zone, timeForm }: PlotProps, x: number) =>
  isTime ? time(x, zone, timeForm) : valueText(x);

/** The same as numbers. It is made only once it is opened. */
function TableOfPlot(props: PlotProps) {
  const { label, times, series, isTime = true } = props;
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
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
                  <th scope="row">{xText(props, atMs)}</th>
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
      )}
    </details>
  );
}

/** Names and colours with the values under the pointer, or with their sums, where they are parts of a whole. */
function Legend(props: {
  series: readonly Series[];
  kind: PlotProps["kind"];
  at: number | undefined;
  heading: string;
}) {
  const { series, kind, at, heading } = props;
  const numberOf = (values: Series["values"]) => valueText(at === undefined ? sumOf(values) : values[at]);
  return (
    <ul class="legend">
      {(series.length > 1 || kind === "stacked") &&
        series.map(({ label, values }, index) => (
          <li key={label}>
            <span class={`swatch colour-${Math.min(index, coloursMax - 1)}`} aria-hidden="true" />
            {label}
            {(at !== undefined || kind === "stacked") && <b class="number">{numberOf(values)}</b>}
          </li>
        ))}
      <li class="quiet at">
        {heading}
        {series.length === 1 && kind === "line" && at !== undefined && (
          <b class="number">{valueText(series[0]?.values[at])}</b>
        )}
      </li>
    </ul>
  );
}

const sumOf = (values: readonly (number | null)[]) => values.reduce<number>((sum, value) => sum + (value ?? 0), 0);

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
