/**
 * What a shard does around its journal: it commits groups, closes the journal file when its events are due for a flush,
 * and repairs the journal after the disk refused.
 *
 * Invariants:
 * - Ids are settled and events counted before the requests that brought them are answered.
 * - Ids of a failed group are freed only after the repair has cut its rows: until then a recovery would find the rows
 *   and count them as durable.
 */
import { JournalNotWritten } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { ShardMetrics } from "../../base/metrics.ts";
import type { Time } from "../../base/time.ts";
import { within } from "../../base/within.ts";
import type { Journal, JournalPart } from "../../journal/journal.ts";
import type { Board } from "../board.ts";
import type { IdList } from "../ids/id-list.ts";
import type { IdTable } from "../ids/id-table.ts";
import type { Accounts } from "./accounts.ts";
import type { DiskWork } from "./disk-work.ts";
import { flushBytesMax } from "./flush.ts";
import { GroupCommit } from "./group-commit.ts";
import type { OpenGroup } from "./open-group.ts";
import type { Throttle } from "./throttle.ts";

/** The journal file is closed this long before its oldest event must be sealed, because the flush takes time too. ms */
const sealAheadMsMax = 1_000;

/** What the work around a journal needs. */
type JournalingOptions = {
  journal: Journal;
  disk: DiskWork;
  idTable: IdTable;
  board: Board;
  accounts: Accounts;
  throttle: Throttle;
  metrics: ShardMetrics;
  time: Time;
  log: Log;
  flushIntervalMs: number;
  /** A part waits for its flush; `accounts` has its tally. */
  onPart: (part: JournalPart) => void;
};

/** The work around one shard's journal. */
export class Journaling {
  readonly #options: JournalingOptions;
  /** Takes rows, and commits them. */
  readonly groups: GroupCommit;
  readonly #sealAfterMs: number;
  /** Ids of failed groups whose rows are not yet cut from the journal. */
  readonly #unrepaired: IdList[] = [];
  #isRotating = false;

  constructor(options: JournalingOptions) {
    this.#options = options;
    const { accounts, disk, flushIntervalMs, journal, log, metrics, throttle, time } = options;
    this.#sealAfterMs = flushIntervalMs - Math.min(flushIntervalMs / 2, sealAheadMsMax);
    this.groups = new GroupCommit({
      journal,
      disk,
      throttle,
      time,
      partBytesMax: flushBytesMax,
      hooks: {
        onDurable: (group) => this.#onDurable(group),
        onFailed: (group, error) => this.#onFailed(group, error),
        onPart: options.onPart,
        onNotClosed: (error) => {
          accounts.tellJournalFailed(true);
          log.error({ error: error.message }, "journal file not closed; tried again");
        },
        onRepaired: () => this.#onRepaired(),
        onNotRepaired: (error) => log.debug({ error: error.message }, "journal still not written"),
        onWritten: (group, bytes) => {
          metrics.groupEvents.observe(group.rows);
          metrics.groupBytes.observe(bytes);
          metrics.commitSeconds.observe(group.tookMs / 1000);
          disk.written({ bytes, ms: group.tookMs });
        },
      },
    });
  }

  /** Repairs or closes the journal if that is due; called every 50 ms. */
  tick(): void {
    const { accounts, disk, journal } = this.#options;
    if (this.groups.isBroken) {
      // Not while a repair is under way.
      if (this.groups.isIdle) void this.groups.repair();
    } else if (!this.#isRotating) {
      const isDue = accounts.openForMs >= this.#sealAfterMs || journal.openBytes >= flushBytesMax;
      if (isDue || disk.run(() => journal.isRemoved)) void this.#rotate();
    }
    disk.tick();
  }

  /**
   * Closes everything accepted before the call as parts.
   * @throws JournalNotWritten while the disk refuses
   */
  async closeAll(): Promise<void> {
    this.groups.commit();
    await this.groups.idle();
    if (!(await this.groups.repair())) throw new JournalNotWritten("the journal waits for its repair");
    if (!(await this.#rotate())) throw new JournalNotWritten("the journal file was not closed");
  }

  /** Closes what it can within this time; the rest stays in the journal for the next start. ms */
  async closeWithin(ms: number): Promise<void> {
    const { log } = this.#options;
    const closed = this.closeAll().then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof JournalNotWritten)) throw error;
        return false;
      },
    );
    if ((await within(closed, ms)) !== true) log.error("journal not closed; the next start seals what it has");
  }

  async #rotate(): Promise<boolean> {
    this.#isRotating = true;
    try {
      return await this.groups.rotate();
    } finally {
      this.#isRotating = false;
    }
  }

  #onDurable(group: OpenGroup): void {
    this.#options.idTable.settle(group.tally.ids);
    this.#options.accounts.durable(group);
  }

  #onFailed(group: OpenGroup, error: JournalNotWritten): void {
    const { accounts, board, disk, log } = this.#options;
    this.#unrepaired.push(group.tally.ids);
    board.reserve(-group.tally.rows);
    accounts.tellJournalFailed(true);
    disk.refused(group.lines.end);
    log.error({ error: error.message, events: group.tally.rows }, "group not durable; its requests are refused");
  }

  #onRepaired(): void {
    for (const ids of this.#unrepaired.splice(0)) this.#options.idTable.release(ids);
    this.#options.accounts.tellJournalFailed(false);
    this.#options.log.info("journal taken up again");
  }
}
