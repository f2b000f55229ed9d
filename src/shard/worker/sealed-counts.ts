/**
 * Counts the sealed events for the board, from the rollups: at start, when a day ends, and when events were removed
 * (erased, expired, duplicates). Hours are kept for three days from the start of a UTC day, so an event dated far in
 * the future costs nothing until its day comes.
 *
 * Invariant: a count is exact, whatever is flushed meanwhile. The keeper counts the events before the first one that
 * was pending when the count began; that one and all later ones are added from their tallies.
 */
import { type Sequence, type ShardId, sequence } from "../../base/brand.ts";
import { DataFolderRefused, messageOf } from "../../base/errors.ts";
import type { KeeperForShards, ShardStretch } from "../../keeper/protocol.ts";
import type { DataFolder } from "../../store/folder/names.ts";
import type { SealedCounts } from "../../store/segment/rollup.ts";
import { boardHours } from "../board.ts";
import type { PendingPart } from "./flush.ts";
import { ownedShards } from "./recovery.ts";
import type { Tally } from "./tally.ts";

const hourMs = 3_600_000;

/** Start of the UTC day, in hours since 1970. */
const dayStart = (nowMs: number) => Math.floor(nowMs / (24 * hourMs)) * 24;

/** Pause after a count that failed; the board covers two more days. ms */
const retryPauseMs = 500;

/** What the counter needs. */
type SealedCountsOptions = {
  folder: DataFolder;
  shard: ShardId;
  shards: number;
  keeper: KeeperForShards;
};

/** What is accepted and not sealed now: parts in their order, the open file's tally, and its first sequence. */
type PendingNow = { parts: readonly PendingPart[]; open: Tally; openFrom: Sequence };

/** What `turn` needs. */
type CountTurn = {
  nowMs: number;
  /** Of the monotonic clock, for the pause. ms */
  monotonicMs: number;
  pending: () => PendingNow;
  /** All events, sealed or pending, by category and by hour from `from` on. */
  onCounted(counts: SealedCounts, from: number): void;
  onFailed(error: unknown): void;
};

/** Counts the sealed events of a shard. */
export class SealedCounter {
  readonly #options: SealedCountsOptions;
  #from: number;
  /** While a count runs: events that were pending when it began or were accepted since. */
  #since: SealedCounts | undefined;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #wanted: PromiseWithResolvers<void> | undefined;

  constructor(options: SealedCountsOptions, nowMs: number) {
    this.#options = options;
    this.#from = dayStart(nowMs);
  }

  /** First hour counted, since 1970. */
  get from(): number {
    return this.#from;
  }

  /** Counts the sealed events before the first pending one. */
  async countSealed({ parts, openFrom }: Omit<PendingNow, "open">): Promise<SealedCounts> {
    const stretches = ownedShards(this.#options).map((shard): ShardStretch => {
      const firstPart = parts.find((each) => each.shard === shard)?.part.from;
      const open = shard === this.#options.shard ? openFrom : sequence(Number.MAX_SAFE_INTEGER);
      return { shard, before: firstPart ?? open };
    });
    return this.#options.keeper.count(stretches, { from: this.#from, to: this.#from + boardHours });
  }

  /**
   * The same at a start, which fails without the count.
   * @throws DataFolderRefused when a segment cannot be read
   */
  async countAtStart(pending: Omit<PendingNow, "open">): Promise<SealedCounts> {
    try {
      return await this.countSealed(pending);
    } catch (error) {
      throw new DataFolderRefused(`segments cannot be read; "millrace verify" tells which: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Notes events that became durable, or, as negative counts, that were refused or lost. */
  note(tally: Pick<Tally, "byCategory" | "byHour">): void {
    if (this.#since !== undefined) addTo(this.#since, tally);
  }

  /** Counts again; resolves once the board is updated. */
  recount(): Promise<void> {
    // A count that is running may have begun before the change that led to this call.
    this.#wanted ??= Promise.withResolvers();
    return this.#wanted.promise;
  }

  /** Counts again if the day has changed or `recount` was called. */
  turn(turn: CountTurn): void {
    const today = dayStart(turn.nowMs);
    if (this.#since !== undefined || turn.monotonicMs < this.#notBeforeMs) return;
    if (today === this.#from && this.#wanted === undefined) return;
    const before = this.#from;
    const wanted = this.#wanted;
    const pending = turn.pending();
    const since: SealedCounts = { byCategory: [], byHour: new Map() };
    for (const tally of [...pending.parts.map((each) => each.tally), pending.open]) addTo(since, tally);
    this.#since = since;
    this.#from = today;
    this.#wanted = undefined;
    this.countSealed(pending)
      .then((sealed) => {
        addTo(since, sealed);
        turn.onCounted(since, today);
        wanted?.resolve();
      })
      .catch((error: unknown) => {
        this.#from = before;
        this.#notBeforeMs = turn.monotonicMs + retryPauseMs;
        if (wanted !== undefined) this.recount().then(wanted.resolve, wanted.reject);
        turn.onFailed(error);
      })
      .finally(() => {
        this.#since = undefined;
      });
  }
}

function addTo(sum: SealedCounts, more: Pick<SealedCounts, "byCategory" | "byHour">): void {
  for (const [category, events] of more.byCategory.entries())
    sum.byCategory[category] = (sum.byCategory[category] ?? 0) + events;
  for (const [hour, events] of more.byHour) sum.byHour.set(hour, (sum.byHour.get(hour) ?? 0) + events);
}
