/**
 * One shard: the only one that touches its journal, its id log and its flushes.
 *
 * Invariants:
 * - An answer leaves after its events are durable, counted and settled in the id table; never before.
 * - Nothing fails between the claim of an id and its group.
 * - Accepted and unsealed events of all shards stay within the buffer's bound: room is reserved before it is used.
 */
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import { DataFolderRefused, JournalNotWritten, messageOf, type OverloadReason } from "../base/errors.ts";
import { type Log, openLog } from "../base/log.ts";
import { openShardMetrics, type ShardMetrics } from "../base/metrics.ts";
import type { Row } from "../event/row.ts";
import { timestampOfMs } from "../event/timestamp.ts";
import { FileJournal } from "../journal/file-journal.ts";
import type { JournalPart } from "../journal/journal.ts";
import type { KeeperForShards } from "../keeper/protocol.ts";
import { journalName } from "../store/names.ts";
import type { SealedCounts } from "../store/rollup.ts";
import { Accounts } from "./accounts.ts";
import { Board, createBoardMemory } from "./board.ts";
import { Flusher, flushBytesMax } from "./flush.ts";
import { GroupCommit, type OpenGroup } from "./group-commit.ts";
import { HourCounts } from "./hour-counts.ts";
import { IdList } from "./id-list.ts";
import { IdLog } from "./id-log.ts";
import { type ClaimOutcome, IdTable } from "./id-table.ts";
import { acceptedBody, type IngestedRows, ingest } from "./ingest.ts";
import type { AppendAnswer, AppendRequest, ShardOptions } from "./protocol.ts";
import { type Recovered, recoverShard } from "./recovery.ts";
import { type FlushLag, Throttle } from "./throttle.ts";

/** How often the shard looks at its clock, its journal and its day. ms */
const tickMs = 50;

