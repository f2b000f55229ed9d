/**
 * The table `summary` of a segment: one row that describes it, so that plans need not read its events.
 */
import packageJson from "../../../package.json" with { type: "json" };
import { currentFormat, type SegmentName } from "../folder/names.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { integer, literal } from "../sql/literals.ts";
import { type SegmentParts, withSegment } from "./open-segment.ts";

/** The summary of a segment. Times are in ms since 1970, and undefined if it holds no event. */
export type SegmentSummary = {
  events: number;
  /** Number of events whose id a client made, which may therefore have duplicates; an upper bound. */
  clientIds: number;
  /** Whether it had its last merge: it is ordered, and was searched for duplicates. */
  isFinal: boolean;
  receivedFromMs: number | undefined;
  receivedToMs: number | undefined;
};

/** A current segment and what is known of it; `file` is its name. */
export type KnownSegment = { file: string; name: SegmentName; bytes: number; summary: SegmentSummary };

/** Selects the summary of a table of events. */
export const summaryQuery = (events: string, known: Pick<SegmentSummary, "clientIds" | "isFinal">) =>
  `SELECT count(*) AS events, ${integer(known.clientIds)} AS client_ids, ${known.isFinal} AS is_final,
     min(received_at) AS received_from, max(received_at) AS received_to,
     min("timestamp") AS timestamp_from, max("timestamp") AS timestamp_to,
     ${integer(currentFormat)} AS format, ${literal(packageJson.version)} AS written_by FROM ${events}`;

/** Opens a segment and reads its summary. */
export const readSummary = (duckdb: DuckDB, path: string): Promise<SegmentSummary> =>
  withSegment(duckdb, { path, name: "summed" }, (has) => summaryIn(duckdb, "summed", has));

/** Reads the summary of the attached segment `name`; for an old segment without one, computes it from the events. */
export async function summaryIn(duckdb: DuckDB, name: string, has: SegmentParts): Promise<SegmentSummary> {
  const source = has.summary
    ? `${name}.summary`
    : `(SELECT s.* REPLACE (events AS client_ids) FROM (${summaryQuery(`${name}.events`, { clientIds: 0, isFinal: false })}) s)`;
  const [row] = await duckdb.rows(
    `SELECT events::DOUBLE AS events, client_ids::DOUBLE AS client_ids, is_final,
       epoch_ms(received_from)::DOUBLE AS received_from, epoch_ms(received_to)::DOUBLE AS received_to FROM ${source}`,
  );
  const ms = (value: unknown) => (value === null || value === undefined ? undefined : Number(value));
  return {
    events: Number(row?.["events"]),
    clientIds: Number(row?.["client_ids"]),
    isFinal: row?.["is_final"] === true,
    receivedFromMs: ms(row?.["received_from"]),
    receivedToMs: ms(row?.["received_to"]),
  };
}
