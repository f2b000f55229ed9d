/**
 * Finds events whose id is stored twice, because a client sent one again after the id table had forgotten it. The one
 * that was received first stays.
 */
import type { ShardId } from "../../base/brand.ts";
import type { DuckDB } from "../sql/duckdb.ts";
import { integer } from "../sql/literals.ts";
import { segmentsQuery } from "./segments-query.ts";

/**
 * Where duplicates are searched: `from` is a query over events of one shard, `others` are paths of other segments. An
 * event that is in both stays where it was received earlier ("earlier"), or always in the others ("theirs").
 */
type RepeatSearch = { from: string; shard: ShardId; others: readonly string[]; stays: "earlier" | "theirs" };

/**
 * SQL for the events of `from` without duplicates; `from` itself if there are none.
 * There are nearly always none, so the search reads only ids; whole events are read only for the ids that it finds.
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
  // Of two that were received in the same microsecond in two shards, the one of the lower shard stays, whichever of the
  // two is rewritten.
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
