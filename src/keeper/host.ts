/** The keeper's actor, as the main thread starts it. */
import { availableParallelism } from "node:os";
import { ActorHost } from "../actor/host.ts";
import type { Log, LogLevel } from "../base/log.ts";
import type { DataFolder } from "../store/names.ts";
import type { KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

/** The keeper, as others see it. */
export type KeeperHost = ActorHost<KeeperRequest, KeeperReplies>;

/** DuckDB's memory: for a flush of small events, and for what the largest event takes while it is read and packed. MiB */
const memoryMiB = { base: 128, perBodyMiB: 64 };

/** Makes the keeper's actor; bodies have at most `bodyBytesMax` bytes. */
export function keeperHost(given: {
  folder: DataFolder;
  log: Log;
  logLevel: LogLevel;
  bodyBytesMax: number;
}): KeeperHost {
  const options: KeeperOptions = {
    folder: given.folder,
    logLevel: given.logLevel,
    // For two at once together half the cores: flushes must keep up with ingest, and leave it the other half.
    threads: Math.max(1, Math.floor(availableParallelism() / 4)),
    memoryMiB: memoryMiB.base + Math.ceil(given.bodyBytesMax / 2 ** 20) * memoryMiB.perBodyMiB,
  };
  return new ActorHost({ name: "keeper", entry: new URL("./actor.ts", import.meta.url), options, log: given.log });
}
