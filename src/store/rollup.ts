/** The rollup that each segment carries: its events counted by hour, category, priority and name. */
import { categories } from "../event/categories.ts";
import type { DuckDB } from "./duckdb.ts";
import { identifier, listLiteral } from "./sql-literals.ts";
import { clockOf, instantOf } from "./utc.ts";

/** Selects the rollup of a table of events; hours are UTC's. */
export const rollupQuery = (events: string) =>
  `SELECT ${instantOf(`date_trunc('hour', ${clockOf('"timestamp"')})`)} AS hour, category, priority, event_name, count(*) AS events
   FROM ${events} GROUP BY ALL ORDER BY ALL`;

/** Selects the sum of rollups, whose rows this query selects. */
export const hourlyQuery = (rollups: string) =>
  `SELECT hour, category, priority, event_name, sum(events)::BIGINT AS events FROM (${rollups}) GROUP BY ALL`;

/** Selects no row, in the columns given. */
export const emptyQuery = (columns: Readonly<Record<string, string>>) =>
  `SELECT ${Object.entries(columns)
    .map(([name, type]) => `NULL::${type} AS ${identifier(name)}`)
    .join(", ")} WHERE false`;

/** Counts of sealed events. */
export type SealedCounts = {
  /** Events by category, in the order of `categories`. */
  byCategory: number[];
  /** Events by hour since 1970, within the hours asked for. */
  byHour: Map<number, number>;
};

/** Counts where nothing is sealed. */
export const nothingSealed = (): SealedCounts => ({ byCategory: categories.map(() => 0), byHour: new Map() });

/** Hours since 1970: `from` is in, `to` is not. */
export type HourWindow = { from: number; to: number };

/** Adds up the rollups of segments; its cost grows with their number and never with their events. */
export async function countSealed(duckdb: DuckDB, paths: readonly string[], window: HourWindow): Promise<SealedCounts> {
  const counts = nothingSealed();
  if (paths.length === 0) return counts;
  const rollups = `read_duckdb(${listLiteral(paths)}, table_name = 'rollup')`;
  const byCategory = await duckdb.rows(
    `SELECT category::VARCHAR AS category, sum(events)::DOUBLE AS events FROM ${rollups} GROUP BY ALL`,
  );
  const eventsOf = new Map(byCategory.map((row) => [row["category"], Number(row["events"])]));
  counts.byCategory = categories.map((category) => eventsOf.get(category) ?? 0);
  const byHour = await duckdb.rows(
    `SELECT (epoch(hour) / 3600)::INTEGER AS hour, sum(events)::DOUBLE AS events FROM ${rollups}
     WHERE hour >= to_timestamp(${window.from} * 3600) AND hour < to_timestamp(${window.to} * 3600) GROUP BY ALL`,
  );
  for (const row of byHour) counts.byHour.set(Number(row["hour"]), Number(row["events"]));
  return counts;
}
