/**
 * Events whose id is there twice: a client sent one again after the id table had forgotten it. The first one that was
 * received stays.
 */
import type { ShardId } from "../../base/brand.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { integer } from "../sql/literals.ts";
import { segmentsQuery } from "./segments-query.ts";

/**
 * Where repeats are looked for: `from` is a query over segments of one shard, `others` are paths of other segments.
 * What is in both stays where it was received earlier, or always in the others (theirs).
 */
type RepeatSearch = { from: string; shard: ShardId; others: readonly string[]; stays: "earlier" | "theirs" };

/**
 * SQL for what stays of `from` when repeats fall out of it; `from` itself where there are none.
 * Nearly always there are none, so the search is for ids alone; only what it finds is looked at closely.
 */
export async function removeRepeats(duckdb: DuckDB, { from, shard, others, stays }: RepeatSearch): Promise<string> {
  const othersQuery =
    others.length === 0
      ? undefined
      : `SELECT event_id, received_at, filename FROM (${segmentsQuery({ table: "events", files: others, extra: ["filename"] })})`;
  const elsewhere =
    othersQuery === undefined
      ? ""
      : `UNION ALL (FROM (${othersQuery}) SEMI JOIN ${from} USING (event_id) SELECT event_id)`;
  await duckdb.run(
    `CREATE OR REPLACE TEMP TABLE repeated AS SELECT event_id FROM (SELECT event_id FROM ${from} ${elsewhere})
     GROUP BY event_id HAVING count(*) > 1`,
  );
  const [found] = await duckdb.rows("SELECT count(*)::DOUBLE AS ids FROM repeated");
  if (found?.["ids"] === 0) return from;
  await duckdb.run(
    othersQuery === undefined
      ? "CREATE OR REPLACE TEMP TABLE earlier AS SELECT event_id, NULL::TIMESTAMPTZ AS received_at, '' AS filename FROM repeated WHERE false"
      : `CREATE OR REPLACE TEMP TABLE earlier AS FROM (${othersQuery}) SEMI JOIN repeated USING (event_id)`,
  );
  // Two that were received in the same microsecond in two shards: the one of the first shard stays, whichever is looked
  // at.
  const isTheirs = stays === "theirs" ? "true" : "false";
  const shardOfOther = "parse_filename(earlier.filename)[:4]::INTEGER";
  return `(FROM ${from} ANTI JOIN repeated USING (event_id) UNION ALL BY NAME
    (SELECT * EXCLUDE (nth) FROM
      (SELECT *, row_number() OVER (PARTITION BY event_id ORDER BY received_at) AS nth
       FROM ${from} SEMI JOIN repeated USING (event_id)) mine
     WHERE nth = 1 AND NOT EXISTS (FROM earlier WHERE earlier.event_id = mine.event_id AND
       (${isTheirs} OR earlier.received_at < mine.received_at OR
        (earlier.received_at = mine.received_at AND ${shardOfOther} < ${integer(shard)})))))`;
}
