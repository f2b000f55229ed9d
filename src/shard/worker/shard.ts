/**
 * One shard: the only one that touches its journal, its id log and its flushes.
 *
 * Invariants:
 * - An answer leaves after its events are durable, counted and settled in the id table; never before.
 * - The journal is at rest whenever a message is handled: appends are synchronous.
 */
import { join } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { JournalNotWritten, messageOf } from "../../base/errors.ts";
import { type Log, openLog } from "../../base/log.ts";
import { type HistogramCounts, openShardMetrics, type ShardMetrics } from "../../base/metrics.ts";
import { collectAfter } from "../../base/release.ts";
import { timestampOfMs } from "../../event/timestamp.ts";
import { FileJournal } from "../../journal/file-journal.ts";
import type { JournalPart } from "../../journal/journal.ts";
import type { KeeperForShards } from "../../keeper/protocol.ts";
import type { ShardWatermark } from "../../store/catalog/views.ts";
import { journalName, unfinishedSuffix } from "../../store/folder/names.ts";
import type { SealedCounts } from "../../store/segment/rollup.ts";
import { Board, createBoardMemory } from "../board.ts";
import type { IdList } from "../ids/id-list.ts";
import { IdLog, idsIn } from "../ids/id-log.ts";
import { IdTable } from "../ids/id-table.ts";
import { ImportedIds } from "../ids/imported-ids.ts";
import type { AppendAnswer, AppendRequest, ShardOptions } from "../protocol.ts";
import { Accounts } from "./accounts.ts";
import { Admission } from "./admission.ts";
import { DiskWork } from "./disk-work.ts";
import { Flusher, flushBytesMax } from "./flush.ts";
import { GroupCommit, type OpenGroup } from "./group-commit.ts";
import { Ingest } from "./ingest.ts";
import { openedNoter } from "./lost-events.ts";
import { ownedShards, type Recovered, recoverShard } from "./recovery.ts";
import { SealedCounter } from "./sealed-counts.ts";
import { type FlushLag, Throttle } from "./throttle.ts";

/** How often the shard looks at its clock, its journal and its day. ms */
const tickMs = 50;

/** A flush takes its time, too: the journal is closed this long before its oldest event must be sealed. ms */
const sealAheadMsMax = 1_000;

/** What a shard is given from outside. */
type ShardSurroundings = { options: ShardOptions; keeper: KeeperForShards; onSealed: () => void };

/** The state of one shard and all that happens to it; made by `Shard.recover`. */
export class Shard {
  readonly #options: ShardOptions;
  readonly #log: Log;
  readonly #metrics: ShardMetrics = openShardMetrics();
  readonly #journal: FileJournal;
  readonly #disk: DiskWork;
  readonly #groups: GroupCommit;
  readonly #throttle = new Throttle();
  readonly #flusher: Flusher;
  readonly #idTable: IdTable;
  /** Ids that came with imports; told of each import's steps. */
  readonly importedIds: ImportedIds;
  readonly #board: Board;
  readonly #ingest = new Ingest();
  readonly #admission: Admission;
  readonly #accounts: Accounts;
  readonly #counter: SealedCounter;
  readonly #idLog: IdLog;
  readonly #sealAfterMs: number;
  readonly #ticker: NodeJS.Timeout;
  /** Ids of groups that failed, while what they left in the journal is not cut. */
  readonly #unrepaired: IdList[] = [];

  /**
   * Recovers a shard from its folder and starts it.
   * @throws DataFolderRefused when the folder needs a person
   */
  static async recover({ options, keeper, onSealed }: ShardSurroundings): Promise<Shard> {
    const log = openLog(options.logLevel, `shard ${options.shard}`);
    const { folder, shard, shards } = options;
    const recovered = await recoverShard({ folder, shard, shards, log, keeper });
    const counter = new SealedCounter({ folder, shard, shards, keeper }, systemClock.nowMs());
    const sealed = await counter.countAtStart({ parts: recovered.pending, openFrom: recovered.next });
    return new Shard({ options, onSealed, log, keeper, recovered, sealed, counter });
  }

