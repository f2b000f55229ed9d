/**
 * Events by hour, for "today" and "this hour": kept on the board for three days from the start of a UTC day, and counted
 * anew from the rollups when a day ends. So an event dated far ahead costs nothing until its day comes.
 */
import type { ShardId } from "../base/brand.ts";
import type { KeeperForShards } from "../keeper/protocol.ts";
import type { DataFolder } from "../store/names.ts";
import { nothingSealed, type SealedCounts } from "../store/rollup.ts";
import { boardHours } from "./board.ts";
import { ownedSegmentPaths } from "./recovery.ts";
import type { Tally } from "./tally.ts";

const hourMs = 3_600_000;

/** Start of the UTC day, in hours since 1970. */
const dayStart = (nowMs: number) => Math.floor(nowMs / (24 * hourMs)) * 24;

/** After a count that failed, the next one waits; the board has two days in hand. ms */
const retryPauseMs = 60_000;

/** Whose hours are counted. */
type HourCountsOptions = {
  folder: DataFolder;
  shard: ShardId;
  shards: number;
  keeper: KeeperForShards;
};

/** A turn of the clock, with the counts of everything that is accepted and not sealed at this instant. */
type HourTurn = {
  nowMs: number;
  pending: () => readonly Tally[];
  onCounted(byHour: ReadonlyMap<number, number>, from: number): void;
  onFailed(error: unknown): void;
};

/** Keeps the hours of a shard's board. */
export class HourCounts {
  readonly #options: HourCountsOptions;
  #from: number;
  /** While a count runs: events accepted since it began. */
  #since: Map<number, number> | undefined;
  #notBeforeMs = 0;

  constructor(options: HourCountsOptions, nowMs: number) {
    this.#options = options;
    this.#from = dayStart(nowMs);
  }

  /** First hour counted, since 1970. */
  get from(): number {
    return this.#from;
  }

  /** Counts all that is sealed. */
  async countAll(): Promise<SealedCounts> {
    const paths = ownedSegmentPaths(this.#options);
    const window = { from: this.#from, to: this.#from + boardHours };
    return paths.length === 0 ? nothingSealed() : this.#options.keeper.count(paths, window);
  }

  /** Notes events that became durable. */
  note(tally: Tally): void {
    if (this.#since !== undefined) addHours(this.#since, tally.byHour);
  }

  /**
   * Counts anew when the day has changed. The sealed segments and the pending counts are taken at the same instant, and
   * what is accepted meanwhile is added, so the result is exact whatever is flushed in between.
   */
  turn(turn: HourTurn): void {
    const today = dayStart(turn.nowMs);
    if (today === this.#from || this.#since !== undefined || turn.nowMs < this.#notBeforeMs) return;
    const before = this.#from;
    const since = new Map<number, number>();
    for (const tally of turn.pending()) addHours(since, tally.byHour);
    this.#since = since;
    this.#from = today;
    this.countAll()
      .then(({ byHour }) => {
        addHours(since, byHour);
        turn.onCounted(since, today);
      })
      .catch((error: unknown) => {
        this.#from = before;
        this.#notBeforeMs = turn.nowMs + retryPauseMs;
        turn.onFailed(error);
      })
      .finally(() => {
        this.#since = undefined;
      });
  }
}

function addHours(to: Map<number, number>, from: ReadonlyMap<number, number>): void {
  for (const [hour, events] of from) to.set(hour, (to.get(hour) ?? 0) + events);
}
