/** The rollup that each segment carries: its events counted by hour, category, priority and name. */
import { categories } from "../../event/categories.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { integer } from "../sql/literals.ts";
import { clockOf, instantOf } from "../sql/utc.ts";
import { segmentsQuery } from "./segments-query.ts";

/** us */
const hourUs = 3_600_000_000;

/**
 * SQL expression: the instant at which this hour since 1970 begins. DuckDB multiplies, because from 2255 on the product
 * is past 2^53.
 */
const startOf = (hour: number) => `make_timestamptz(${integer(hour)} * ${integer(hourUs)})`;

/** Selects the rollup of a table of events; hours are UTC's. */
export const rollupQuery = (events: string) =>
  `SELECT ${instantOf(`date_trunc('hour', ${clockOf('"timestamp"')})`)} AS hour, category, priority, event_name, count(*) AS events
   FROM ${events} GROUP BY ALL ORDER BY ALL`;

/** Selects the sums of rollups; `rollups` is a query that selects their rows. */
export const hourlyQuery = (rollups: string) =>
  `SELECT hour, category, priority, event_name, sum(events)::BIGINT AS events FROM (${rollups}) GROUP BY ALL`;

/** Counts of sealed events. */
export type SealedCounts = {
  /** Events by category, in the order of `categories`. */
  byCategory: number[];
  /** Events by hour since 1970, within the requested hours. */
  byHour: Map<number, number>;
};

/** The counts if nothing is sealed. */
export const nothingSealed = (): SealedCounts => ({ byCategory: categories.map(() => 0), byHour: new Map() });

/** Hours since 1970: `from` is included, `to` is not. */
export type HourWindow = { from: number; to: number };

/** Adds up the rollups of segments. The cost grows with the number of segments, not with their events. */
export async function countSealed(duckdb: DuckDB, paths: readonly string[], window: HourWindow): Promise<SealedCounts> {
  const counts = nothingSealed();
  if (paths.length === 0) return counts;
  const rollups = `(${segmentsQuery({ table: "rollup", files: paths })})`;
  const byCategory = await duckdb.rows(
    `SELECT category::VARCHAR AS category, sum(events)::DOUBLE AS events FROM ${rollups} GROUP BY ALL`,
  );
  const eventsOf = new Map(byCategory.map((row) => [row["category"], Number(row["events"])]));
  counts.byCategory = categories.map((category) => eventsOf.get(category) ?? 0);
  const byHour = await duckdb.rows(
    `SELECT (epoch_us(hour) // ${integer(hourUs)})::DOUBLE AS hour, sum(events)::DOUBLE AS events FROM ${rollups}
     WHERE hour >= ${startOf(window.from)} AND hour < ${startOf(window.to)} GROUP BY ALL`,
  );
  for (const row of byHour) counts.byHour.set(Number(row["hour"]), Number(row["events"]));
  return counts;
}
