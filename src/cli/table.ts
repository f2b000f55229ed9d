/** Rows as a table for a terminal. */
import { DuckDBDecimalType, type DuckDBType, DuckDBTypeId } from "@duckdb/node-api";

/** Rows to be shown, as DuckDB's strings; those past them, if any, are only hinted at. */
type Rows = {
  names: readonly string[];
  /** Which columns stand right. */
  numbers: readonly boolean[];
  rows: readonly (readonly (string | null)[])[];
  isCut: boolean;
};

/** A column that is made narrower for the terminal keeps this much: a name, or a date and a bit. */
const columnWidthMin = 12;

/**
 * The rows with a line about their number: as a table at most `width` wide, or each on lines of its own where none
 * fits.
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

/** Whether a column of this type stands right. */
export const isNumeric = (type: DuckDBType) => type instanceof DuckDBDecimalType || numberIds.has(type.typeId);

const cellText = (value: string | null) => (value === null ? "NULL" : plain(value));

/** Line ends and other control characters as escapes: they would break the table, or worse, command the terminal. */
const plain = (text: string) =>
  text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (char) =>
    JSON.stringify(char)
      .slice(1, -1)
      .replace(/^[^\\]$/, "�"),
  );

/** Each row as lines of a name and a value. */
function recordLines(names: readonly string[], cells: readonly (readonly string[])[]): string[] {
  const width = Math.max(...names.map((name) => Bun.stringWidth(name)));
  return cells.flatMap((row, index) => [
    `── row ${index + 1}`,
    ...row.map((cell, column) => `${padded(names[column] ?? "", width, false)} │ ${cell}`),
  ]);
}

/** Of a table with columns so wide. */
const widthOf = (widths: readonly number[]) => widths.reduce((sum, each) => sum + each + 3, 1);

/** The widest columns give way until the table fits, or none can any more. */
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

/** The longest beginning that is at most so wide. */
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
