/** The parts of a service in one record that start, stop and views share. */
import { AdapterThread } from "../adapter/thread.ts";
import type { Alerts } from "../alerts/alerts.ts";
import { systemClock } from "../base/clock.ts";
import { querySparesMax } from "../base/descriptors.ts";
import { DiskWatch } from "../base/disk.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { lowestNiceness } from "../base/priority.ts";
import { Programs } from "../base/programs.ts";
import { systemTime } from "../base/time.ts";
import { within } from "../base/within.ts";
import { type Config, vendorBodyBytesMax } from "../config/config.ts";
import { type ConnectionBound, connectionBound } from "../http/connections/bound.ts";
import { RefusalCounters } from "../http/edge/counters.ts";
import { Gate } from "../http/edge/gate.ts";
import { Receipt } from "../http/edge/receipt.ts";
import type { Front } from "../http/listen/front.ts";
import { signingSecretOf } from "../http/token/keys.ts";
import { type KeeperHost, openKeeper } from "../keeper/host.ts";
import { Publisher } from "../keeper/publisher.ts";
import { QueryRunner, sandboxSource } from "../query/runner.ts";
import { RefusedStore } from "../refused/refused-store.ts";
import { Board, createBoardMemory } from "../shard/board.ts";
import { openShards } from "../shard/host.ts";
import { createIdTableMemory, IdTable } from "../shard/ids/id-table.ts";
import { AllShards, laneTo, type ShardHost } from "../shard/lanes/all-shards.ts";
import { Dispatcher } from "../shard/lanes/dispatcher.ts";
import { EachSender } from "../shard/lanes/each-sender.ts";
import { ParserThread } from "../shard/parser/thread.ts";
import { flushBytesMax } from "../shard/worker/flush.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { takeOver } from "../store/sweep.ts";
import { Tail } from "../tail/tail.ts";
import type { FolderWatch } from "../upkeep/folder-watch.ts";
import { rewriteSource } from "../upkeep/rewriter.ts";
import type { Upkeep } from "../upkeep/upkeep.ts";
import type { AlertFiles } from "./alert-files.ts";
import type { Doors } from "./doors.ts";
import type { Schemas } from "./schemas.ts";

/** The parts of a service that change. Those that a start opens last are undefined until then. */
type Life = {
  phase: "starting" | "running" | "stopping";
  watch: FolderWatch | undefined;
  upkeep: Upkeep | undefined;
  alerts: Alerts | undefined;
  front: Front | undefined;
};

/** What the parts are made from. */
type Given = {
  readonly config: Config;
  readonly log: Log;
  readonly folder: DataFolder;
  readonly doors: Doors;
  readonly schemas: Schemas;
  readonly alertFiles: AlertFiles;
};

/** All parts of a service, and what it was given. */
export type Parts = Given & {
  readonly life: Life;
  /** The key that its tokens are signed with, and whether this start made it. */
  readonly secret: ReturnType<typeof signingSecretOf>;
  /** What was wrong with the folder at the start. */
  readonly startWarnings: readonly string[];
  readonly bound: ConnectionBound;
  readonly gate: Gate;
  readonly refusals: RefusalCounters;
  readonly receipt: Receipt;
  readonly idTable: IdTable;
  readonly boards: readonly Board[];
  readonly keeper: KeeperHost;
  readonly publisher: Publisher;
  readonly shards: readonly ShardHost[];
  readonly allShards: AllShards;
  readonly dispatcher: Dispatcher;
  /** Events of other vendors' SDKs that were refused, and the way on which that is decided. */
  readonly refusedEvents: RefusedStore;
  readonly eachSender: EachSender;
  /** Of the processes that queries and rewrites run in. */
  readonly programs: Programs;
  readonly queries: QueryRunner;
  readonly tail: Tail;
  /** One place apart from those of queries, and the smallest share of the processor. */
  readonly alertQueries: QueryRunner;
  /** Maps bodies of other vendors' SDKs. */
  readonly adapters: AdapterThread;
  readonly disk: DiskWatch;
};

/** A signal to a whole process group has reached this process within this time. ms */
const ownSignalMs = 200;

/**
 * The keeper may be killed at any instruction. A job that it has begun gets this long, so that it leaves no unfinished
 * file. ms
 */
const settleMsMax = 3_000;

/**
 * Opens the parts of a service in `scope`, which closes them in reverse order. Nothing is accepted yet.
 * @throws MillraceError or the system's error, with the reason
 */
