/** The keeper's actor, as the main thread starts it. */
import { availableParallelism } from "node:os";
import { ProcessHost } from "../actor/process-host.ts";
import type { Log } from "../base/log.ts";
import type { Config } from "../config/config.ts";
import type { DataFolder } from "../store/folder/names.ts";
import type { KeeperNotice, KeeperOptions, KeeperReplies, KeeperRequest } from "./protocol.ts";

/** The keeper, as others see it. */
export type KeeperHost = ProcessHost<KeeperRequest, KeeperReplies, KeeperNotice>;

/**
 * DuckDB's memory: for a flush of small events, and for what the largest event takes while it is read and packed. MiB
 */
const memoryMiB = { base: 128, perBodyMiB: 64 };

/** Starts the keeper's process; `onSignal` is told of a signal that was meant to end it. */
export function openKeeper(given: {
  folder: DataFolder;
  log: Log;
  config: Pick<Config, "logLevel" | "bodyBytesMax">;
  onSignal: (signal: KeeperNotice["signal"]) => void;
}): KeeperHost {
  const { logLevel, bodyBytesMax } = given.config;
  const options: KeeperOptions = {
    folder: given.folder,
    logLevel,
    // For two at once together half the cores: flushes must keep up with ingest, and leave it the other half.
    threads: Math.max(1, Math.floor(availableParallelism() / 4)),
    memoryMiB: memoryMiB.base + Math.ceil(bodyBytesMax / 2 ** 20) * memoryMiB.perBodyMiB,
  };
  return ProcessHost.open<KeeperRequest, KeeperReplies, KeeperNotice>({
    name: "keeper",
    entry: new URL("./actor.ts", import.meta.url),
    options,
    log: given.log,
    onNotice: ({ signal }: KeeperNotice) => given.onSignal(signal),
  });
}
