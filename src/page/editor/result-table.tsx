/** The rows of an answer. Only those that are seen are in the document: ten thousand scroll like ten. */
import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { isNumeric } from "../parts/numbers.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import type { Answer } from "./answer.ts";
import { columnWidths, valueText } from "./values.ts";

/** The height of a row, as the style sheet has it. px */
const rowHeight = 28;

/** Rows above and below those that are seen, so that scrolling shows no gap. */
const rowsAround = 20;

/** Widths are taken from the first rows. */
const rowsMeasured = 200;

/** Room for characters in some columns, each with the padding that the style sheet gives a cell. */
const widthOf = (characters: number, columns: number) => `calc(${characters}ch + ${columns} * var(--space-6))`;

/** A table of all rows that were read. `onRow` hears the place of a row that was clicked. */
export function ResultTable({ answer, onRow }: { answer: Answer; onRow: (at: number) => void }) {
  const { columns, rows } = answer;
  const shownZone = useCell(zone);
  const region = useRef<HTMLElement>(null);
  const [seen, setSeen] = useState({ first: 0, count: 50 });
  const look = () => {
    const { scrollTop = 0, clientHeight = 0 } = region.current ?? {};
    const first = Math.max(0, Math.floor(scrollTop / rowHeight) - rowsAround);
    const count = Math.ceil(clientHeight / rowHeight) + 2 * rowsAround;
    setSeen((before) => (before.first === first && before.count === count ? before : { first, count }));
  };
  useLayoutEffect(() => {
    region.current?.scrollTo(0, 0);
    look();
  }, [answer]);
  const widths = useMemo(() => {
    const measured = rows.slice(0, rowsMeasured);
    return columnWidths(
      columns,
      measured.map((row) => columns.map((column, at) => valueText(row[at], column, shownZone))),
    );
  }, [answer, shownZone]);
  const clicked = (at: number) => {
    // Whoever selects text does not want to leave it.
    if (getSelection()?.isCollapsed !== false) onRow(at);
  };
  const shown = rows.slice(seen.first, seen.first + seen.count);
  const below = rows.length - seen.first - shown.length;
  return (
    // A region that scrolls must be reachable by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="table result" aria-label="Rows" tabIndex={0} ref={region} onScroll={look}>
      <table
        aria-rowcount={rows.length + 1}
        style={{
          inlineSize: widthOf(
            widths.reduce((sum, width) => sum + width, 0),
            widths.length,
          ),
        }}
      >
        <caption class="unseen">Rows of the answer</caption>
        <colgroup>
          {columns.map(({ name }, at) => (
            <col key={name} style={{ inlineSize: widthOf(widths[at] ?? 0, 1) }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={isNumeric(column.type) ? "number" : ""} title={column.type}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <Gap rows={seen.first} />
          {shown.map((row, at) => (
            // By keyboard, the form Record leads to each row.
            <tr key={seen.first + at} aria-rowindex={seen.first + at + 2} onClick={() => clicked(seen.first + at)}>
              {columns.map((column, place) => {
                const text = valueText(row[place], column, shownZone);
                return (
                  <td key={column.name} class={isNumeric(column.type) ? "number" : ""} title={text}>
                    {text === undefined ? <span class="null">NULL</span> : text}
                  </td>
                );
              })}
            </tr>
          ))}
          <Gap rows={below} />
        </tbody>
      </table>
    </section>
  );
}

/** The height of rows that are not in the document. */
const Gap = ({ rows }: { rows: number }) =>
  rows > 0 ? <tr class="gap" style={{ blockSize: `${rows * rowHeight}px` }} /> : null;
