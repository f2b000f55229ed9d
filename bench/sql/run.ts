/**
 * The catalog against one plain DuckDB table of the same rows, and the stats of a full folder against those of an empty
 * one. Both sides are opened again for each question, as a process that asks one question does; in turn.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { percentile } from "../core/percentile.ts";
import { AuditFailed } from "../system/audit.ts";
import { compactFolder, Service } from "../system/service.ts";
import { timeStats } from "../system/stats-latency.ts";
import { type History, makeHistory } from "./history.ts";
import { questionsOf } from "./queries.ts";

/** How it was asked for. */
export interface SqlPlan {
  readonly events: number;
  readonly rounds: number;
  readonly seed: number;
}

/** The times of one question, one a round on each side. */
export interface Asked {
  readonly name: string;
  readonly plainMs: readonly number[];
  readonly catalogMs: readonly number[];
  /** Most of the plain table's time that counts as reached. */
  readonly shareMax: number;
}

/** All that was found. */
export interface SqlResults {
  readonly events: number;
  readonly asked: readonly Asked[];
  readonly segments: number;
  readonly bytesPerEvent: number;
  readonly plainBytesPerEvent: number;
  /** p99 of `GET /stats` with all events, and with none, one a round. */
  readonly statsMs: { readonly full: readonly number[]; readonly empty: readonly number[] };
  /** From the start of the service on all events to its first healthy answer. */
  readonly readyMs: number;
}

/**
 * Answers of stats that are timed on each side in a round: the tenth slowest is the p99, so that one stall is not it.
 */
const statsRequests = 1_000;

/**
 * Makes the history, has it compacted by the service's own command, and asks both sides.
 * @throws AuditFailed when the two sides answer differently
 */
export async function runSql(
  plan: SqlPlan,
  { folder, signal, progress }: { folder: string; signal: AbortSignal; progress: (line: string) => void },
): Promise<SqlResults> {
  const history = await makeHistory({
    ...plan,
    folder,
    onEvents: (events) => {
      signal.throwIfAborted();
      if (events % 10_000_000 === 0) progress(`${events} events made`);
    },
  });
  progress("compaction");
  await compactFolder(history.dataDir, signal);
  const asked = await askBoth(history, { rounds: plan.rounds, signal, progress });
  progress("stats");
  await using full = await Service.start({ folder, signal, dataDir: history.dataDir });
  await using empty = await Service.start({ folder, signal });
  const statsMs: { full: number[]; empty: number[] } = { full: [], empty: [] };
  for (let round = 0; round < plan.rounds; round += 1) {
    signal.throwIfAborted();
    const [fullMs = [], emptyMs = []] = await timeStats([full, empty], { requests: statsRequests });
    statsMs.full.push(percentile(fullMs, 99));
    statsMs.empty.push(percentile(emptyMs, 99));
  }
  const segments = readdirSync(join(history.dataDir, "segments")).map((file) =>
    join(history.dataDir, "segments", file),
  );
  return {
    events: plan.events,
    asked,
    segments: segments.length,
    bytesPerEvent: segments.reduce((sum, path) => sum + statSync(path).size, 0) / plan.events,
    plainBytesPerEvent: statSync(history.plainPath).size / plan.events,
    statsMs,
    readyMs: full.readyMs,
  };
}

async function askBoth(
  history: History,
  { rounds, signal, progress }: { rounds: number; signal: AbortSignal; progress: (line: string) => void },
): Promise<Asked[]> {
  const catalogPath = join(history.dataDir, "millrace.duckdb");
  const asked: Asked[] = [];
  for (const { name, sql, shareMax } of questionsOf(history)) {
    progress(name);
    // Not timed: both sides have what they read in the page cache from here on, and say the same.
    const [fromPlain, fromCatalog] = [await ask(history.plainPath, sql), await ask(catalogPath, sql)];
    if (fromPlain.rows !== fromCatalog.rows) throw new AuditFailed([`${name}: the catalog and the plain table differ`]);
    const plainMs: number[] = [];
    const catalogMs: number[] = [];
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      const sides = [
        { path: history.plainPath, times: plainMs },
        { path: catalogPath, times: catalogMs },
      ];
      for (const { path, times } of round % 2 === 0 ? sides : sides.toReversed()) times.push((await ask(path, sql)).ms);
    }
    asked.push({ name, plainMs, catalogMs, shareMax });
  }
  return asked;
}

/** Opens a file, asks one question, and closes it. */
async function ask(path: string, sql: string): Promise<{ ms: number; rows: string }> {
  const startMs = performance.now();
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  try {
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'UTC'");
    const rows = (await connection.runAndReadAll(sql)).getRowsJson();
    connection.closeSync();
    return { ms: performance.now() - startMs, rows: JSON.stringify(rows) };
  } finally {
    instance.closeSync();
  }
}
