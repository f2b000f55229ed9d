/**
 * A start: from a configuration to a service that listens.
 *
 * Order: folder, lock, unfinished files swept, ids entered, shards recovered, catalog published, listening. Nothing is
 * accepted before all of it is done. All that a start begins is in one scope. Whatever fails half-way, the scope ends
 * what was begun, in the opposite order and the lock last.
 */
import { messageOf } from "../base/errors.ts";
import type { Config } from "../config/config.ts";
import { preloadMetrics } from "../http/endpoints/load-metrics.ts";
import { loadIdLogs } from "../shard/ids/id-log.ts";
import { rebuildIdLogs } from "../shard/ids/rebuild-ids.ts";
import { keepText } from "../store/folder/kept-file.ts";
import { takeDataFolder } from "../store/folder/lock.ts";
import { FolderWatch } from "../upkeep/folder-watch.ts";
import { Upkeep } from "../upkeep/upkeep.ts";
import { closeScope } from "./close.ts";
import { openFront } from "./listen.ts";
import { openParts, type Parts } from "./parts.ts";
import { Service } from "./service.ts";
import { startFailure } from "./start-failure.ts";

/** What a start is told. */
type StartOptions = {
  /** Called when the folder is no longer its own: it must end without another write. */
  onLost?: (why: string) => void;
  /**
   * Aborted when the service is to stop: a start that is under way recovers, so that a stop can seal, and never
   * listens.
   */
  signal?: AbortSignal;
};

/**
 * Starts a service; resolves when it listens.
 * @throws DataFolderRefused, AddressRefused, ActorRefused, StartFailed or TooFewDescriptors; nothing is left running
 * then
 */
export async function startService(config: Config, { onLost, signal }: StartOptions = {}): Promise<Service> {
  const { folder, lock } = takeDataFolder(config.dataDir, onLost);
  const scope = new AsyncDisposableStack();
  scope.use(lock);
  try {
    const parts = openParts(config, folder, scope);
    await recover(parts);
    if (signal?.aborted !== true) await serve(parts, scope);
    return new Service(parts, scope);
  } catch (error) {
    await closeScope(scope, config.logLevel);
    throw startFailure(error, folder.root);
  }
}

/** Brings ids, shards and catalog to what the folder holds. */
async function recover({ keeper, idTable, folder, shards, publisher, log }: Parts): Promise<void> {
  await rebuildIdLogs(keeper, log);
  loadIdLogs(folder, idTable);
  await Promise.all(shards.map((shard) => shard.start()));
  try {
    await publisher.publish();
  } catch (error) {
    log.error({ error: messageOf(error) }, "catalog not published at start; tried again");
    publisher.want();
  }
}

/** Accepts from here on. */
async function serve(parts: Parts, scope: AsyncDisposableStack): Promise<void> {
  const { config, folder, keeper, publisher, allShards, disk, life, gate, log } = parts;
  const tools = { keeper, publisher, shards: allShards, log };
  life.watch = scope.use(FolderWatch.open(tools));
  const freeBytes = () => disk.state.freeBytes;
  life.upkeep = scope.use(Upkeep.open({ ...tools, folder, freeBytes, limits: config }));
  life.phase = "running";
  gate.isAccepting = true;
  life.front = scope.adopt(await openFront(parts), (front) => front.close());
  keepText(folder.address, life.front.address);
  preloadMetrics(log);
}
