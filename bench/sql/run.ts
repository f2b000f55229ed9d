/**
 * `bun run bench sql`: the catalog against one plain DuckDB table of the same rows, and the stats of a full folder against those
 * of an empty one. Both sides are opened anew for each question, as a process that asks one question does; in turn, medians.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { median } from "../core/method.ts";
import { AuditFailed } from "../system/audit.ts";
import { compactFolder, Service } from "../system/service.ts";
import { quantile, timeStats } from "../system/stats-latency.ts";
import { type History, makeHistory } from "./history.ts";
import { questionsOf } from "./queries.ts";

/** How it was asked for. */
export interface SqlPlan {
  readonly events: number;
  readonly rounds: number;
  readonly seed: number;
}

/** One question's figures; times are medians. */
export interface Asked {
  readonly name: string;
  readonly plainMs: number;
  readonly catalogMs: number;
  /** The catalog's time as a share of the plain table's. */
  readonly share: number;
  readonly shareMax: number;
}

/** All that was found. */
export interface SqlResults {
  readonly events: number;
  readonly asked: readonly Asked[];
  readonly segments: number;
  readonly bytesPerEvent: number;
  readonly plainBytesPerEvent: number;
  /** p99 of `GET /stats` with all events, and with none. */
  readonly statsMs: { readonly full: number; readonly empty: number };
  /** From the start of the service on all events to its first healthy answer. */
  readonly readyMs: number;
}

/** Answers of stats that are timed on each side. */
const statsRequests = 2_000;

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
  const asked = await askBoth(history, { rounds: plan.rounds, progress });
  progress("stats");
  await using full = await Service.start({ folder, signal, dataDir: history.dataDir });
  await using empty = await Service.start({ folder, signal });
  const [fullMs = [], emptyMs = []] = await timeStats([full, empty], { requests: statsRequests });
  const segments = readdirSync(join(history.dataDir, "segments")).map((file) =>
    join(history.dataDir, "segments", file),
  );
  return {
    events: plan.events,
    asked,
    segments: segments.length,
    bytesPerEvent: segments.reduce((sum, path) => sum + statSync(path).size, 0) / plan.events,
    plainBytesPerEvent: statSync(history.plainPath).size / plan.events,
    statsMs: { full: quantile(fullMs, 0.99), empty: quantile(emptyMs, 0.99) },
    readyMs: full.readyMs,
  };
}

async function askBoth(
  history: History,
  { rounds, progress }: { rounds: number; progress: (line: string) => void },
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
      const sides = [
        { path: history.plainPath, times: plainMs },
        { path: catalogPath, times: catalogMs },
      ];
      for (const { path, times } of round % 2 === 0 ? sides : sides.toReversed()) times.push((await ask(path, sql)).ms);
    }
    const share = median(catalogMs.map((ms, round) => ms / (plainMs[round] ?? Number.NaN)));
    asked.push({ name, plainMs: median(plainMs), catalogMs: median(catalogMs), share, shareMax });
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
