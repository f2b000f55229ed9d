/**
 * Worker entry of the keeper: the one thread that has DuckDB. It seals, counts and publishes; its state is the folder.
 *
 * Why no shard has a DuckDB of its own: a thread that ends under a running query takes the whole process with it (seen:
 * the binding aborts), and a shard's thread must be able to end. Two instances also take less memory than one for each shard.
 */
import { bornWith, type Handlers, handlerOf } from "../actor/serve.ts";
import { openLog } from "../base/log.ts";
import { countRows } from "../store/segment.ts";
import { sealOrSetAside } from "../store/set-aside.ts";
import { JobQueue } from "./job-queue.ts";
import { Keeper } from "./keeper.ts";
import type { KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

const { folder, threads, memoryMiB, logLevel } = bornWith() as KeeperOptions;
const log = openLog(logLevel, "keeper");
const keeper = new Keeper(folder, log);

/**
 * Two, so that a catalog does not wait for a flush, and two shards can flush at once: one DuckDB alone was what a lasting load waited
 * for. Each has its own instance: what breaks one does not touch the other.
 */
const queue = new JobQueue({ threads, memoryMiB });
const flushQueue = new JobQueue({ threads, memoryMiB });

const handlers: Handlers<KeeperRequest, KeeperReplies> = {
  recover: async () => ({ refused: undefined }),
  settle: async () => {
    await Promise.all([queue.settled(), flushQueue.settled()]);
    return undefined;
  },
  publish: ({ watermarks }) => queue.inTurn((opened) => keeper.publish(opened, watermarks)),
  seal: ({ source }) =>
    (flushQueue.jobs <= queue.jobs ? flushQueue : queue).inTurn((opened) =>
      sealOrSetAside(opened, { folder, log, source }),
    ),
  check: ({ path }) => queue.inTurn((opened) => countRows(opened, path)),
  count: ({ stretches, window }) => queue.inTurn((opened) => keeper.count(opened, stretches, window)),
  plan: ({ wish }) => queue.inTurn((opened) => keeper.plan(opened, wish)),
  adopt: ({ rewritten }) =>
    queue.inTurn(async () => {
      keeper.adopt(rewritten);
      return undefined;
    }),
  sweep: ({ graceMs }) => queue.inTurn(async () => keeper.sweep(graceMs)),
};

/** What piscina calls. */
export const handle = handlerOf(handlers);
