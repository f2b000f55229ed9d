/** The main thread's side of the keeper: starts its process. */
import { availableParallelism } from "node:os";
import { ProcessHost } from "../actor/process-host.ts";
import type { Log } from "../base/log.ts";
import { type Config, vendorBodyBytesMax } from "../config/config.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { allocatorEnvironment } from "../store/sql/allocator.ts";
import type { KeeperNotice, KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

/** The keeper, as others see it. */
export type KeeperHost = ProcessHost<KeeperRequest, KeeperReplies, KeeperNotice>;

/**
 * DuckDB's memory: `base` for a flush of small events; `perEventMiB` for each MiB of a large event while it is read and
 * compressed. DuckDB reads 2,048 events at once, so of large ones it may hold all of a part: a list of numbers of one
 * digit takes 45 times its size. MiB
 */
const memoryMiB = { base: 128, perEventMiB: 64 };

const memoryFor = (eventBytes: number) => memoryMiB.base + Math.ceil(eventBytes / 2 ** 20) * memoryMiB.perEventMiB;

/** What the service adds to an event is smaller. Bytes. */
const addedBytesMax = 64 * 1024;

/**
 * Starts the keeper's process. `partBytesMax` is the size of the largest part that it seals at once, but for a single
 * larger event. `onSignal` is called when that process gets a signal to end.
 */
export function openKeeper(given: {
  folder: DataFolder;
  log: Log;
  config: Pick<Config, "logLevel" | "bodyBytesMax">;
  partBytesMax: number;
  onSignal: (signal: KeeperNotice["signal"]) => void;
}): KeeperHost {
  const { logLevel, bodyBytesMax } = given.config;
  const options: KeeperOptions = {
    folder: given.folder,
    logLevel,
    // The two DuckDBs together use half the cores: flushes must keep up with ingest, and leave it the other half.
    threads: Math.max(1, Math.floor(availableParallelism() / 4)),
    memoryMiB: memoryFor(bodyBytesMax),
    lineBytesMax: bodyBytesMax + addedBytesMax,
    // Other vendors' SDKs may send larger ones; and a whole part may consist of large ones.
    memoryForLargeEventsMiB: memoryFor(Math.max(vendorBodyBytesMax(given.config), given.partBytesMax)),
  };
  return ProcessHost.open<KeeperRequest, KeeperReplies, KeeperNotice>({
    name: "keeper",
    entry: new URL("./actor.ts", import.meta.url),
    options,
    environment: allocatorEnvironment,
    log: given.log,
    onNotice: ({ signal }: KeeperNotice) => given.onSignal(signal),
  });
}
