/**
 * The whole service: configuration to actors to listening, and back in reverse.
 *
 * Order of a start: folder, lock, leftovers swept, ids entered, shards recovered, catalog published, listening. Nothing
 * is accepted before all of it is done.
 */
import packageJson from "../package.json" with { type: "json" };
import { systemClock } from "./base/clock.ts";
import { DiskWatch } from "./base/disk.ts";
import { messageOf, startFailure } from "./base/errors.ts";
import { type Log, openLog } from "./base/log.ts";
import type { Config } from "./config/config.ts";
import { type ConnectionBound, connectionBound, toldOf } from "./http/connections/bound.ts";
import { RefusalCounters } from "./http/edge/counters.ts";
import { Gate } from "./http/edge/gate.ts";
import { loadMetrics, preloadMetrics } from "./http/endpoints/load-metrics.ts";
import { Front } from "./http/listen/front.ts";
import { Authenticator } from "./http/token/auth.ts";
import { secretOf } from "./http/token/keys.ts";
import { type KeeperHost, keeperHost } from "./keeper/host.ts";
import { Publisher } from "./keeper/publisher.ts";
import { QueryRunner } from "./query/runner.ts";
import { Board, createBoardMemory } from "./shard/board.ts";
import { openShards } from "./shard/host.ts";
import { loadIdLogs } from "./shard/ids/id-log.ts";
import { createIdTableMemory, IdTable } from "./shard/ids/id-table.ts";
import { rebuildIdLogs } from "./shard/ids/rebuild-ids.ts";
import { AllShards, laneTo, type ShardHost } from "./shard/lanes/all-shards.ts";
import { Dispatcher } from "./shard/lanes/dispatcher.ts";
import { healthAnswer } from "./stats/health.ts";
import { keepText } from "./store/folder/kept-file.ts";
import { type FolderLock, takeDataFolder } from "./store/folder/lock.ts";
import type { DataFolder } from "./store/folder/names.ts";
import { takeOver } from "./store/sweep.ts";
import { FolderWatch } from "./upkeep/folder-watch.ts";
import { Upkeep } from "./upkeep/upkeep.ts";

/** Requests in flight at a stop get this long to be answered; every one of them is durable or refused by then. ms */
const drainMsMax = 3_000;

/** After so long a stop tries no failed flush again, and after so long no failed catalog; 10 s are all that it has. ms */
const [sealMsMax, publishMsMax] = [6_500, 8_000];

/** A signal to all processes of a group has come to this one by then. ms */
const ownSignalMs = 200;

/** A running service; made by `Service.start`. */
export class Service {
  readonly #config: Config;
  readonly #log: Log;
  readonly #folder: DataFolder;
  readonly #lock: FolderLock;
  /** The key that its tokens are signed with, and whether this start made it. */
  readonly secret: ReturnType<typeof secretOf>;
  readonly #shards: readonly ShardHost[];
  readonly #boardMemories: SharedArrayBuffer[];
  readonly #boards: readonly Board[];
  readonly #gate = new Gate();
  readonly #idTable: IdTable;
  readonly #keeper: KeeperHost;
  readonly #publisher: Publisher;
  readonly #allShards: AllShards;
  readonly #dispatcher: Dispatcher;
  readonly #queries: QueryRunner;
  readonly #disk: DiskWatch;
  readonly #refusals = new RefusalCounters();
  /** What was wrong with the folder when this life began. */
  readonly #startWarnings: string[] = [];
  readonly #bound: ConnectionBound;
  #watch: FolderWatch | undefined;
  #upkeep: Upkeep | undefined;
  #front: Front | undefined;
  #phase: "starting" | "running" | "stopping" = "starting";

  /**
   * Starts a service; resolves when it listens. `onLost`: the folder is no longer its own, and it must end without another write.
   * @throws DataFolderRefused or AddressRefused; nothing is left running then
   */
  static async start(config: Config, onLost?: (why: string) => void): Promise<Service> {
    const { folder, lock } = takeDataFolder(config.dataDir, onLost);
    let service: Service | undefined;
    try {
      service = new Service(config, folder, lock);
      await service.#start();
      return service;
    } catch (error) {
      if (service !== undefined) await service.#close();
      lock[Symbol.dispose]();
      throw startFailure(error, folder.root);
    }
  }

