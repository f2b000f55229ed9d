/** Which columns of an answer make a plot, and the plot's series. */

import { isNumeric } from "../parts/numbers.ts";
import type { Answer, AnswerColumn } from "./answer.ts";
import { textOf } from "./answer.ts";

/** Columns by their place in the answer. */
export type PlotChoice = {
  readonly x: number;
  readonly y: readonly number[];
  /** Rows with the same value here are one line. */
  readonly splitBy: number | undefined;
};

/** What a plot shows: `x` ascending, and for each series a value or null at each place. */
type PlotData = {
  readonly isTime: boolean;
  /** ms since 1970, or the column's numbers. */
  readonly x: readonly number[];
  readonly series: readonly { readonly label: string; readonly values: readonly (number | null)[] }[];
  /** Series that are not drawn, because there are too many. */
  readonly seriesLeftOut: number;
};

/** More lines than this cannot be told apart. */
const seriesMax = 8;

/** Whether a column is numbers. */
const isNumber = ({ type }: AnswerColumn): boolean => isNumeric(type);

/** Whether a column is points in time. */
const isTime = ({ type }: AnswerColumn): boolean => /^(?:TIMESTAMP|DATE)/.test(type) && !type.endsWith("]");

/** The plot that an answer suggests: numbers over the first time column. Undefined: it has none. */
export function suggestedPlot({ columns, rows }: Answer): PlotChoice | undefined {
  const x = columns.findIndex(isTime);
  const y = [...columns.keys()].filter((at) => isNumber(columns[at] ?? { name: "", type: "" }));
  if (x < 0 || y.length === 0 || rows.length < 2) return undefined;
  const hasTies = new Set(rows.map((row) => row[x])).size < rows.length;
  const splitBy = columns.findIndex((column) => /^(?:VARCHAR|ENUM|BOOLEAN)/.test(column.type));
  const first = y[0] ?? 0;
  return hasTies && splitBy >= 0 ? { x, y: [first], splitBy } : { x, y: y.slice(0, seriesMax), splitBy: undefined };
}

/** The places of the columns that can be `x`, and those that can be `y`. */
export const plotColumns = ({ columns }: Answer): { x: number[]; y: number[] } => ({
  x: [...columns.entries()].filter(([, column]) => isTime(column) || isNumber(column)).map(([at]) => at),
  y: [...columns.entries()].filter(([, column]) => isNumber(column)).map(([at]) => at),
});

/** The series of a choice. Rows without an x are left out; of rows with the same x, the last one counts. */
export function plotData(answer: Answer, choice: PlotChoice): PlotData {
  const { columns, rows } = answer;
  const xColumn = columns[choice.x];
  const isTimes = xColumn !== undefined && isTime(xColumn);
  const numberAt = (row: readonly string[], at: number) => finite(Number(textOf(row[at]) ?? Number.NaN));
  const xOf = (row: readonly string[]) => (isTimes ? msOf(textOf(row[choice.x])) : numberAt(row, choice.x));
  const byLabel = new Map<string, Map<number, number | null>>();
  for (const row of rows) {
    const x = xOf(row);
    if (x === null) continue;
    for (const at of choice.y) {
      const { splitBy } = choice;
      const label = splitBy === undefined ? (columns[at]?.name ?? "") : (textOf(row[splitBy]) ?? "NULL");
      const values = byLabel.get(label) ?? new Map<number, number | null>();
      byLabel.set(label, values.set(x, numberAt(row, at)));
    }
  }
  const x = [...new Set([...byLabel.values()].flatMap((values) => [...values.keys()]))].sort((a, b) => a - b);
  const largest = [...byLabel].sort(([, a], [, b]) => sumOf(b) - sumOf(a));
  const shown = choice.splitBy === undefined ? [...byLabel] : largest.slice(0, seriesMax);
  const series = shown.map(([label, values]) => ({ label, values: x.map((place) => values.get(place) ?? null) }));
  return { isTime: isTimes, x, series, seriesLeftOut: byLabel.size - shown.length };
}

const sumOf = (values: ReadonlyMap<number, number | null>) =>
  values.values().reduce<number>((sum, v) => sum + (v ?? 0), 0);

const finite = (value: number) => (Number.isFinite(value) ? value : null);

/** A DuckDB time, as the service writes it, in ms since 1970. One without an offset is UTC. */
function msOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const [day = "", clock] = text.split(/[ T]/);
  if (clock === undefined) return finite(Date.parse(day));
  const offset = /(?:Z|[-+]\d\d(?::\d\d)?)$/.exec(clock)?.[0] ?? "Z";
  const zoned = `${day}T${clock.replace(offset, "")}${/^[-+]\d\d$/.test(offset) ? `${offset}:00` : offset}`;
  return finite(Date.parse(zoned));
}