  private constructor(given: {
    options: ShardOptions;
    onSealed: () => void;
    log: Log;
    keeper: KeeperForShards;
    recovered: Recovered;
    sealed: SealedCounts;
    counter: SealedCounter;
  }) {
    const { options, recovered, log } = given;
    const { folder, shard } = options;
    this.#options = options;
    this.#log = log;
    this.#sealAfterMs = options.flushIntervalMs - Math.min(options.flushIntervalMs / 2, sealAheadMsMax);
    this.#board = new Board(options.boards[shard] ?? createBoardMemory());
    this.#disk = new DiskWork(this.#board, join(folder.journal, `trial.${shard}${unfinishedSuffix}`));
    this.#idTable = new IdTable(options.idTable, shard);
    this.importedIds = new ImportedIds(folder, log);
    this.#journal = new FileJournal({
      next: recovered.next,
      isSynced: options.ack === "durable",
      pathOf: (from) => join(folder.journal, journalName({ shard, from })),
      onBegun: openedNoter({ folder, shard, log }),
    });
    this.#groups = new GroupCommit(this.#journal, this.#throttle, {
      onDurable: (group) => this.#onDurable(group),
      onFailed: (group, error) => this.#onFailed(group, error),
      onDisk: (work) => this.#disk.run(work),
      beforeWrite: (bytes) => {
        if (this.#journal.openBytes + bytes > flushBytesMax) this.#rotate();
      },
      onWritten: (group, written) => {
        this.#metrics.groupEvents.observe(group.tally.rows);
        this.#metrics.groupBytes.observe(written.bytes);
        this.#metrics.commitSeconds.observe(written.ms / 1000);
        this.#disk.written(written);
      },
    });
    this.#admission = new Admission({
      log,
      clock: systemClock,
      groups: this.#groups,
      journal: this.#journal,
      idTable: this.#idTable,
      importedIds: this.importedIds,
      board: this.#board,
      boards: options.boards.map((memory) => new Board(memory)),
      bufferEventsMax: options.bufferEventsMax,
    });
    this.#counter = given.counter;
    this.#idLog = new IdLog(folder, shard);
    this.#flusher = new Flusher({
      folder,
      log,
      metrics: this.#metrics,
      idLog: this.#idLog,
      keeper: given.keeper,
      onDisk: (work) => this.#disk.run(work),
      onSealed: (sealed) => {
        this.#accounts.sealed(sealed);
        given.onSealed();
      },
      onLost: (tally) => this.#accounts.lost(tally),
      onFailed: () => this.#accounts.flushFailed(),
    });
    this.#accounts = new Accounts({
      clock: systemClock,
      board: this.#board,
      counter: given.counter,
      queue: () => this.#flusher.queue,
      openBytes: () => this.#journal.openBytes,
      openFrom: () => this.#journal.openFrom,
    });
    for (const { tally } of recovered.pending) this.#idTable.enter(tally.ids);
    this.#idTable.releasePending();
    this.#accounts.start(recovered, given.sealed);
    for (const each of recovered.pending) this.#flusher.add(each);
    const { next, pending, segments } = recovered;
    log.debug({ next, pending: pending.length, segments }, "shard recovered");
    this.#ticker = setInterval(() => this.#tick(), tickMs);
  }

  /** Takes requests and answers them, in their order, once what they brought is durable. */
  async append(requests: Iterable<AppendRequest>): Promise<AppendAnswer[]> {
    const receivedAtMs = systemClock.nowMs();
    const receivedAt = timestampOfMs(receivedAtMs);
    const context = { receivedAt, receivedAtMs, bodyBytesMax: this.#options.bodyBytesMax };
    const answers: (AppendAnswer | Promise<AppendAnswer>)[] = [];
    for (const request of requests) {
      const ingested = this.#ingest.ingest(request, context);
      answers.push(ingested.kind === "rows" ? this.#admission.admit(ingested) : ingested);
    }
    collectAfter(this.#ingest.takeBytesLeft());
    return Promise.all(answers);
  }

  #onDurable(group: OpenGroup): void {
    this.#idTable.settle(group.tally.ids);
    this.#accounts.durable(group);
  }

  #onFailed(group: OpenGroup, error: JournalNotWritten): void {
    // Not free before the repair has cut the rows: until then a recovery would take them for durable.
    this.#unrepaired.push(group.tally.ids);
    this.#board.reserve(-group.tally.rows);
    this.#accounts.tellJournalFailed(true);
    this.#disk.refused(group.lines.end);
    this.#log.error({ error: error.message, events: group.tally.rows }, "group not durable; its requests are refused");
  }

  #tick(): void {
    if (this.#journal.isBroken) this.#repair();
    this.#disk.tick();
    const isDue = this.#accounts.openForMs >= this.#sealAfterMs || this.#journal.openBytes >= flushBytesMax;
    if (isDue || this.#disk.run(() => this.#journal.isRemoved)) this.#rotateOrRepair();
    this.#throttle.step(this.#lag());
    this.#accounts.turnCounts((error) =>
      this.#log.error({ error: messageOf(error) }, "sealed events not counted; tried again"),
    );
  }

  #lag(): FlushLag {
    const { flushIntervalMs, bufferEventsMax } = this.#options;
    const oldestMs = this.#board.peek("oldestPendingMs");
    return {
      isFlushing: this.#flusher.queue.length > 0 && this.#board.peek("flushFailuresInRow") === 0,
      age: (systemClock.nowMs() - oldestMs) / flushIntervalMs,
      fill: this.#admission.reserved / bufferEventsMax,
    };
  }

  #repair(): void {
    try {
      this.#enqueue(this.#disk.run(() => this.#journal.repair()));
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      this.#log.debug({ error: error.message }, "journal still not written");
      return;
    }
    for (const ids of this.#unrepaired.splice(0)) this.#idTable.release(ids);
    this.#accounts.tellJournalFailed(false);
    this.#log.info("journal taken up again");
  }

  /** @throws JournalNotWritten when the disk refuses; the repair that follows closes the part */
  #rotate(): void {
    this.#enqueue(this.#disk.run(() => this.#journal.rotate()));
  }

  #rotateOrRepair(): void {
    try {
      this.#rotate();
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      this.#accounts.tellJournalFailed(true);
      this.#log.error({ error: error.message }, "journal file not closed; tried again");
    }
  }

  #enqueue(part: JournalPart | undefined): void {
    if (part === undefined) return;
    this.#flusher.add({ shard: this.#options.shard, part, tally: this.#accounts.takeTally() });
  }

  /**
   * Up to when everything that this shard accepted is sealed, for it and for those that fall to it: the time at which the
   * oldest event was received that is accepted, or may yet be, and not sealed; otherwise now. Between two messages nothing is on its way but
   * what is asked here.
   */
  watermarks(): ShardWatermark[] {
    const times = [this.#accounts.oldestMs, this.#groups.oldestMs, this.#admission.oldestWaitingMs];
    const watermarkMs = Math.min(systemClock.nowMs(), ...times.filter((time) => time !== undefined));
    return ownedShards(this.#options).map((shard) => ({ shard, watermarkMs }));
  }

  /**
   * Seals everything accepted before the call, and waits for it.
   * @throws JournalNotWritten while the disk refuses, and what is in the open file cannot be closed for its flush
   */
  async seal(): Promise<void> {
    this.#groups.commit();
    if (this.#journal.isBroken) this.#repair();
    if (this.#journal.isBroken) throw new JournalNotWritten("the journal waits for its repair");
    this.#rotate();
    await this.#flusher.sealed();
  }

  /** Brings the board to what the segments hold now. */
  recount(): Promise<void> {
    return this.#counter.recount();
  }

  /** Takes the ids in a file, one a line, out of the id logs of this shard and of those that fall to it. */
  forget(path: string): void {
    this.#disk.run(() => {
      for (const ids of idsIn(path)) this.#idLog.forget(ids, ownedShards(this.#options));
    });
  }

  /** What this thread's histograms hold. */
  metrics(): HistogramCounts[] {
    return Object.values(this.#metrics).map((histogram) => histogram.counts);
  }

  /** Takes no more, seals what it can until `giveUpAtMs`, and closes; what cannot be sealed by then stays in the journal. */
  async stop(giveUpAtMs: number): Promise<void> {
    this.#admission.close();
    clearInterval(this.#ticker);
    this.#flusher.giveUpAt(giveUpAtMs);
    this.#groups.commit();
    if (this.#journal.isBroken) this.#repair();
    this.#rotateOrRepair();
    await this.#flusher.drained();
    this.#journal.close();
  }
}
