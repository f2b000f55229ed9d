/** The one way into a file of any format: its rows, in their order, as they stand in it. */
import { csvRows } from "./csv.ts";
import { jsonRows } from "./json.ts";
import { parquetRows } from "./parquet.ts";
import { ImportRefused } from "./refused.ts";
import type { SourceRow } from "./row.ts";
import { bytesOf, type ImportSource } from "./source.ts";

/** How files are read. */
type ReadOptions = {
  delimiter: string | undefined;
  /** Told how many bytes of the file were read by then, where that is known. */
  onRead?: (bytes: number) => void;
  /** Told the columns of a table, also those that are empty in every row. In JSON each row has its own. */
  onColumns?: (names: readonly string[]) => void;
};

/**
 * Reads a file's rows, many at a time.
 * @throws ImportRefused naming the file, where it is damaged or what follows cannot be told into rows; rows before it
 * were given
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
