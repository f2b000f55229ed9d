/**
 * One shard: it alone touches its journal, its id log and its flushes. Builds the parts of the shard and serves the
 * actor's requests.
 *
 * Invariant: an answer leaves after its events are durable, counted and settled in the id table; never before.
 */
import { join } from "node:path";
import type { ShardId } from "../../base/brand.ts";
import { messageOf } from "../../base/errors.ts";
import { type Log, openLog } from "../../base/log.ts";
import { type HistogramCounts, openShardMetrics, type ShardMetrics } from "../../base/metrics.ts";
import { collectAfter, YoungGarbage } from "../../base/release.ts";
import { systemTime, type Time } from "../../base/time.ts";
import { timestampOfMs } from "../../event/timestamp.ts";
import { FileJournal } from "../../journal/file-journal.ts";
import type { Journal } from "../../journal/journal.ts";
import type { KeeperForShards } from "../../keeper/protocol.ts";
import type { SchemaSource } from "../../schema/set.ts";
import type { ShardWatermark } from "../../store/catalog/views.ts";
import { journalFilesOf } from "../../store/folder/journal-files.ts";
import { unfinishedSuffix } from "../../store/folder/names.ts";
import type { SealedCounts } from "../../store/segment/rollup.ts";
import { Board, createBoardMemory } from "../board.ts";
import { IdLog, idsIn } from "../ids/id-log.ts";
import { IdTable } from "../ids/id-table.ts";
import { ImportedIds } from "../ids/imported-ids.ts";
import {
  type AppendAnswer,
  type AppendRequest,
  type LeftBody,
  type ParsedBody,
  type ShardOptions,
  unusualBytesMax,
} from "../protocol.ts";
import { Accounts } from "./accounts.ts";
import { Admission } from "./admission.ts";
import { type Admitted, answered } from "./admitted.ts";
import { DiskWork } from "./disk-work.ts";
import { Flusher } from "./flush.ts";
import { Ingest } from "./ingest.ts";
import { Journaling } from "./journaling.ts";
import { LeftBodies } from "./left-bodies.ts";
import { openedNoter } from "./lost-events.ts";
import { MisfitLog } from "./misfit-log.ts";
import { PropertyChecks } from "./property-checks.ts";
import { ownedShards, type Recovered, recoverShard } from "./recovery.ts";
import { SealedCounter } from "./sealed-counts.ts";
import { type FlushLag, Throttle } from "./throttle.ts";

/** How often the shard looks at its clock, its journal and its day. ms */
const tickMs = 50;

/**
 * What a shard is given. `openJournal` and `time` replace the journal in files and the system's clock, in tests for
 * example.
 */
type ShardSurroundings = {
  options: ShardOptions;
  keeper: KeeperForShards;
  /** Parses a body elsewhere; undefined: not now. The body's memory moves away. */
  parse: (left: LeftBody) => Promise<ParsedBody | undefined>;
  onSealed: () => void;
  openJournal?: (shard: ShardId, log: Log) => Journal;
  time?: Time;
};

/** The state of one shard; made by `Shard.recover`. */
export class Shard {
  readonly #options: ShardOptions;
  readonly #time: Time;
  readonly #log: Log;
  readonly #metrics: ShardMetrics = openShardMetrics();
  readonly #journal: Journal;
  readonly #disk: DiskWork;
  readonly #journaling: Journaling;
  readonly #throttle = new Throttle();
  readonly #flusher: Flusher;
  readonly #idTable: IdTable;
  /** Ids of imported events; given each import's steps. */
  readonly importedIds: ImportedIds;
  readonly #board: Board;
  readonly #checks: PropertyChecks;
  readonly #misfits: MisfitLog;
  readonly #ingest: Ingest;
  readonly #leftBodies: LeftBodies;
  readonly #admission: Admission;
  readonly #accounts: Accounts;
  readonly #counter: SealedCounter;
  readonly #idLog: IdLog;
  readonly #garbage = new YoungGarbage();
  readonly #stopTicking: () => void;

