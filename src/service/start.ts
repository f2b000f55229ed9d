/**
 * Starts a service: from a configuration to listening.
 *
 * Order: take the folder and its lock, read the files that variables name, sweep unfinished files, load ids, recover
 * shards, publish the catalog, listen. Nothing is accepted before that. Everything that a start opens is in one scope.
 * When a step fails, the scope closes what was opened in reverse order, the lock last.
 */
import { Alerts } from "../alerts/alerts.ts";
import { measure } from "../alerts/measure.ts";
import { ConfigInvalid, messageOf } from "../base/errors.ts";
import { openLog } from "../base/log.ts";
import { interruptOthers } from "../base/priority.ts";
import { systemTime } from "../base/time.ts";
import type { Config } from "../config/config.ts";
import { preloadMetrics } from "../http/endpoints/load-metrics.ts";
import { loadIdLogs } from "../shard/ids/id-log.ts";
import { rebuildIdLogs } from "../shard/ids/rebuild-ids.ts";
import { keepText } from "../store/folder/kept-file.ts";
import { takeDataFolder } from "../store/folder/lock.ts";
import { FolderWatch } from "../upkeep/folder-watch.ts";
import { Upkeep } from "../upkeep/upkeep.ts";
import { openAlertFiles } from "./alert-files.ts";
import { closeScope } from "./close.ts";
import { openDoors } from "./doors.ts";
import { openFront } from "./listen.ts";
import { mapAgainBy } from "./map-again.ts";
import { openParts, type Parts } from "./parts.ts";
import { openSchemas } from "./schemas.ts";
import { Service } from "./service.ts";
import { startFailure } from "./start-failure.ts";

/** Options of a start. */
type StartOptions = {
  /** Called when the service has lost its folder: the process must end without another write. */
  onLost?: (why: string) => void;
  /**
   * Aborts when the service is to stop. A start under way then still recovers, so that the stop can seal, but never
   * listens.
   */
  signal?: AbortSignal;
};

/**
 * Starts a service; resolves when it listens.
 * @throws ConfigInvalid, DataFolderRefused, AddressRefused, ActorRefused, StartFailed or TooFewDescriptors; nothing is
 * left running then
 */
export async function startService(config: Config, { onLost, signal }: StartOptions = {}): Promise<Service> {
  const { folder, lock } = takeDataFolder(config.dataDir, onLost);
  const scope = new AsyncDisposableStack();
  scope.use(lock);
  try {
    const log = openLog(config.logLevel, "service");
    const [doors, schemas, alertFiles] = await allOpened(
      openDoors(config, log, scope),
      openSchemas(config, log, scope),
      openAlertFiles(config, log, scope),
    );
    const parts = openParts({ config, folder, log, doors, schemas, alertFiles }, scope);
    await recover(parts);
    if (signal?.aborted !== true) await serve(parts, scope);
    return new Service(parts, scope);
  } catch (error) {
    await closeScope(scope, config.logLevel);
    throw startFailure(error, folder.root);
  }
}

/**
 * Waits for all.
 * @throws ConfigInvalid with the problems of all, or the first other error
 */
async function allOpened<One, Two, Three>(
  ...all: [Promise<One>, Promise<Two>, Promise<Three>]
): Promise<[One, Two, Three]> {
  const opened = await Promise.allSettled(all);
  const errors = opened.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  if (errors.length > 1 && errors.every((error) => error instanceof ConfigInvalid))
    throw new ConfigInvalid(errors.flatMap(({ problems }) => problems));
  return Promise.all(all);
}

/** Restores ids, shards and catalog from the folder. */
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

/** Starts the folder watch and upkeep, then accepts and listens. */
async function serve(parts: Parts, scope: AsyncDisposableStack): Promise<void> {
  const { config, folder, keeper, publisher, allShards, disk, life, gate, log, queries } = parts;
  const { refusedEvents, eachSender, adapters, tail, programs } = parts;
  const tools = { keeper, publisher, shards: allShards, log };
  life.watch = scope.use(FolderWatch.open(tools));
  const freeBytes = () => disk.state.freeBytes;
  const redriving = { refusedEvents, eachSender, mapAgain: mapAgainBy(adapters) };
  life.upkeep = scope.use(Upkeep.open({ ...tools, ...redriving, folder, freeBytes, programs, limits: config }));
  tail.begin();
  life.phase = "running";
  gate.isAccepting = true;
  interruptOthers();
  life.front = scope.adopt(await openFront(parts), (front) => front.close());
  keepText(folder.address, life.front.address);
  scope.use(preloadMetrics(log));
  queries.prepare();
  life.alerts = openAlerts(parts, scope);
}

/** Begins to measure alerts; undefined where no folder of them is configured. */
function openAlerts({ alertFiles, alertQueries, folder, log }: Parts, scope: AsyncDisposableStack): Alerts | undefined {
  if (alertFiles === undefined) return undefined;
  const alerts = Alerts.open({
    folder,
    log,
    time: systemTime,
    alerts: alertFiles.alerts,
    measure: (sql, stopped) => measure(alertQueries, sql, stopped),
  });
  return scope.use(alerts);
}
