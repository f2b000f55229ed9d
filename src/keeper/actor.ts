/**
 * Worker entry of the keeper: the one thread that has DuckDB. It seals, counts and publishes; its state is the folder.
 *
 * Why no shard has a DuckDB of its own: a thread that ends under a running query takes the whole process with it (seen:
 * the binding aborts), and a shard's thread must be able to end. One instance also takes less memory than many.
 */
import { bornWith, type Handlers, handlerOf } from "../actor/serve.ts";
import { openLog } from "../base/log.ts";
import { lowerPoolPriority } from "../base/priority.ts";
import { DuckDB } from "../store/duckdb.ts";
import { countRows } from "../store/segment.ts";
import { sealOrSetAside } from "../store/set-aside.ts";
import { Keeper } from "./keeper.ts";
import type { KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

const { folder, threads, memoryMiB, logLevel } = bornWith() as KeeperOptions;
const log = openLog(logLevel, "keeper");
const keeper = new Keeper(folder, log);

/**
 * Flushes use a core in bursts of 100 ms, and whoever waits for an answer waits for no burst: at half load p99 is a quarter lower so.
 * A tenth of the weight of a thread that answers, so that a flush still goes on when those never rest; should it fall behind, shards wait for it.
 */
const poolNice = 10;

let duckdb: Promise<DuckDB> | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Runs jobs one after another: they share a connection, and two at once would take both cores from ingest. */
function inTurn<Result>(job: (duckdb: DuckDB) => Promise<Result>): Promise<Result> {
  const run = async () => {
    let opened: DuckDB | undefined;
    try {
      duckdb ??= DuckDB.open({ threads, memoryMiB });
      opened = await duckdb;
      lowerPoolPriority(poolNice);
      return await job(opened);
    } catch (error) {
      // An instance that met a failed write or sync refuses everything from then on, also when the disk is well again.
      duckdb = undefined;
      opened?.[Symbol.dispose]();
      throw error;
    }
  };
  const result = last.then(run, run);
  last = result.catch(() => undefined);
  return result;
}

const handlers: Handlers<KeeperRequest, KeeperReplies> = {
  recover: async () => ({ refused: undefined }),
  settle: async () => {
    await last;
    return undefined;
  },
  publish: ({ watermarks }) => inTurn((opened) => keeper.publish(opened, watermarks)),
  seal: ({ source }) => inTurn((opened) => sealOrSetAside(opened, { folder, log, source })),
  check: ({ path }) => inTurn((opened) => countRows(opened, path)),
  count: ({ stretches, window }) => inTurn((opened) => keeper.count(opened, stretches, window)),
  plan: ({ wish }) => inTurn((opened) => keeper.plan(opened, wish)),
  adopt: ({ rewritten }) =>
    inTurn(async () => {
      keeper.adopt(rewritten);
      return undefined;
    }),
  sweep: ({ graceMs }) => inTurn(async () => keeper.sweep(graceMs)),
};

/** What piscina calls. */
export const handle = handlerOf(handlers);
