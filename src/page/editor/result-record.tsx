/** One row of an answer with its values in full: long strings, plans, and JSON with its structure. */
import { count } from "../parts/numbers.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import type { Answer } from "./answer.ts";
import { fullText } from "./values.ts";

/** The row at a place, and the way to its neighbours. */
export function ResultRecord({ answer, at, onAt }: { answer: Answer; at: number; onAt: (at: number) => void }) {
  const { columns, rows } = answer;
  const shownZone = useCell(zone);
  const row = rows[at];
  if (row === undefined) return <p class="quiet empty">No rows</p>;
  return (
    <div class="record">
      <div class="tools">
        <button type="button" disabled={at === 0} onClick={() => onAt(at - 1)}>
          Previous
        </button>
        <button type="button" disabled={at === rows.length - 1} onClick={() => onAt(at + 1)}>
          Next
        </button>
        <span class="quiet" aria-live="polite">
          Row {count(at + 1)} of {count(rows.length)}
        </span>
      </div>
      <dl>
        {columns.map((column, place) => {
          const text = fullText(row[place], column, shownZone);
          return (
            <div key={column.name}>
              <dt>{column.name}</dt>
              <dd>{text === undefined ? <span class="null">NULL</span> : text}</dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}
