/** Counts of the rows of one journal part, from their acceptance until they are sealed. */

import { categories } from "../../event/categories.ts";
import type { RowHead } from "../../event/line/row.ts";
import { IdList } from "../ids/id-list.ts";

/** Hours of a group that are kept for the next one: nearly always it has the same. */
const hoursKeptMax = 8;

/** Counts of the rows of a journal part or a group, and their client-made ids. */
export class Tally {
  rows = 0;
  /** Rows by category, in the order of `categories`. */
  readonly byCategory = categories.map(() => 0);
  /** Rows by hour since 1970; an hour may have none. */
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
    for (let category = 0; category < other.byCategory.length; category++)
      this.byCategory[category] = (this.byCategory[category] ?? 0) + (other.byCategory[category] ?? 0);
    for (const hour of other.byHour.keys()) {
      const rows = other.byHour.get(hour) ?? 0;
      if (rows > 0) this.byHour.set(hour, (this.byHour.get(hour) ?? 0) + rows);
    }
    this.ids.addAll(other.ids);
    this.lineBytesMax = Math.max(this.lineBytesMax, other.lineBytesMax);
    // A group of only duplicates adds nothing to be sealed.
    if (other.rows > 0) this.noteReceived(other.oldestMs);
  }

  /** Counts from nothing again. */
  clear(): void {
    this.rows = 0;
    this.byCategory.fill(0);
    // A cleared map makes a new table for the next hour.
    if (this.byHour.size > hoursKeptMax) this.byHour.clear();
    else for (const hour of this.byHour.keys()) this.byHour.set(hour, 0);
    this.ids.clear();
    this.lineBytesMax = 0;
    this.oldestMs = 0;
  }
}
