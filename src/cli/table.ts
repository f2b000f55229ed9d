/** Rows as a table for a terminal. */
import { DuckDBDecimalType, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";
import { plain } from "./terminal-text.ts";

/** Rows to show, as DuckDB's strings. `isCut`: there are more rows. */
type Rows = {
  names: readonly string[];
  /** Which columns are right-aligned. */
  numbers: readonly boolean[];
  rows: readonly (readonly (string | null)[])[];
  isCut: boolean;
};

/** A column that is narrowed for the terminal keeps at least this width: a name, or a date and a little more. */
const columnWidthMin = 12;

/**
 * Formats rows as a table of at most `width` columns, or one value a line if no table fits, and adds a line with the
 * row count.
 */
export function tableText({ names, numbers, rows, isCut }: Rows, width: number): string {
  const cells = rows.map((row) => row.map(cellText));
  const widths = fitted(
    names.map((name, column) =>
      Math.max(Bun.stringWidth(plain(name)), ...cells.map((row) => Bun.stringWidth(row[column] ?? ""))),
    ),
    width,
  );
  const count = isCut
    ? `first ${rows.length} rows; --format csv gives all`
    : `${rows.length} ${rows.length === 1 ? "row" : "rows"}`;
  if (widthOf(widths) > width) return [...recordLines(names.map(plain), cells), count, ""].join("\n");
  const line = (row: readonly string[]) =>
    `│${row.map((cell, column) => ` ${padded(cell, widths[column] ?? 0, numbers[column] === true)} `).join("│")}│`;
  const rule = ([left, middle, right]: readonly [string, string, string]) =>
    left + widths.map((each) => "─".repeat(each + 2)).join(middle) + right;
  return [
    rule(["┌", "┬", "┐"]),
    line(names.map(plain)),
    rule(["├", "┼", "┤"]),
    ...cells.map(line),
    rule(["└", "┴", "┘"]),
    count,
    "",
  ].join("\n");
}

const numberIds = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.BIGNUM,
  DuckDBTypeId.FLOAT,
  DuckDBTypeId.DOUBLE,
]);

/** Whether a column of this type is right-aligned. */
export const isNumeric = (type: DuckDBType) => type instanceof DuckDBDecimalType || numberIds.has(type.typeId);

const cellText = (value: string | null) => (value === null ? "NULL" : plain(value));

/** Each row as lines of a name and a value. */
function recordLines(names: readonly string[], cells: readonly (readonly string[])[]): string[] {
  const width = Math.max(...names.map((name) => Bun.stringWidth(name)));
  return cells.flatMap((row, index) => [
    `── row ${index + 1}`,
    ...row.map((cell, column) => `${padded(names[column] ?? "", width, false)} │ ${cell}`),
  ]);
}

/** Width of a table whose columns have these widths. */
const widthOf = (widths: readonly number[]) => widths.reduce((sum, each) => sum + each + 3, 1);

/** Narrows the widest columns until the table fits or none can be narrowed further. */
function fitted(widths: number[], width: number): number[] {
  const fit = [...widths];
  while (widthOf(fit) > width) {
    const widest = Math.max(...fit);
    if (widest <= columnWidthMin) break;
    const next = Math.max(columnWidthMin, ...fit.filter((each) => each < widest));
    const over = Math.ceil((widthOf(fit) - width) / fit.filter((each) => each === widest).length);
    for (const [column, each] of fit.entries()) if (each === widest) fit[column] = Math.max(next, widest - over);
  }
  return fit;
}

function padded(text: string, width: number, isRight: boolean): string {
  const cut = Bun.stringWidth(text) > width ? `${cutTo(text, width - 1)}…` : text;
  const blanks = " ".repeat(Math.max(0, width - Bun.stringWidth(cut)));
  return isRight ? blanks + cut : cut + blanks;
}

/** The longest prefix that is at most this wide. */
function cutTo(text: string, width: number): string {
  let cut = "";
  let used = 0;
  for (const char of text) {
    used += Bun.stringWidth(char);
    if (used > width) break;
    cut += char;
  }
  return cut;
}
