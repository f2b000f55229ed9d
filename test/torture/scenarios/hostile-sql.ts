/** Hostile SQL beside ingest: it may end only the query's own process, and must reveal nothing about the machine. */
import { writeFileSync } from "node:fs";
import { Ledger } from "../../support/ledger.ts";
import type { Random } from "../../support/random.ts";
import { Service } from "../../support/service.ts";
import { writeUntil } from "../../support/writer.ts";
import { oneOf } from "../hostile/bodies.ts";
import { judge, recovered, refusedIn } from "../judge.ts";
import type { Broken, Round, Scenario } from "../scenario.ts";

const queriesOfRound = 15;

/** Words of SQL and of attacks. A random sequence of them is rarely valid and must never do harm. */
const words = [
  "SELECT",
  "*",
  "FROM",
  "events",
  "WHERE",
  "1",
  "=",
  "(",
  ")",
  "UNION ALL",
  "read_text('CANARY')",
  "read_csv('CANARY')",
  "duckdb_settings()",
  "ATTACH 'CANARY' AS x",
  "COPY events TO 'CANARY'",
  "INSTALL httpfs",
  "PRAGMA database_list",
  "SET memory_limit = '90GB'",
  "SUMMARIZE",
  "DESCRIBE",
  "PIVOT events ON category USING count(*)",
  "EXPLAIN ANALYZE",
  ";",
  "--",
  "/*",
  "*/",
  "'",
  '"',
  "$1",
  "NULL",
  "range(1000000000)",
  "repeat('x', 1000000000)",
  "count(*)",
  "LIMIT 5",
  "ORDER BY ALL",
  "GROUP BY ALL",
  "WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT 1 FROM t)",
  "glob('/**')",
  "getenv('MILLRACE_JWT_SECRET')",
  "sniff_csv('CANARY')",
  "\u0000",
  "query('SELECT 1')",
  "query_table('events')",
] as const;

const sound = ["SELECT count(*) AS n FROM events", "FROM top(event_name, 3)", "SELECT * FROM events LIMIT 3"] as const;

function hostileStatement(random: Random, canary: string): string {
  const length = random.between({ from: 1, to: 14 });
  const sentence = random.onceIn(3)
    ? `${oneOf(random, sound)} ${oneOf(random, words)} ${oneOf(random, words)}`
    : Array.from({ length }, () => oneOf(random, words)).join(" ");
  return sentence.replaceAll("CANARY", canary);
}

/** Many queries, one service under load. */
export const hostileSql: Scenario = {
  name: "hostile-sql",
  summary: `${queriesOfRound} hostile queries a round beside ingest: attacks, bombs, sentences of random words`,
  rounds: 8,
  mayRunBeside: true,
  missing: () => undefined,
  run: async ({ random, folder }: Round) => {
    const broken: Broken[] = [];
    const secret = "canary-in-a-file-that-no-query-may-read";
    const canary = `${folder}/canary.csv`;
    writeFileSync(canary, `${secret}\n`);
    await using service = new Service({
      dataDir: `${folder}/data`,
      env: { MILLRACE_QUERY_SECONDS: "3", MILLRACE_QUERY_MEMORY_MIB: "512" },
    });
    await service.restart();
    const ledger = new Ledger();
    let isOver = false;
    const writing = writeUntil(service, { ledger, random, open: [] }, () => isOver);
    const token = service.token({ scope: "query" });
    let refused = 0;
    for (let query = 0; query < queriesOfRound; query++) {
      const sql = hostileStatement(random, canary);
      const format = oneOf(random, ["json", "ndjson", "csv", "parquet"]);
      const response = await service.request("/api/v1/analytics/query", {
        body: JSON.stringify({ sql, format }),
        token,
      });
      // An answer may break off, as promised: the part that arrived is checked.
      const text = await response.text().catch(() => "");
      const other = (what: string) =>
        void broken.push({ kind: "other", what: `${what} for ${sql}: ${text.slice(0, 300)}` });
      if (![200, 400, 429, 504].includes(response.status)) other(String(response.status));
      if (text.includes(secret)) other("shows a file of the machine");
      if (text.includes(folder) && !sql.includes(folder)) other("shows a folder");
      if (response.status !== 200) refused += 1;
    }
    isOver = true;
    await writing;
    const recoveryMs = await recovered(service);
    broken.push(...(await judge(service, ledger)));
    return { acknowledged: ledger.acknowledged.size, refused: refused + refusedIn(ledger), recoveryMs, broken };
  },
};