  private constructor(config: Config, folder: DataFolder, lock: FolderLock) {
    this.#config = config;
    this.#folder = folder;
    this.#lock = lock;
    const log = openLog(config.logLevel, "service");
    this.#log = log;
    this.#bound = connectionBound(config, log);
    this.#startWarnings.push(...takeOver(folder, log));
    this.secret = config.jwtSecret === undefined ? secretOf(folder) : { secret: config.jwtSecret, isNew: false };
    this.#startWarnings.push(...(this.secret.warnings ?? []));
    const idTable = createIdTableMemory();
    this.#idTable = new IdTable(idTable, 0);
    this.#boardMemories = Array.from({ length: config.shards }, createBoardMemory);
    this.#boards = this.#boardMemories.map((memory) => new Board(memory));
    const onSignal = (signal: NodeJS.Signals) => this.#onKeeperSignal(signal);
    this.#keeper = keeperHost({ folder, log, config, onSignal });
    this.#publisher = new Publisher({ keeper: this.#keeper, log, watermarks: () => this.#allShards.watermarks() });
    this.#shards = openShards({
      config,
      folder,
      descriptors: this.#bound.kept,
      idTable,
      boards: this.#boardMemories,
      log,
      onSealed: () => this.#publisher.want(),
      keeper: this.#keeper,
    });
    this.#allShards = new AllShards(this.#shards);
    this.#dispatcher = new Dispatcher({
      shards: this.#shards.map(laneTo),
      boards: this.#boardMemories,
      bufferEventsMax: config.bufferEventsMax,
    });
    this.#queries = new QueryRunner(folder, config.queries);
    this.#disk = new DiskWatch(folder.root, {
      unsealedBytes: () => this.#boards.reduce((sum, board) => sum + board.peek("journalBytes"), 0),
      onLook: ({ isLow }) => {
        this.#gate.isDiskLow = isLow;
      },
    });
  }

  async #start(): Promise<void> {
    const [config, log] = [this.#config, this.#log];
    await rebuildIdLogs(this.#keeper, log);
    loadIdLogs(this.#folder, this.#idTable);
    await Promise.all(this.#shards.map((shard) => shard.start()));
    try {
      await this.#publisher.publish();
    } catch (error) {
      log.error({ error: messageOf(error) }, "catalog not published at start; tried again");
      this.#publisher.want();
    }
    const tools = { keeper: this.#keeper, publisher: this.#publisher, shards: this.#allShards, log };
    this.#watch = new FolderWatch(tools);
    const freeBytes = () => this.#disk.state.freeBytes;
    this.#upkeep = new Upkeep({ ...tools, folder: this.#folder, freeBytes, limits: config });
    this.#phase = "running";
    this.#gate.isAccepting = true;
    const auth = { secret: this.secret.secret, issuer: config.jwtIssuer, audience: config.jwtAudience };
    this.#front = await Front.open(
      {
        auth: new Authenticator({ ...auth, clock: systemClock }),
        clock: systemClock,
        log,
        refusals: this.#refusals,
        limits: config,
        isAccepting: () => this.#gate.isAccepting,
        isDiskLow: () => this.#gate.isDiskLow,
        requireRoom: () => this.#dispatcher.requireRoom(),
        submit: (request) => this.#dispatcher.submit(request),
        boards: () => this.#boards.map((board) => board.read()),
        queries: this.#queries,
        health: () => this.#health(),
        metrics: () => this.#metrics(),
        upkeep: () => this.#upkeep,
      },
      {
        host: config.host,
        port: config.port,
        version: packageJson.version,
        threads: config.httpThreads,
        auth,
        shards: this.#shards.map(laneTo),
        boards: this.#boardMemories,
        gate: this.#gate.memory,
        bound: this.#bound,
        logLevel: config.logLevel,
      },
    );
    keepText(this.#folder.address, this.#front.address);
    const told = { address: this.#front.address, shards: config.shards, folder: this.#folder.root };
    log.info({ ...told, ...toldOf(this.#bound) }, "started");
    preloadMetrics(log);
  }

  /** Where it listens: `http://HOST:PORT`. */
  get address(): string {
    return this.#front?.address ?? "";
  }

  /** The actors, for tests that end them. */
  get shards(): readonly ShardHost[] {
    return this.#shards;
  }

  /** What listens, for tests that end a thread of it. */
  get front(): Front | undefined {
    return this.#front;
  }

  /**
   * Refuses what is new, answers what is in flight, seals everything accepted, publishes the catalog, and closes.
   * True when all of it was done; otherwise the journal has what was not sealed.
   */
  async stop(): Promise<boolean> {
    if (this.#phase === "stopping") return false;
    this.#phase = "stopping";
    this.#gate.isAccepting = false;
    this.#log.info("stopping");
    await this.#queries.stop();
    await this.#upkeep?.[Symbol.asyncDispose]();
    const nowMs = systemClock.monotonicMs();
    await this.#front?.drained(nowMs + drainMsMax);
    while (this.#dispatcher.requestsInFlight > 0 && systemClock.monotonicMs() < nowMs + drainMsMax) await Bun.sleep(5);
    const stop = { kind: "stop", giveUpAtMs: nowMs + sealMsMax } as const;
    await Promise.all(this.#shards.map((shard) => this.#orLogged(shard.ask(stop))));
    const isPublished = await this.#publisher.finish(nowMs + publishMsMax);
    const isSealed = this.#boards.every((board) => board.peek("pendingEvents") === 0);
    await this.#close();
    this.#lock[Symbol.dispose]();
    this.#log.info({ sealed: isSealed }, "stopped");
    return isPublished && isSealed;
  }

  /** A step of the stop that fails must not keep the others from theirs: the journal has what was not sealed. */
  async #orLogged(step: Promise<unknown>): Promise<void> {
    try {
      await step;
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "a step failed; the journal keeps what is not sealed");
    }
  }

  async #close(): Promise<void> {
    for (const part of [this.#disk, this.#dispatcher]) part[Symbol.dispose]();
    this.#publisher[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
    await this.#upkeep?.[Symbol.asyncDispose]();
    await this.#front?.close();
    await Promise.all(this.#shards.map((shard) => shard.destroy()));
    await this.#orLogged(this.#keeper.ask({ kind: "settle" }));
    await this.#keeper.destroy();
  }

  /**
   * Whoever ends one process of the service means the service: nothing else could be meant. A signal to the group comes here too, and is
   * heard by then: the keeper's word of it must not count as a second one.
   */
  async #onKeeperSignal(signal: NodeJS.Signals): Promise<void> {
    await Bun.sleep(ownSignalMs);
    if (this.#phase !== "stopping") process.kill(process.pid, signal);
  }

  #health() {
    return healthAnswer({
      phase: this.#phase,
      shards: this.#shardViews(),
      disk: this.#disk.state,
      stuck: this.#dispatcher.stuck,
      holdings: this.#publisher.holdings,
      catalogFailure: this.#publisher.failure,
      warnings: this.#warnings(),
      flushIntervalMs: this.#config.flushIntervalMs,
      bufferEventsMax: this.#config.bufferEventsMax,
      nowMs: systemClock.nowMs(),
    });
  }

  /** What parts have to tell a person while no new event is harmed; one line for each part. */
  #warnings(): readonly string[] {
    const parts = [this.#watch?.warnings, this.#upkeep?.warnings, this.#front?.connections.warnings];
    return [...this.#startWarnings, ...parts.flatMap((warnings) => warnings ?? [])];
  }

  async #metrics(): Promise<string> {
    return (await loadMetrics()).scrape({
      shards: this.#shardViews(),
      keeper: this.#keeper,
      connections: this.#front?.connections,
      histograms: await this.#allShards.histograms(),
      refusals: this.#refusals,
      holdings: this.#publisher.holdings,
      queries: this.#queries,
      bodyBytes: this.#front?.bodyBytes ?? 0,
      diskFreeBytes: this.#disk.state.freeBytes,
      nowMs: systemClock.nowMs(),
    });
  }

  #shardViews() {
    const stateOf = (shard?: ShardHost) => ({ isReady: shard?.isReady === true, restarts: shard?.restarts ?? 0 });
    return this.#boards.map((board, index) => ({ board: board.read(), ...stateOf(this.#shards[index]) }));
  }
}
