/** The sealed events of one shard in the order of their sequences: what a reader of the tail resumes from. */
import { join } from "node:path";
import { eventColumns } from "../../event/columns.ts";
import { currentSegments } from "../folder/current.ts";
import { listNames } from "../folder/layout.ts";
import { type DataFolder, parseSegmentName } from "../folder/names.ts";
import { readUnreadable } from "../folder/unreadable.ts";
import { digits, identifier, integer, literal } from "../sql/literals.ts";
import { segmentsQuery } from "./segments-query.ts";

/** The first `eventsMax` events after `after` and up to `to` that have these values, by column. */
export type SealedEvents = {
  shard: number;
  after: number;
  to: number;
  values: Readonly<Record<string, string>>;
  eventsMax: number;
};

/** Paths of the current, readable segments that may hold these events. */
function segmentsOf(folder: DataFolder, { shard, after, to }: SealedEvents): string[] {
  const unreadable = new Set(readUnreadable(folder).map(({ file }) => file));
  const readable = listNames(folder.segments, parseSegmentName).filter(({ file }) => !unreadable.has(file));
  return currentSegments(readable)
    .current.filter(({ name }) => Number(name.shard) === shard && name.from <= to && name.to > after)
    .map(({ file }) => join(folder.segments, file));
}

/**
 * Selects them with their sequences, which come first; `files` are what it reads. The place of the last one is found
 * before, by its sequence alone, so that whole events are only sorted, which can spill.
 */
export function sealedEventsQuery(folder: DataFolder, wanted: SealedEvents): { sql: string; files: string[] } {
  const files = segmentsOf(folder, wanted);
  const source = `(${segmentsQuery({ table: "events", files, extra: ["sequence"] })})`;
  const conditions = [
    `sequence > ${integer(wanted.after)}`,
    `sequence <= ${integer(wanted.to)}`,
    ...Object.entries(wanted.values).map(([column, value]) => `${identifier(column)}::VARCHAR = ${literal(value)}`),
  ].join(" AND ");
  const first = `SELECT sequence FROM ${source} WHERE ${conditions} ORDER BY sequence LIMIT ${digits(wanted.eventsMax)}`;
  const columns = ["sequence", ...Object.keys(eventColumns)].map(identifier).join(", ");
  const sql = `SELECT ${columns} FROM ${source} WHERE ${conditions} AND sequence <= (SELECT max(sequence) FROM (${first})) ORDER BY sequence`;
  return { sql, files };
}
