/** One table for every answer: numbers on the right with aligned digits, NULL visible, bounded. */
import type { ComponentChildren } from "preact";
import type { Column, Value } from "../service/ask.ts";
import { useCell } from "../state/cell.ts";
import { zone } from "../state/range.ts";
import { count, isNumeric, time } from "./numbers.ts";

/** More rows make a page slow, and nobody reads them. */
const rowsShownMax = 500;

/** Rows under the names of their columns. `caption` names the table for those who cannot see where it is. */
export function Table(props: {
  caption: string;
  columns: readonly Column[];
  rows: readonly (readonly Value[])[];
  rowsMax?: number;
  /** Draws some cells in its own way; undefined: as any other. */
  draw?: (column: string, value: Value) => ComponentChildren | undefined;
}) {
  const shownZone = useCell(zone);
  const { caption, columns, rows, rowsMax = rowsShownMax } = props;
  const shown = rows.slice(0, rowsMax);
  return (
    // A region that scrolls must be reachable by keyboard.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="table" aria-label={`${caption}: rows`} tabIndex={0}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map(({ name, type }) => (
              <th key={name} scope="col" class={isNumeric(type) ? "number" : ""} title={type}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row, index) => (
            // Rows have no name of their own, and none of them keeps a state.
            <tr key={index}>
              {columns.map(({ name, type }, column) => (
                <td key={name} class={isNumeric(type) ? "number" : ""}>
                  {props.draw?.(name, row[column]) ?? <Cell value={row[column]} type={type} zone={shownZone} />}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > shown.length && (
        <p class="quiet">
          The first {count(shown.length)} of {count(rows.length)} rows
        </p>
      )}
    </section>
  );
}

function Cell({ value, type, zone }: { value: Value; type: string; zone: string }): ComponentChildren {
  if (value === null || value === undefined) return <span class="null">NULL</span>;
  if (type === "TIMESTAMP WITH TIME ZONE" && typeof value === "string") {
    const atMs = Date.parse(value);
    return Number.isNaN(atMs) ? value : <time dateTime={value}>{time(atMs, zone, "full")}</time>;
  }
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(value);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
