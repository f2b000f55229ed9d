/**
 * Entry of the keeper's process, which owns DuckDB. It seals, counts and publishes; its only state is the folder.
 *
 * It is a process and not a thread because DuckDB and its binding abort where others throw: without a free descriptor,
 * or when a thread ends under a running query. In a process of its own that costs a retry. Its threads do not share a
 * pool with the journal's syncs either.
 */
import { serveProcess, tellService } from "../actor/process.ts";
import { SegmentNotSealed } from "../base/errors.ts";
import { openLog } from "../base/log.ts";
import { keepSealedTo } from "../store/folder/missing.ts";
import { countRows, type SegmentSource } from "../store/segment/segment.ts";
import type { DuckDB } from "../store/sql/duckdb.ts";
import { duckdbFailureOf } from "../store/sql/failures.ts";
import { JobQueue } from "./job-queue.ts";
import { Keeper } from "./keeper.ts";
import { sweepOfKeeper } from "./leftovers.ts";
import type { KeeperNotice, KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

// A signal sent to this process alone is meant for the service, so it is passed on. If it was sent to the whole group,
// the service has it already.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.on(signal, () => tellService({ kind: "signalled", signal } satisfies KeeperNotice));
// A hangup of the terminal reaches the whole group. The service decides what to do, and may still need this process.
process.on("SIGHUP", () => undefined);

serveProcess<KeeperRequest, KeeperReplies>((options) => {
  const { folder, threads, memoryMiB, lineBytesMax, memoryForLargeEventsMiB, logLevel } = options as KeeperOptions;
  const log = openLog(logLevel, "keeper");
  const keeper = new Keeper(folder, log);
  // A file planted in the folder cannot make the keeper read anything else on the machine.
  const access = { folders: [folder.root] };
  // Two, so that a catalog does not wait for a flush, and two shards can flush at once: a single DuckDB was the
  // bottleneck under sustained load. Each has its own instance: what breaks one does not affect the other.
  const queue = new JobQueue({ threads, memoryMiB }, access);
  const flushQueue = new JobQueue({ threads, memoryMiB }, access);
  // Its DuckDB is opened by the first event that is too large for the other two, or by a part of large ones.
  const largeEventQueue = new JobQueue({ threads, memoryMiB: memoryForLargeEventsMiB }, access);
  const queueFor = ({ lineBytesMax: longest }: SegmentSource) => {
    if (longest > lineBytesMax) return largeEventQueue;
    // The second DuckDB opens with the first flush that would wait for something.
    if (!flushQueue.isOpen && queue.jobs === 0) return queue;
    return flushQueue.jobs <= queue.jobs ? flushQueue : queue;
  };
  return {
    recover: async () => {
      const swept = sweepOfKeeper(folder);
      if (swept.length > 0) log.info({ files: swept.length }, "unfinished files of an earlier keeper removed");
      return { refused: undefined };
    },
    settle: async () => {
      await Promise.all([queue.settled(), flushQueue.settled(), largeEventQueue.settled()]);
      return undefined;
    },
    "rebuild ids": ({ idsMax }) => queue.inTurn((opened) => keeper.rebuildIds(opened, idsMax)),
    publish: ({ watermarks, nowMs }) => queue.inTurn((opened) => keeper.publish(opened, { watermarks, nowMs })),
    seal: async ({ source }) => {
      const seal = (opened: DuckDB) => keeper.seal(opened, source);
      const first = queueFor(source);
      try {
        return await first.inTurn(seal);
      } catch (error) {
        const isMemory = error instanceof SegmentNotSealed && duckdbFailureOf(error.cause) === "memory";
        if (first === largeEventQueue || !isMemory) throw error;
        log.info({ from: source.from, to: source.to }, "large events are sealed with more memory");
        return await largeEventQueue.inTurn(seal);
      }
    },
    // In the same queue as `publish`, which writes the same note.
    "note lost": ({ range }) =>
      queue.inTurn(async () => {
        keepSealedTo(folder, [range]);
        return undefined;
      }),
    check: ({ path }) => queue.inTurn((opened) => countRows(opened, path)),
    count: ({ stretches, window }) => queue.inTurn((opened) => keeper.count(opened, stretches, window)),
    plan: ({ wish }) => queue.inTurn((opened) => keeper.plan(opened, wish)),
    adopt: ({ rewritten }) =>
      queue.inTurn(async () => {
        keeper.adopt(rewritten);
        return undefined;
      }),
    inspect: () => queue.inTurn((opened) => keeper.inspect(opened)),
    quarantine: ({ segment }) => queue.inTurn((opened) => keeper.quarantine(opened, segment)),
    sweep: ({ graceMs }) => queue.inTurn(async () => keeper.sweep(graceMs)),
  };
});
