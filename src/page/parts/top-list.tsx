/** The most frequent values, each with a bar of its size. */
import type { Answer } from "../service/ask.ts";
import { count, shortCount, visible } from "./numbers.ts";

/** Rows of a value and its number, the largest first; `valueName` and `unit` head the two columns. */
export function TopList(props: { answer: Answer; valueName: string; unit: string; caption: string }) {
  const { answer, valueName, unit, caption } = props;
  const most = Math.max(1, ...answer.rows.map((row) => Number(row[1])));
  const origin = commonOrigin(answer.rows.map(([value]) => value));
  return (
    <table class="top">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">
            {valueName}
            {origin !== undefined && ` on ${origin.replace(/^https?:\/\//, "")}`}
          </th>
          <th scope="col" class="number">
            {unit}
          </th>
        </tr>
      </thead>
      <tbody>
        {answer.rows.map(([value, number]) => (
          <tr key={String(value)}>
            <td>
              <span class="bar" style={{ inlineSize: `${(100 * Number(number)) / most}%` }} aria-hidden="true" />
              <span class="value" title={String(value)}>
                {value === null ? <span class="null">none</span> : visible(shortValue(String(value), origin))}
              </span>
            </td>
            <td class="number" title={count(Number(number))}>
              {Number(number) < 1_000_000 ? count(Number(number)) : shortCount(Number(number))}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** The scheme and host that all of several URLs share; said once, it need not stand in each row. */
function commonOrigin(values: readonly unknown[]): string | undefined {
  const origins = new Set(values.map((value) => /^https?:\/\/[^/?#]+(?=\/)/.exec(String(value))?.[0]));
  const [origin] = origins;
  return origins.size === 1 && values.length > 1 ? origin : undefined;
}

/** A path on the host that all share, else the URL without what most have in common; its title has all of it. */
const shortValue = (value: string, origin: string | undefined) =>
  origin === undefined
    ? value.replace(/^https?:\/\/(?:www\.)?([^/]+)\/?$/, "$1").replace(/^https:\/\//, "")
    : value.slice(origin.length);
