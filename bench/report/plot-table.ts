/** The numbers under a plot, for those who want them or cannot see it. */
import type { Plot } from "../core/result.ts";
import { numberText, type Row } from "./rows.ts";
import { axisNames } from "./svg.ts";

/** Nobody reads more; the JSON has all. */
const rowsMax = 60;

/** A row for each x, a column for each line; of a long one every nth row, which `note` then says. */
export function plotRows(plot: Plot): { rows: Row[]; note: string } {
  if (plot.kind === "bars") {
    const rows = plot.bars.map(({ name, value, note }) => ({ name, [plot.unit]: numberText(value), note }));
    return { rows, note: "" };
  }
  const xs = [...new Set(plot.lines.flatMap(({ points }) => points.map(([x]) => x)))].sort((a, b) => a - b);
  const step = Math.ceil(xs.length / rowsMax);
  const lines = plot.lines.map(({ name, points }) => ({ name, byX: new Map(points) }));
  const rows = xs
    .filter((_, nth) => nth % step === 0 || nth === xs.length - 1)
    .map((x) => {
      const cells = lines.map(({ name, byX }) => {
        const y = byX.get(x);
        return [name, y === undefined ? "" : numberText(y)];
      });
      return { [axisNames(plot).x]: `${Number(x.toPrecision(7))}`, ...Object.fromEntries(cells) };
    });
  return { rows, note: step > 1 ? `Every ${step}th of ${xs.length} rows.` : "" };
}