/** A request whose id is pending in another shard asks again after this long, and gives up after so many times. */
const claimRetry = { pauseMs: 2, timesMax: 1_000 };

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
  readonly #groups: GroupCommit;
  readonly #throttle = new Throttle();
  readonly #flusher: Flusher;
  readonly #idTable: IdTable;
  readonly #boards: readonly Board[];
  readonly #board: Board;
  readonly #accounts: Accounts;
  readonly #sealAfterMs: number;
  readonly #ticker: NodeJS.Timeout;
  #conflictLoggedMs = 0;
  #stopping = false;

  /**
   * Recovers a shard from its folder and starts it.
   * @throws DataFolderRefused when the folder needs a person
   */
  static async recover({ options, keeper, onSealed }: ShardSurroundings): Promise<Shard> {
    const log = openLog(options.logLevel, `shard ${options.shard}`);
    const { folder, shard, shards } = options;
    const recovered = await recoverShard({ folder, shard, shards, log, keeper });
    const hours = new HourCounts({ folder, shard, shards, keeper }, systemClock.nowMs());
    return new Shard({ options, onSealed, log, keeper, recovered, sealed: await countAtStart(hours), hours });
  }

  private constructor(given: {
    options: ShardOptions;
    onSealed: () => void;
    log: Log;
    keeper: KeeperForShards;
    recovered: Recovered;
    sealed: SealedCounts;
    hours: HourCounts;
  }) {
    const { options, recovered, log } = given;
    const { folder, shard } = options;
    this.#options = options;
    this.#log = log;
    this.#sealAfterMs = options.flushIntervalMs - Math.min(options.flushIntervalMs / 2, sealAheadMsMax);
    this.#boards = options.boards.map((memory) => new Board(memory));
    this.#board = new Board(options.boards[shard] ?? createBoardMemory());
    this.#idTable = new IdTable(options.idTable, shard);
    this.#journal = new FileJournal({
      next: recovered.next,
      isSynced: options.ack === "durable",
      pathOf: (from) => join(folder.journal, journalName({ shard, from })),
    });
    this.#groups = new GroupCommit(this.#journal, this.#throttle, {
      onDurable: (group) => this.#onDurable(group),
      onFailed: (group, error) => this.#onFailed(group, error),
      onWritten: (group, written) => {
        this.#metrics.groupEvents.observe(group.tally.rows);
        this.#metrics.groupBytes.observe(written.bytes);
        this.#metrics.commitSeconds.observe(written.ms / 1000);
      },
    });
    this.#flusher = new Flusher({
      log,
      metrics: this.#metrics,
      idLog: new IdLog(folder, shard),
      keeper: given.keeper,
      onStarted: () => this.#accounts.flushStarted(),
      onSealed: (sealed) => {
        this.#accounts.sealed(sealed);
        given.onSealed();
      },
      onFailed: () => this.#accounts.flushFailed(),
    });
    this.#accounts = new Accounts({
      clock: systemClock,
      board: this.#board,
      hours: given.hours,
      queue: () => this.#flusher.queue,
      openBytes: () => this.#journal.openBytes,
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
    const receivedAt = timestampOfMs(systemClock.nowMs());
    const context = { receivedAt, bodyBytesMax: this.#options.bodyBytesMax };
    const answers: (AppendAnswer | Promise<AppendAnswer>)[] = [];
    for (const request of requests) {
      const ingested = ingest(request, context);
      answers.push(ingested.kind === "rows" ? this.#admit(ingested) : ingested);
    }
    return Promise.all(answers);
  }

  /** Admits valid rows to the open group, unless there is no room or no journal for them. */
  #admit(ingested: IngestedRows): AppendAnswer | Promise<AppendAnswer> {
    const refusal = this.#reserveRoom(ingested.rows.length);
    if (refusal !== undefined) return { kind: "overloaded", reason: refusal };
    return this.#join(ingested) ?? this.#retryJoin(ingested);
  }

  /** Reserves room in the buffer, first and then looks: two shards may both turn back, but never both go past it. */
  #reserveRoom(events: number): OverloadReason | undefined {
    if (this.#stopping) return "stopping";
    if (this.#journal.isBroken) return "journal_failed";
    this.#board.reserve(events);
    if (this.#reserved() <= this.#options.bufferEventsMax) return undefined;
    this.#board.reserve(-events);
    return "buffer_full";
  }

  /** Joins the open group with reserved room; undefined while an id of the request is pending in another shard. */
  #join(ingested: IngestedRows): Promise<AppendAnswer> | undefined {
    const { rows } = ingested;
    const ids = idsOf(rows);
    const outcomes: readonly ClaimOutcome[] | undefined = ids.count === 0 ? [] : this.#idTable.claim(ids);
    if (outcomes === undefined) return undefined;
    const group = this.#groups.join();
    let claim = 0;
    let added = 0;
    for (const row of rows) {
      const outcome = row.content === undefined ? "claimed" : outcomes[claim++];
      if (outcome === "claimed") {
        group.add(row);
        added++;
      } else {
        group.duplicates++;
        if (outcome === "conflict") this.#noteConflict(group, row);
      }
    }
    this.#board.reserve(added - rows.length);
    const body = acceptedBody(ingested, rows.length - added);
    return group.durable.then((isDurable) =>
      isDurable ? { kind: "accepted", body } : { kind: "overloaded", reason: "journal_failed" },
    );
  }

  async #retryJoin(ingested: IngestedRows): Promise<AppendAnswer> {
    for (let times = 0; times < claimRetry.timesMax; times++) {
      await Bun.sleep(claimRetry.pauseMs);
      if (this.#stopping || this.#journal.isBroken) break;
      const joined = this.#join(ingested);
      if (joined !== undefined) return joined;
    }
    this.#board.reserve(-ingested.rows.length);
    return { kind: "overloaded", reason: this.#stopping ? "stopping" : "journal_failed" };
  }

  #noteConflict(group: OpenGroup, row: Row): void {
    group.conflicts++;
    const nowMs = systemClock.nowMs();
    // Counted always, logged once a second: a client that repeats itself must not fill the log.
    if (nowMs - this.#conflictLoggedMs < 1_000) return;
    this.#conflictLoggedMs = nowMs;
    this.#log.warn({ eventId: row.eventId }, "event_id repeated with other content; the first one stays");
  }

  #onDurable(group: OpenGroup): void {
    this.#idTable.settle(group.tally.ids);
    this.#accounts.durable(group);
  }

  #onFailed(group: OpenGroup, error: JournalNotWritten): void {
    this.#idTable.release(group.tally.ids);
    this.#board.reserve(-group.tally.rows);
    this.#accounts.tellJournalFailed(true);
    this.#log.error({ error: error.message, events: group.tally.rows }, "group not durable; its requests are refused");
  }

  #tick(): void {
    if (this.#journal.isBroken) this.#repair();
    const { openSinceMs } = this.#accounts;
    const isDue = openSinceMs > 0 && systemClock.nowMs() - openSinceMs >= this.#sealAfterMs;
    if (isDue || this.#journal.openBytes >= flushBytesMax) this.#rotate();
    this.#throttle.step(this.#lag());
    this.#accounts.turnHours((error) => this.#log.error({ error: messageOf(error) }, "hours not counted; tried again"));
  }

  #lag(): FlushLag {
    const { flushIntervalMs, bufferEventsMax } = this.#options;
    const oldestMs = this.#board.peek("oldestPendingMs");
    return {
      isFlushing: this.#flusher.queue.length > 0 && this.#board.peek("flushFailuresInRow") === 0,
      age: (systemClock.nowMs() - oldestMs) / flushIntervalMs,
      fill: this.#reserved() / bufferEventsMax,
    };
  }

  #reserved(): number {
    let reserved = 0;
    for (const board of this.#boards) reserved += board.reserved;
    return reserved;
  }

  #repair(): void {
    try {
      this.#enqueue(this.#journal.repair());
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      this.#log.debug({ error: error.message }, "journal still not written");
      return;
    }
    this.#accounts.tellJournalFailed(false);
    this.#log.info("journal taken up again");
  }

  #rotate(): void {
    this.#enqueue(this.#journal.rotate());
  }

  #enqueue(part: JournalPart | undefined): void {
    if (part === undefined) return;
    this.#flusher.add({ shard: this.#options.shard, part, tally: this.#accounts.takeTally() });
  }

  /** Seals everything that is durable now, and returns when it is. */
  async seal(): Promise<void> {
    this.#groups.commit();
    this.#rotate();
    await this.#flusher.drained();
  }

  /** What this thread's histograms hold. */
  async metrics() {
    return this.#metrics.registry.getMetricsAsJSON();
  }

  /** Takes no more, seals what it can, and closes; what cannot be sealed now stays in the journal. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#ticker);
    this.#flusher.stopRetrying();
    await this.seal();
    this.#journal.close();
  }
}

async function countAtStart(hours: HourCounts): Promise<SealedCounts> {
  try {
    return await hours.countAll();
  } catch (error) {
    throw new DataFolderRefused(`segments cannot be read; "millrace verify" tells which: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Ids of the rows that clients made. */
function idsOf(rows: readonly Row[]): IdList {
  const ids = new IdList(rows.length);
  for (const row of rows) if (row.content !== undefined) ids.add(row.eventId, row.content);
  return ids;
}