export function openParts(given: Given, scope: AsyncDisposableStack): Parts {
  const { config, folder, log, schemas } = given;
  const bound = connectionBound(config, log);
  const startWarnings = takeOver(folder, log);
  const secret = signingSecretOf(folder, config);
  startWarnings.push(...(secret.warnings ?? []));
  const life: Life = { phase: "starting", watch: undefined, upkeep: undefined, alerts: undefined, front: undefined };
  const gate = new Gate();
  const idTableMemory = createIdTableMemory();
  const boardMemories = Array.from({ length: config.shards }, createBoardMemory);
  const boards = boardMemories.map((memory) => new Board(memory));

  const onSignal = (signal: NodeJS.Signals) => passOn(signal, life);
  const keeper = scope.adopt(openKeeper({ folder, log, config, partBytesMax: flushBytesMax, onSignal }), (each) =>
    each.destroy(),
  );
  scope.defer(() => orLogged(log, within(keeper.ask({ kind: "settle" }), settleMsMax)));
  const parser = scope.adopt(new ParserThread({ schemas: schemas.shared }, log), (each) => orLogged(log, each.close()));
  const shards = openShards({
    config,
    folder,
    descriptors: bound.kept,
    schemas: schemas.shared,
    idTable: idTableMemory,
    boards: boardMemories,
    log,
    onSealed: () => publisher.want(),
    keeper,
    parser,
  });
  scope.defer(async () => {
    await Promise.all(shards.map((shard) => orLogged(log, shard.destroy())));
  });
  const allShards = new AllShards(shards);
  const publisher = scope.use(
    Publisher.open({ keeper, log, prepare: () => schemas.keepViews(folder), watermarks: () => allShards.watermarks() }),
  );
  schemas.onChange = () => {
    orLogged(log, allShards.useSchemas(schemas.shared.source));
    orLogged(log, parser.useSchemas(schemas.shared.source));
    publisher.want();
  };
  const dispatcher = scope.use(
    Dispatcher.open({
      shards: shards.map(laneTo),
      boards: boardMemories,
      bufferEventsMax: config.bufferEventsMax,
      isParsing: () => parser.isBusy,
    }),
  );
  const refusedEvents = scope.use(RefusedStore.open({ folder, log, clock: systemClock }));
  const programs = new Programs([sandboxSource, rewriteSource], log);
  const queries = scope.adopt(
    new QueryRunner(folder, { ...config.queries, sparesMax: querySparesMax(bound.limit) }, programs),
    (each) => orLogged(log, each.stop()),
  );
  const tail = scope.adopt(new Tail({ folder, boards, queries, log, time: systemTime }), (each) => each.stop());
  const alertLimits = { ...config.queries, atOnceMax: 1, sparesMax: 0, niceness: lowestNiceness };
  const alertQueries = scope.adopt(new QueryRunner(folder, alertLimits, programs), (each) =>
    orLogged(log, each.stop()),
  );
  const adapters = scope.adopt(new AdapterThread({ bytesMax: vendorBodyBytesMax(config) }, log), (each) =>
    orLogged(log, each.close()),
  );
  const disk = scope.use(
    DiskWatch.open(folder.root, {
      unsealedBytes: () => boards.reduce((sum, board) => sum + board.peek("journalBytes"), 0),
      onLook: ({ isLow }) => {
        gate.isDiskLow = isLow;
      },
    }),
  );
  return {
    ...given,
    life,
    secret,
    startWarnings,
    bound,
    gate,
    refusals: new RefusalCounters(),
    receipt: new Receipt(),
    idTable: new IdTable(idTableMemory, 0),
    boards,
    keeper,
    publisher,
    shards,
    allShards,
    dispatcher,
    refusedEvents,
    eachSender: new EachSender({ submit: (request) => dispatcher.submit(request), store: refusedEvents }),
    programs,
    queries,
    tail,
    alertQueries,
    adapters,
    disk,
  };
}

/** Logs a failed step of a stop, so that the other steps still run. The journal has what was not sealed. */
export async function orLogged(log: Log, step: Promise<unknown>): Promise<void> {
  try {
    await step;
  } catch (error) {
    log.error({ error: messageOf(error) }, "a step of the stop failed; the journal keeps what is not sealed");
  }
}

/**
 * A signal to the keeper is meant for the whole service, so it is passed on. A signal to the process group reaches this
 * process, too. By the end of the pause it has been handled, so the keeper's report does not count as a second signal.
 */
async function passOn(signal: NodeJS.Signals, life: Life): Promise<void> {
  await Bun.sleep(ownSignalMs);
  if (life.phase !== "stopping") process.kill(process.pid, signal);
}
