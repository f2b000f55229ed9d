/**
 * An analyst's process: repeatedly opens the catalog, queries and closes it, and prints each new session as one line of
 * JSON. Arguments: the catalog, and what the names of the sessions start with. Ends when it is killed.
 */
import { DuckDBInstance } from "@duckdb/node-api";
import { epochMs } from "./sightings.ts";

/** Pause between two queries: short beside the seconds that are measured, and the service gets the core meanwhile. */
const pauseMs = 50;

const [catalogPath, prefix] = process.argv.slice(2);
if (catalogPath === undefined || prefix === undefined) throw new Error("usage: catalog-poller.ts CATALOG PREFIX");

async function sessionsNow(path: string, start: string): Promise<string[]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY", threads: "1" });
  try {
    const connection = await instance.connect();
    const sql = "SELECT session_id FROM events WHERE starts_with(session_id, $1) GROUP BY ALL";
    const answer = await connection.runAndReadAll(sql, [start]);
    return answer.getRows().map(([session]) => String(session));
  } finally {
    instance.closeSync();
  }
}

const seen = new Set<string>();
for (;;) {
  const sessions = (await sessionsNow(catalogPath, prefix)).filter((session) => !seen.has(session));
  const atMs = epochMs();
  for (const session of sessions) {
    seen.add(session);
    console.log(JSON.stringify({ session, atMs }));
  }
  await Bun.sleep(pauseMs);
}
