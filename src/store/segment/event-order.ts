/** The order of a segment's events. They are sorted in pieces, one after another, which takes less memory. */
import type { DuckDB } from "../sql/duckdb.ts";
import { integer, literal } from "../sql/literals.ts";

/**
 * `by` is what follows ORDER BY. `pieces` are SQL conditions, at least one: every event meets exactly one of them, and
 * each event of a piece comes before all events of the next.
 */
type EventOrder = { by: string; pieces: readonly string[] };

/** The sessions of a day are divided into this many parts; within each, events are ordered by name. */
const sessionParts = 4;

/**
 * Events that are sorted at once. DuckDB holds a part of every sorted run, so few runs at a time need little memory:
 * eight million events need 112 MiB in these, and 160 at once. Each piece reads the sources once more: with pieces of a
 * million, merges fell behind a load that never pauses (`decisions/resident-memory.md`).
 */
const pieceEvents = 1_500_000;

/** Units by which time is divided: days if a segment spans several, or else hours if it spans several. us */
const timeUnits = [86_400_000_000, 3_600_000_000];

/**
 * The order in which a query by time, by session or by name reads only a part of the row groups: days (or hours),
 * within each the quarters of the sessions, then names, then sessions. `bun run bench sql` measures it against a table
 * in order of arrival. Sessions before names were better for one session and worse for one name; names before sessions
 * were the reverse.
 *
 * `source` is a query in parentheses, and `events` how many events it has.
 */
export async function eventOrderOf(duckdb: DuckDB, source: string, events: number): Promise<EventOrder> {
  const sample = `(SELECT event_name, "timestamp", session_id FROM ${source} USING SAMPLE 2 PERCENT (system))`;
  // From the 1st to the 99th percentile: one event of another century must not decide.
  const [found] = await duckdb.rows(
    `SELECT (quantile_disc(epoch_us("timestamp"), 0.99) - quantile_disc(epoch_us("timestamp"), 0.01))::DOUBLE AS span,
       quantile_disc(coalesce(session_id, ''), ${sharesOf(sessionParts)}) AS sessions FROM ${sample}`,
  );
  const unit = timeUnits.find((each) => Number(found?.["span"] ?? 0) > 2 * each);
  const bounds = stringsOf(found?.["sessions"]);
  const quarter = bounds.map((id) => `(coalesce(session_id, '') >= ${literal(id)})::TINYINT`).join(" + ");
  const terms = [
    unit === undefined ? "" : `epoch_us("timestamp") // ${integer(unit)}`,
    quarter,
    "event_name",
    "session_id",
    '"timestamp"',
  ].filter((term) => term !== "");
  return { by: terms.join(", "), pieces: await piecesOf(duckdb, { terms, sample, events }) };
}

/** Conditions that cut events in the order of `terms` into pieces of nearly the same number of them. */
async function piecesOf(
  duckdb: DuckDB,
  { terms, sample, events }: { terms: readonly string[]; sample: string; events: number },
): Promise<string[]> {
  const count = Math.ceil(events / pieceEvents);
  if (count < 2) return ["true"];
  // Keys compare as ORDER BY does, NULL included.
  const key = `create_sort_key(${terms.map((term) => `${term}, 'ASC NULLS LAST'`).join(", ")})`;
  const [found] = await duckdb.rows(`SELECT quantile_disc(hex(${key}), ${sharesOf(count)}) AS cuts FROM ${sample}`);
  const cuts = [...new Set(stringsOf(found?.["cuts"]))].map((cut) => `unhex(${literal(cut)})`);
  return [undefined, ...cuts].map((from, index) => {
    const to = cuts[index];
    const bounds = [from && `${key} >= ${from}`, to && `${key} < ${to}`];
    return bounds.filter((bound) => bound !== undefined).join(" AND ") || "true";
  });
}

/** A list of the shares at which something is cut into this many parts. */
const sharesOf = (parts: number) =>
  `[${Array.from({ length: parts - 1 }, (_, index) => (index + 1) / parts).join(", ")}]`;

const stringsOf = (value: unknown) => (Array.isArray(value) ? value.map(String) : []);
