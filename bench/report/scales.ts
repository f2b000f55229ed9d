/** Maps values to places on an axis, and chooses its ticks. */
import { numberText } from "./rows.ts";

/** An axis: `at` gives 0 at its start and 1 at its end. A tick without a label is a line only. */
export type Scale = { at: (value: number) => number; ticks: { at: number; label: string }[]; isLogarithmic: boolean };

/** More ticks than this are too close together at the height of a plot. */
const ticksMax = 6;

/** Beyond this ratio, small values cannot be distinguished on an even scale. */
const evenRatioMax = 20;

/** An even scale from 0, or from the lowest if that is below it, to a round number at or past the highest. */
export function evenScale(values: readonly number[]): Scale {
  const step = evenStep(values);
  const start = Math.floor(Math.min(0, ...values) / step) * step;
  const end = Math.max(Math.ceil(Math.max(0, ...values) / step) * step, start + step);
  return evenBetween(start, end, step);
}

/** An even scale of a course: from 0, or from what was before it, to its end. */
export function timeScale(seconds: readonly number[]): Scale {
  const [start, end] = [Math.min(0, ...seconds), Math.max(0, ...seconds)];
  return start === end ? evenScale([1]) : evenBetween(start, end, evenStep(seconds));
}

function evenBetween(start: number, end: number, step: number): Scale {
  const at = (value: number) => (value - start) / (end - start);
  const count = Math.floor((end - start) / step + 1e-9);
  return { at, ticks: range(0, count).map((nth) => tick(start + nth * step, at)), isLogarithmic: false };
}

/** A logarithmic scale: each factor of ten has the same length. Values of 0 or less are at its start. */
export function logarithmicScale(values: readonly number[]): Scale {
  const above = values.filter((value) => value > 0);
  const lowest = Math.log10(above.length === 0 ? 1 : Math.min(...above));
  const highest = Math.log10(above.length === 0 ? 10 : Math.max(...above));
  const steps = range(Math.floor(lowest) - 1, Math.ceil(highest) + 1).flatMap((decade) =>
    [1, 2, 5].map((digit) => digit * 10 ** decade),
  );
  // A little slack: the tenth of a thousand is not quite a hundred after the logarithm.
  const first = Math.max(
    0,
    steps.findLastIndex((step) => Math.log10(step) <= lowest + 1e-9),
  );
  const last = Math.max(
    first + 1,
    steps.findIndex((step) => Math.log10(step) >= highest - 1e-9),
  );
  const shown = steps.slice(first, last + 1);
  const [start, end] = [Math.log10(shown[0] ?? 1), Math.log10(shown.at(-1) ?? 10)];
  const at = (value: number) => (value <= 0 ? 0 : Math.max(0, (Math.log10(value) - start) / (end - start)));
  const tens = shown.filter((step) => Number.isInteger(Math.round(Math.log10(step) * 1e9) / 1e9));
  const named = shown.length > ticksMax && tens.length > 1 ? tens : shown;
  const ticks = shown.map((step) => (named.includes(step) ? tick(step, at) : { at: at(step), label: "" }));
  return { at, ticks, isLogarithmic: true };
}

/** Even where that shows all values, else logarithmic. */
export function scaleFor(values: readonly number[]): Scale {
  const lowest = Math.min(...values);
  return lowest > 0 && Math.max(...values) / lowest > evenRatioMax ? logarithmicScale(values) : evenScale(values);
}

/** Percentiles, 0 to below 100, where each further nine is as long as the one before: 90, 99, 99.9. */
export function ninesScale(percentiles: readonly number[]): Scale {
  const nines = (percentile: number) => -Math.log10(1 - Math.min(percentile, 99.999_999) / 100);
  const end = Math.max(1, ...percentiles.map(nines));
  const at = (percentile: number) => nines(percentile) / end;
  const named = [0, 50, 90, 99, 99.9, 99.99, 99.999, 99.9999].filter((percentile) => nines(percentile) <= end + 1e-9);
  return {
    at,
    ticks: named.map((percentile) => ({ at: at(percentile), label: `${percentile}%` })),
    isLogarithmic: true,
  };
}

function tick(value: number, at: Scale["at"]): Scale["ticks"][number] {
  // Rounded, because of errors such as 0.1 + 0.2.
  const clean = Number(value.toPrecision(12));
  const isShort = Number.isInteger(clean) || (Math.abs(clean) >= 0.001 && Math.abs(clean) < 1_000);
  return {
    at: at(value),
    label: isShort ? clean.toLocaleString("en-US", { maximumFractionDigits: 6 }) : numberText(clean),
  };
}

function evenStep(values: readonly number[]): number {
  return roundStep((Math.max(0, ...values) - Math.min(0, ...values)) / ticksMax || 1);
}

/** The least of 1, 2, 5 times a power of ten that is not below `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((digit) => digit * power >= least) ?? 10) * power;
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start + 1 }, (_, nth) => start + nth);
}
