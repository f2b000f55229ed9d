/** The most frequent values, each with a bar of its share. */
import type { Answer } from "../service/ask.ts";
import { count } from "./numbers.ts";

/** Rows of a value and its number, the largest first; `valueName` and `unit` head the two columns. */
export function TopList(props: { answer: Answer; valueName: string; unit: string; caption: string }) {
  const { answer, valueName, unit, caption } = props;
  const most = Math.max(1, ...answer.rows.map((row) => Number(row[1])));
  return (
    <table class="top">
      <caption class="unseen">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{valueName}</th>
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
                {value === null ? <span class="null">none</span> : String(value)}
              </span>
            </td>
            <td class="number">{count(Number(number))}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
