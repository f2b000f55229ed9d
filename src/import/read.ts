/** The one way to read a file of any format: its rows, in the order of the file. */
import { csvRows } from "./csv.ts";
import { jsonRows } from "./json.ts";
import { parquetRows } from "./parquet.ts";
import { ImportRefused } from "./refused.ts";
import type { SourceRow } from "./row.ts";
import { bytesOf, type ImportSource } from "./source.ts";

/** How files are read. */
type ReadOptions = {
  delimiter: string | undefined;
  /** Called with how many bytes of the file were read so far, where that is known. */
  onRead?: (bytes: number) => void;
  /**
   * Called with the columns of a table, including those that are empty in every row. In JSON each row has its own
   * columns.
   */
  onColumns?: (names: readonly string[]) => void;
};

/**
 * Reads a file's rows, many at a time.
 * @throws ImportRefused naming the file, if it is damaged or the rest cannot be split into rows; the rows before that
 * were yielded
 */
export async function* readRows(source: ImportSource, options: ReadOptions): AsyncGenerator<SourceRow[]> {
  try {
    yield* rowsOf(source, options);
  } catch (error) {
    if (!(error instanceof ImportRefused)) throw error;
    throw new ImportRefused(`${source.shown}: ${error.message}`, { cause: error });
  }
}

const nobody = () => undefined;

function rowsOf(source: ImportSource, options: ReadOptions): AsyncGenerator<SourceRow[]> {
  const { delimiter, onRead = nobody, onColumns = nobody } = options;
  if (source.format === "parquet") return parquetRows(source.path, onColumns);
  const bytes = bytesOf(source, onRead);
  return source.format === "csv" ? csvRows(bytes, { delimiter, onColumns }) : jsonRows(bytes);
}
