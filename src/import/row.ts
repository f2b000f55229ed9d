/** A row of a file, before it is known whether it is an event. */
import { namesOfKind } from "../event/fields.ts";
import type { ImportedRow } from "../event/line/imported.ts";

/** A row's number in its file, from 1, and its first line if that is a different number. */
type RowPlace = { row: number; line?: number };

/** A row's columns; or why they cannot be read, with the row as it is in the file. */
export type SourceRow = RowPlace & ((ImportedRow & { ok: true }) | { ok: false; problem: string; raw: string });

/**
 * A longer row is refused: DuckDB reads its whole line at once, in the memory of a rewriting process; 24 MB were too
 * many. Bytes.
 */
export const rowBytesMax = 18 * 1024 * 1024;

/** Columns in which the empty string has no meaning and is absent: programs without a null write it there. */
export const neverEmpty = namesOfKind("enum", "time", "id", "object");
