/** Values of an answer as a person reads them. Pure. */
import { offsetMs } from "../state/zone.ts";
import { type AnswerColumn, type Cell, textOf } from "./answer.ts";

/** A value in a table; undefined: NULL. Times with a zone stand on the clock of `zone`, to the microsecond. */
export function valueText(cell: Cell | undefined, { type }: AnswerColumn, zone: string): string | undefined {
  const text = textOf(cell);
  return text !== undefined && type === "TIMESTAMP WITH TIME ZONE" ? clockText(text, zone) : text;
}

/** The same with room: JSON on lines of its own, if that changes none of its digits. */
export function fullText(cell: Cell | undefined, column: AnswerColumn, zone: string): string | undefined {
  const text = valueText(cell, column, zone);
  if (cell === undefined || !/^[[{]/.test(cell)) return text;
  const value: unknown = JSON.parse(cell);
  return JSON.stringify(value) === cell.replaceAll(betweenStrings, "$1") ? JSON.stringify(value, null, 2) : text;
}

/** Blanks outside of strings; strings themselves are kept. */
const betweenStrings = /("(?:[^"\\]|\\.)*")|\s+/g;

/** An instant of the service on a zone's clock; what has no four-digit year stays as it is. */
function clockText(text: string, zone: string): string {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.?(\d*)(Z|[-+]\d\d:\d\d)$/.exec(text);
  if (parts === null) return text;
  const [, second = "", fraction = "", offset = ""] = parts;
  const atMs = Date.parse(second + offset);
  const clock = new Date(atMs + offsetMs(zone, atMs)).toISOString().slice(0, 19).replace("T", " ");
  return /^0*$/.test(fraction) ? clock : `${clock}.${fraction.replace(/0+$/, "")}`;
}

/** The width of each column in characters: that of its longest value among the first rows, within bounds. */
export function columnWidths(
  columns: readonly AnswerColumn[],
  rows: readonly (readonly (string | undefined)[])[],
): number[] {
  return columns.map(({ name }, at) => {
    const lengths = rows.map((row) => row[at]?.length ?? 4);
    return Math.min(widthMax, Math.max(widthMin, name.length, ...lengths));
  });
}

const widthMin = 4;
const widthMax = 48;
