/** The triangle of a retention as a table with heat: darker is more, and each number can be read. */
import { count } from "../parts/numbers.ts";
import type { Triangle } from "./triangle.ts";

/** Cohorts under each other, periods later beside each other, and the average of all at the top. */
export function TriangleTable({ triangle, period }: { triangle: Triangle; period: string }) {
  const { cohorts, average } = triangle;
  const later = cohorts.flatMap(({ cells }) => cells.slice(1).map((cell) => cell?.share ?? 0));
  const most = later.reduce((largest, share) => Math.max(largest, share), 0.01);
  return (
    // A region that scrolls must be reachable by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="table" aria-label={`Cohorts by ${period}`} tabIndex={0}>
      <table class="triangle">
        <caption class="unseen">Share of each cohort that came back, by {period}s later</caption>
        <thead>
          <tr>
            <th scope="col">First {period}</th>
            <th scope="col" class="number">
              people
            </th>
            {average.map((_, at) => (
              <th key={at} scope="col" class="number">
                {at}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr class="average">
            <th scope="row">All</th>
            <td class="number">{count(cohorts.reduce((sum, { people }) => sum + people, 0))}</td>
            {average.map((value, at) => (
              <Heat key={at} value={value} at={at} most={most} />
            ))}
          </tr>
          {cohorts.map(({ cohort, people, cells }) => (
            <tr key={cohort}>
              <th scope="row">{cohort}</th>
              <td class="number">{count(people)}</td>
              {cells.map((cell, at) => (
                <Heat key={at} value={cell?.share} at={at} most={most} people={cell?.people} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/**
 * A share as a number on a colour, in ten steps up to the largest share that came back: everybody is there in the first
 * period, which needs no colour.
 */
function Heat(props: { value: number | undefined; at: number; most: number; people?: number | undefined }) {
  const { value, at, most, people } = props;
  if (value === undefined) return <td />;
  const heat = at === 0 ? 0 : Math.ceil((10 * value) / most);
  return (
    <td class={`number heat heat-${heat}`} title={people === undefined ? undefined : `${count(people)} people`}>
      {value === 0 ? <span class="quiet">0</span> : tenths(value)}
    </td>
  );
}

const percent = new Intl.NumberFormat("en", { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** Aligned: one decimal of each share but the whole. */
const tenths = (value: number) => (value === 1 ? "100%" : percent.format(value));