  /**
   * Recovers a shard from its folder and starts it.
   * @throws DataFolderRefused when the folder needs a person
   */
  static async recover(given: ShardSurroundings): Promise<Shard> {
    const { options, keeper, time = systemTime } = given;
    const log = openLog(options.logLevel, `shard ${options.shard}`);
    const { folder, shard, shards } = options;
    const openJournal = (each: ShardId) => given.openJournal?.(each, log) ?? fileJournalOf(options, each, log);
    const journal = openJournal(shard);
    const recovered = await recoverShard({ folder, shard, shards, log, keeper, journal, openJournal });
    const counter = new SealedCounter({ folder, shard, shards, keeper }, time.nowMs());
    const sealed = await counter.countAtStart({ parts: recovered.pending, openFrom: journal.openFrom });
    const started = new Shard({ ...given, time, log, journal, recovered, sealed, counter });
    await started.useSchemas(options.schemas.source);
    return started;
  }

  private constructor(
    given: Required<Omit<ShardSurroundings, "openJournal">> & {
      log: Log;
      journal: Journal;
      recovered: Recovered;
      sealed: SealedCounts;
      counter: SealedCounter;
    },
  ) {
    const { options, recovered, journal, keeper, log, time } = given;
    const { folder, shard } = options;
    this.#options = options;
    this.#time = time;
    this.#log = log;
    this.#journal = journal;
    this.#board = new Board(options.boards[shard] ?? createBoardMemory());
    this.#misfits = new MisfitLog({ board: this.#board, log, time });
    this.#checks = new PropertyChecks((misfits) => this.#misfits.note(misfits));
    this.#ingest = new Ingest({ checks: this.#checks, unusualBytesMax });
    this.#disk = new DiskWork(this.#board, join(folder.journal, `trial.${shard}${unfinishedSuffix}`), time.monotonicMs);
    this.#idTable = new IdTable(options.idTable, shard);
    this.importedIds = new ImportedIds(folder, log);
    this.#counter = given.counter;
    this.#idLog = new IdLog(folder, shard);
    this.#flusher = new Flusher({
      folder,
      log,
      metrics: this.#metrics,
      time,
      idLog: this.#idLog,
      journal,
      keeper,
      disk: this.#disk,
      onSealed: (sealed) => {
        this.#accounts.sealed(sealed);
        given.onSealed();
      },
      onLost: (tally) => this.#accounts.lost(tally),
      onFailed: () => this.#accounts.flushFailed(),
    });
    this.#accounts = new Accounts({
      clock: time,
      board: this.#board,
      counter: given.counter,
      queue: () => this.#flusher.queue,
      openBytes: () => journal.openBytes,
      openFrom: journal.openFrom,
    });
    this.#journaling = new Journaling({
      journal,
      disk: this.#disk,
      idTable: this.#idTable,
      board: this.#board,
      accounts: this.#accounts,
      throttle: this.#throttle,
      metrics: this.#metrics,
      time,
      log,
      flushIntervalMs: options.flushIntervalMs,
      onPart: (part) => this.#flusher.add({ shard, part, tally: this.#accounts.takeTally(part) }),
    });
    this.#admission = new Admission({
      log,
      time,
      groups: this.#journaling.groups,
      idTable: this.#idTable,
      importedIds: this.importedIds,
      board: this.#board,
      boards: options.boards.map((memory) => new Board(memory)),
      bufferEventsMax: options.bufferEventsMax,
    });
    this.#leftBodies = new LeftBodies({
      parse: given.parse,
      admit: (ingested) => this.#admission.admit(ingested),
      onMisfits: (misfits) => this.#misfits.note(misfits),
    });
    for (const { tally } of recovered.pending) this.#idTable.enter(tally.ids);
    this.#idTable.releasePending();
    this.#accounts.start(recovered, given.sealed);
    for (const each of recovered.pending) this.#flusher.add(each);
    const { pending, segments } = recovered;
    log.debug({ next: journal.openFrom, pending: pending.length, segments }, "shard recovered");
    this.#stopTicking = time.every(tickMs, () => this.#tick());
  }

  /** Takes requests and returns their answers, in the same order, once their events are durable. */
  append(requests: Iterable<AppendRequest>): Promise<AppendAnswer[]> {
    const receivedAtMs = this.#time.nowMs();
    const receivedAt = timestampOfMs(receivedAtMs);
    const context = { receivedAt, receivedAtMs, bodyBytesMax: this.#options.bodyBytesMax };
    const admitted: (Admitted | Promise<Admitted>)[] = [];
    for (const request of requests) {
      const ingested = this.#ingest.ingest(request, context);
      if (ingested.kind === "rows") admitted.push(this.#admission.admit(ingested));
      else if (ingested.kind === "left") admitted.push(this.#leftBodies.admit(request, ingested.bytes, receivedAtMs));
      else admitted.push(ingested);
    }
    collectAfter(this.#ingest.takeBytesLeft());
    this.#garbage.add(admitted.length);
    return answered(admitted);
  }

  #tick(): void {
    this.#journaling.tick();
    this.#throttle.step(this.#lag());
    this.#garbage.collectIfDue();
    this.#accounts.turnCounts((error) =>
      this.#log.error({ error: messageOf(error) }, "sealed events not counted; tried again"),
    );
  }

  #lag(): FlushLag {
    const { flushIntervalMs, bufferEventsMax } = this.#options;
    const oldestMs = this.#board.peek("oldestPendingMs");
    return {
      isFlushing: this.#flusher.queue.length > 0 && this.#board.peek("flushFailuresInRow") === 0,
      age: (this.#time.nowMs() - oldestMs) / flushIntervalMs,
      fill: this.#admission.reserved / bufferEventsMax,
    };
  }

  /**
   * The watermark of this shard and of the retired shards it owns: every event accepted before this time is sealed. It
   * is the time at which the oldest event was received that is not sealed and is accepted or may still be accepted;
   * otherwise now. Between two messages no other events are on their way.
   */
  watermarks(): ShardWatermark[] {
    const accepted = [this.#accounts.oldestMs, this.#journaling.groups.oldestMs];
    const times = [...accepted, this.#admission.oldestWaitingMs, this.#leftBodies.oldestMs];
    const watermarkMs = Math.min(this.#time.nowMs(), ...times.filter((time) => time !== undefined));
    return ownedShards(this.#options).map((shard) => ({ shard, watermarkMs }));
  }

  /**
   * Seals everything accepted before the call, and waits for it.
   * @throws JournalNotWritten while the disk refuses, so that the open file cannot be closed for its flush
   */
  async seal(): Promise<void> {
    await this.#journaling.closeAll();
    await this.#flusher.sealed();
  }

  /** Counts the segments again and updates the board. */
  recount(): Promise<void> {
    return this.#counter.recount();
  }

  /** From the next request on, properties must fit these schemas. */
  useSchemas(source: SchemaSource | undefined): Promise<void> {
    return this.#checks.use(source);
  }

  /** Removes the ids in a file, one a line, from the id logs of this shard and of the retired shards it owns. */
  forget(path: string): void {
    this.#disk.run(() => {
      for (const ids of idsIn(path)) this.#idLog.forget(ids, ownedShards(this.#options));
    });
  }

  /** The counts of this thread's histograms. */
  metrics(): HistogramCounts[] {
    return Object.values(this.#metrics).map((histogram) => histogram.counts);
  }

  /**
   * Refuses new events, seals what it can until `giveUpAtMs`, and closes the journal; the rest stays in the journal.
   */
  async stop(giveUpAtMs: number): Promise<void> {
    this.#admission.close();
    this.#stopTicking();
    this.#flusher.giveUpAt(giveUpAtMs);
    await this.#journaling.closeWithin(Math.max(0, giveUpAtMs - this.#time.monotonicMs()));
    await this.#flusher.drained();
    await this.#journal.close();
  }
}

/** The journal of a shard in the files of its data folder. */
const fileJournalOf = ({ folder, ack }: ShardOptions, shard: ShardId, log: Log): Journal =>
  new FileJournal({
    files: journalFilesOf(folder, shard),
    isSynced: ack === "durable",
    log,
    onBegun: openedNoter({ folder, shard, log }),
  });
