/** Counts of the rows of one journal part, from their acceptance until they are sealed. */

import { categories } from "../../event/categories.ts";
import type { RowHead } from "../../event/line/row.ts";
import { IdList } from "../ids/id-list.ts";

/** Counts of the rows of a journal part, and their client-made ids. */
export class Tally {
  rows = 0;
  /** Rows by category, in the order of `categories`. */
  readonly byCategory = categories.map(() => 0);
  /** Rows by hour since 1970. */
  readonly byHour = new Map<number, number>();
  readonly ids = new IdList();
  /** Length of the longest line, or an upper bound for it. Bytes. */
  lineBytesMax = 0;
  /** When the oldest row was received, ms since 1970; 0 while there is none. */
  oldestMs = 0;

  /** Counts one row. */
  add(row: Omit<RowHead, "receivedAtMs">): void {
    this.rows += 1;
    this.byCategory[row.category] = (this.byCategory[row.category] ?? 0) + 1;
    this.byHour.set(row.hour, (this.byHour.get(row.hour) ?? 0) + 1);
    if (row.content !== undefined) this.ids.add(row.eventId, row.content);
  }

  /** Notes when a row was received, ms since 1970; 0 for no row. */
  noteReceived(timeMs: number): void {
    if (timeMs > 0 && (this.oldestMs === 0 || timeMs < this.oldestMs)) this.oldestMs = timeMs;
  }

  /** Adds all that another one counted. */
  addAll(other: Tally): void {
    this.rows += other.rows;
    for (const [category, rows] of other.byCategory.entries())
      this.byCategory[category] = (this.byCategory[category] ?? 0) + rows;
    for (const [hour, rows] of other.byHour) this.byHour.set(hour, (this.byHour.get(hour) ?? 0) + rows);
    this.ids.addAll(other.ids);
    this.lineBytesMax = Math.max(this.lineBytesMax, other.lineBytesMax);
    // A group of only duplicates adds nothing to be sealed.
    if (other.rows > 0) this.noteReceived(other.oldestMs);
  }
}
