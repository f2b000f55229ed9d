/** Reads the service's JSON answer as it comes, up to a bound: a million rows never stand in the page. */

/** One value, as the JSON that the service wrote: numbers keep all their digits. */
export type Cell = string;

/** A column of an answer, with DuckDB's type. */
export type AnswerColumn = { readonly name: string; readonly type: string };

/** The rows that were read. */
export type Answer = {
  readonly columns: readonly AnswerColumn[];
  readonly rows: readonly (readonly Cell[])[];
  /** `whole`: these are all; `cut`: there are more, and reading stopped; `broken`: the service broke off. */
  readonly end: "whole" | "cut" | "broken";
};

/** Where reading stops, whichever comes first. */
type AnswerBounds = { readonly rowsMax: number; readonly charactersMax: number };

/**
 * Reads an answer of format `json`: a line with the columns, a line for each row, a line with their number. The
 * caller cancels what it does not read. Bytes may come in any pieces.
 */
export async function readAnswer(pieces: AsyncIterable<Uint8Array>, bounds: AnswerBounds): Promise<Answer> {
  const decoder = new TextDecoder();
  const rows: Cell[][] = [];
  let columns: AnswerColumn[] | undefined;
  let held = "";
  let characters = 0;
  try {
    for await (const piece of pieces) {
      held += decoder.decode(piece, { stream: true });
      const lines = held.split("\n");
      held = lines.pop() ?? "";
      for (const line of lines) {
        if (columns === undefined) columns = columnsOf(line);
        else if (line.startsWith("],")) return { columns, rows, end: "whole" };
        else if (rows.length >= bounds.rowsMax || characters >= bounds.charactersMax)
          return { columns, rows, end: "cut" };
        else rows.push(cellsOf(line));
        characters += line.length;
      }
    }
  } catch (error) {
    // A connection that broke is an answer that breaks off, unless the page itself ended it.
    if (columns === undefined || (error instanceof Error && error.name === "AbortError")) throw error;
  }
  return { columns: columns ?? [], rows, end: "broken" };
}

function columnsOf(head: string): AnswerColumn[] {
  const { columns }: { columns: AnswerColumn[] } = JSON.parse(`${head}]}`);
  return columns;
}

/** The values of a row's line, each as it is written: cut at commas outside of strings and brackets. */
export function cellsOf(line: string): Cell[] {
  const cells: Cell[] = [];
  let start = 1;
  let depth = 0;
  for (const { 0: sign, index } of line.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{},]/g)) {
    if (sign === "[" || sign === "{") depth++;
    const isEnd = (sign === "," && depth === 1) || (sign === "]" && depth === 1);
    if (isEnd) cells.push(line.slice(start, index));
    if (isEnd) start = index + 1;
    if (sign === "]" || sign === "}") depth--;
    if (depth === 0) break;
  }
  return cells;
}

/** A value as a person reads it; undefined: NULL. */
export function textOf(cell: Cell | undefined): string | undefined {
  if (cell === undefined || cell === "null") return undefined;
  if (!cell.startsWith('"')) return cell;
  const text: unknown = JSON.parse(cell);
  return String(text);
}
