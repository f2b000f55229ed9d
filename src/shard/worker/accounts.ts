/**
 * What a shard counts: the rows of its open journal file in a tally, and all events on its board.
 *
 * Invariants:
 * - An event is counted once, when it is durable; sealing only moves it from pending to sealed.
 * - In every state that a reader can see, pending and sealed events add up to the counts by category.
 */

import { type Sequence, sequence } from "../../base/brand.ts";
import type { Clock } from "../../base/clock.ts";
import { invariant } from "../../base/invariant.ts";
import type { JournalPart } from "../../journal/journal.ts";
import type { SealedCounts } from "../../store/segment/rollup.ts";
import type { SealedRows } from "../../store/segment/segment.ts";
import type { Board, BoardEdit } from "../board.ts";
import type { PendingPart } from "./flush.ts";
import type { OpenGroup } from "./open-group.ts";
import type { Recovered } from "./recovery.ts";
import type { SealedCounter } from "./sealed-counts.ts";
import { Tally } from "./tally.ts";

/** Counters that continue when the shard's thread is replaced. */
const lifelong = ["acceptedEvents", "duplicates", "conflicts", "flushFailures"] as const;

/** What the accounts need. */
type AccountsOptions = {
  clock: Clock;
  board: Board;
  counter: SealedCounter;
  /** Parts that wait to be sealed, oldest first. */
  queue: () => readonly PendingPart[];
  /** Bytes in the open journal file. */
  openBytes: () => number;
  /** Sequence of the first row that will be counted. */
  openFrom: Sequence;
};

/** The accounts of one shard. */
export class Accounts {
  readonly #options: AccountsOptions;
  /** Counts of rows that are durable and in no part yet; `#openFrom` is the sequence of the first of them. */
  #tally = new Tally();
  #openFrom: Sequence;
  #openSince = 0;

  constructor(options: AccountsOptions) {
    this.#options = options;
    this.#openFrom = options.openFrom;
  }

  /**
   * How long the open journal file has had events; 0 while it has none. By the monotonic clock, because the other may
   * be set back. ms
   */
  get openForMs(): number {
    return this.#tally.rows === 0 ? 0 : this.#options.clock.monotonicMs() - this.#openSince;
  }

  /** Starts from what recovery found. */
  start(recovered: Recovered, sealed: SealedCounts): void {
    const { board, counter } = this.#options;
    const pending = recovered.pending.map(({ tally }) => tally);
    const pendingEvents = pending.reduce((sum, tally) => sum + tally.rows, 0);
    board.reserved = pendingEvents;
    const before = board.read();
    board.write((edit) => {
      edit.clear();
      // Counters that only grow continue from the value of the shard's last run.
      for (const field of lifelong) edit.set(field, before[field]);
      edit.set("lastFlushMs", Math.max(before.lastFlushMs, recovered.lastFlushMs));
      edit.startHours(counter.from);
      for (const [category, events] of sealed.byCategory.entries()) edit.addCategory(category, events);
      for (const [hour, events] of sealed.byHour) edit.addHour(hour, events);
      for (const tally of pending) addTally(edit, tally);
      edit.set("pendingEvents", pendingEvents);
      edit.set(
        "sealedEvents",
        sealed.byCategory.reduce((sum, events) => sum + events, 0),
      );
      edit.set(
        "journalBytes",
        recovered.pending.reduce((sum, { part }) => sum + part.bytes, 0),
      );
      edit.set("oldestPendingMs", pending[0]?.oldestMs ?? 0);
      edit.set("corruptJournals", recovered.corruptJournals);
      edit.set("refusedLines", recovered.refusedLines);
      edit.set("durableTo", this.#openFrom - 1);
      edit.set("ready", 1);
    });
  }

  /** A group became durable. */
  durable(group: OpenGroup): void {
    const { board, counter } = this.#options;
    const { tally } = group;
    if (this.#tally.rows === 0 && tally.rows > 0) this.#openSince = this.#options.clock.monotonicMs();
    this.#tally.addAll(tally);
    counter.note(tally);
    const edit = board.begin();
    addTally(edit, tally);
    edit.add("pendingEvents", tally.rows);
    edit.add("acceptedEvents", tally.rows);
    edit.add("durableTo", tally.rows);
    edit.add("duplicates", group.duplicates);
    edit.add("conflicts", group.conflicts);
    this.#tellJournal(edit);
    board.publish();
  }

  /** A part was closed: returns its tally and begins a new one. */
  takeTally(part: JournalPart): Tally {
    const tally = this.#tally;
    invariant(part.rows === tally.rows, "a part holds what was counted since the part before it");
    this.#openFrom = sequence(part.to + 1);
    this.#tally = new Tally();
    return tally;
  }

  /** A flush failed. */
  flushFailed(): void {
    this.#options.board.write((edit) => {
      edit.add("flushFailures", 1);
      edit.add("flushFailuresInRow", 1);
    });
  }

