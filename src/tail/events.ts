/** The events in the groups of a journal. */
import type { CursorRows } from "../journal/cursor.ts";
import { rowLines } from "../journal/reader.ts";
import { eventJson, fits, membersOf, type TailFilter } from "./filter.ts";

/** An event: its place in its shard, and its journal line. */
export type TailEvent = { sequence: number; line: Buffer };

/** The events of a group, in order. */
export function* eventRows({ from, lines }: CursorRows): Generator<TailEvent> {
  let next: number = from;
  for (const line of rowLines(lines)) yield { sequence: next++, line };
}

/** An event as JSON; undefined if it does not fit the filter. */
export function matching({ line }: TailEvent, filter: TailFilter): string | undefined {
  const members = membersOf(line.toString());
  return fits(members, filter) ? eventJson(members) : undefined;
}
