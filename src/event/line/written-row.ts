/** A row whose line is in a buffer. */
import { lineEnd } from "../../base/ascii.ts";
import type { LineBuffer } from "../../base/line-buffer.ts";
import type { LinedRow, Row } from "./row.ts";

/** A row, and the length of its line, with the line end. */
export type WrittenRow = Row & { bytes: number };

/** Writes a line that is a string. */
export function writeRow({ line, ...row }: LinedRow, lines: LineBuffer): WrittenRow {
  const start = lines.end;
  lines.reserve(line.length * 3 + 1);
  lines.text(line);
  lines.byte(lineEnd);
  return { ...row, bytes: lines.end - start };
}