  /** A segment is durable and out of the queue; `refused` of its lines are not in it. */
  sealed({ tally, refused }: SealedRows & { tally: Tally }): void {
    const { board, clock, counter } = this.#options;
    board.reserve(-tally.rows);
    for (const { category, hour } of refused) counter.note(oneLess(category, hour));
    board.write((edit) => {
      for (const { category, hour } of refused) {
        edit.addCategory(category, -1);
        edit.addHour(hour, -1);
      }
      edit.add("refusedLines", refused.length);
      edit.add("pendingEvents", -tally.rows);
      edit.add("sealedEvents", tally.rows - refused.length);
      this.#tellJournal(edit);
      edit.set("lastFlushMs", clock.nowMs());
      edit.set("flushFailuresInRow", 0);
    });
  }

  /** A part is out of the queue because its file was removed before it was sealed: its events leave every count. */
  lost(tally: Tally): void {
    const { board, counter } = this.#options;
    const less = negative(tally);
    board.reserve(-tally.rows);
    counter.note(less);
    board.write((edit) => {
      addTally(edit, less);
      edit.add("pendingEvents", -tally.rows);
      this.#tellJournal(edit);
      edit.set("flushFailuresInRow", 0);
    });
  }

  /** Whether the journal takes appends. A repair cuts what a failed group wrote, so its bytes are counted again. */
  tellJournalFailed(isFailed: boolean): void {
    this.#options.board.write((edit) => {
      edit.set("journalFailed", Number(isFailed));
      this.#tellJournal(edit);
    });
  }

  /** When the oldest accepted and unsealed event was received; undefined when there is none. ms since 1970 */
  get oldestMs(): number | undefined {
    const times = [...this.#options.queue().map(({ tally }) => tally.oldestMs), this.#tally.oldestMs];
    return times.filter((time) => time > 0).reduce<number | undefined>((a, b) => Math.min(a ?? b, b), undefined);
  }

  /** Counts again when the UTC day has changed or events were removed from the segments. */
  turnCounts(onFailed: (error: unknown) => void): void {
    const { board, clock, counter, queue } = this.#options;
    counter.turn({
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      pending: () => ({ parts: [...queue()], open: this.#tally, openFrom: this.#openFrom }),
      onCounted: ({ byCategory, byHour }, from) =>
        board.write((edit) => {
          edit.startCategories();
          for (const [category, events] of byCategory.entries()) edit.addCategory(category, events);
          edit.startHours(from);
          for (const [hour, events] of byHour) edit.addHour(hour, events);
          const total = byCategory.reduce((sum, events) => sum + events, 0);
          edit.set("sealedEvents", total - board.peek("pendingEvents"));
        }),
      onFailed,
    });
  }

  #tellJournal(edit: BoardEdit): void {
    const queue = this.#options.queue();
    edit.set("oldestPendingMs", queue[0]?.tally.oldestMs ?? this.#tally.oldestMs);
    let journalBytes = this.#options.openBytes();
    for (const { part } of queue) journalBytes += part.bytes;
    edit.set("journalBytes", journalBytes);
  }
}

const oneLess = (category: number, hour: number) => ({
  byCategory: Array.from({ length: category + 1 }, (_, index) => (index === category ? -1 : 0)),
  byHour: new Map([[hour, -1]]),
});

const negative = ({ byCategory, byHour }: Tally) => ({
  byCategory: byCategory.map((events) => -events),
  byHour: new Map([...byHour].map(([hour, events]) => [hour, -events])),
});

function addTally(edit: BoardEdit, tally: Pick<Tally, "byCategory" | "byHour">): void {
  for (let category = 0; category < tally.byCategory.length; category++)
    edit.addCategory(category, tally.byCategory[category] ?? 0);
  for (const hour of tally.byHour.keys()) edit.addHour(hour, tally.byHour.get(hour) ?? 0);
}
