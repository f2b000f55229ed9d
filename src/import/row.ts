/** A row of a file, before it is known whether it is an event. */
import { namesOfKind } from "../event/fields.ts";
import type { ImportedRow } from "../event/line/imported.ts";

/** Where a row stands: its number among the rows of its file, from 1, and its first line where that is not the same. */
type RowPlace = { row: number; line?: number };

/** A row's columns; or why they cannot be read, with the row as it stands in the file. */
export type SourceRow = RowPlace & ((ImportedRow & { ok: true }) | { ok: false; problem: string; raw: string });

/**
 * A row is refused past this: DuckDB reads its line as a whole, in the memory of a rewriting process; 24 MB were too
 * many. Bytes.
 */
export const rowBytesMax = 18 * 1024 * 1024;

/** Columns in which the empty string means nothing: it is absent there, as programs write it that know no null. */
export const neverEmpty = namesOfKind("enum", "time", "id", "object");
