/**
 * Group commit: what arrives while one group is written and synced goes into the next, with no timer.
 *
 * Invariants:
 * - `durable` of a group resolves true only after its rows are in the journal, and its ids and counts are settled.
 * - When a group fails, everything that joined it fails: a repeat in it may have counted on a row that is not there.
 */
import { JournalNotWritten } from "../../base/errors.ts";
import { LineBuffer } from "../../base/line-buffer.ts";
import type { WrittenRow } from "../../event/line/written-row.ts";
import type { Journal } from "../../journal/journal.ts";
import { Tally } from "./tally.ts";
import type { Throttle } from "./throttle.ts";

/** Rows that will become durable together. */
export class OpenGroup {
  /** Their lines; only until the group is committed, for the next one uses the memory again. */
  readonly lines: LineBuffer;
  readonly tally = new Tally();
  duplicates = 0;
  conflicts = 0;
  /** True once its rows are durable; false when the journal failed. */
  readonly durable: Promise<boolean>;
  /** Ends the wait of all who joined. */
  readonly settle: (isDurable: boolean) => void;

  constructor(lines: LineBuffer) {
    this.lines = lines;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.durable = promise;
    this.settle = resolve;
  }

  /** Adds a row, whose line stands in `lines` from a place on. */
  add(row: WrittenRow, lines: Buffer, from: number): void {
    this.lines.reserve(row.bytes);
    this.lines.copy(lines, from, from + row.bytes);
    this.tally.add(row);
    this.tally.lineBytesMax = Math.max(this.tally.lineBytesMax, row.bytes);
  }
}

/** A larger group is committed before it takes more: what a message brings may be many times its bytes. Bytes. */
const groupBytesMax = 4 * 1024 * 1024;

/** What the group's owner does around its commit. */
type GroupHooks = {
  /** Before the wait ends, after the rows are durable: settles ids and counts. */
  onDurable(group: OpenGroup): void;
  /** Before the wait ends, after the journal failed. */
  onFailed(group: OpenGroup, error: JournalNotWritten): void;
  /** Runs what touches the disk. */
  onDisk<Result>(work: () => Result): Result;
  /** Before each write of this many bytes. */
  beforeWrite(bytes: number): void;
  /** After each write: what it took, in ms and bytes. */
  onWritten(group: OpenGroup, written: { ms: number; bytes: number }): void;
};

/** Collects rows into groups and commits them one after another. */
export class GroupCommit {
  readonly #journal: Journal;
  readonly #hooks: GroupHooks;
  readonly #throttle: Throttle;
  readonly #lines = new LineBuffer();
  #open: OpenGroup | undefined;

  constructor(journal: Journal, throttle: Throttle, hooks: GroupHooks) {
    this.#journal = journal;
    this.#throttle = throttle;
    this.#hooks = hooks;
  }

  /** The group that takes rows now; it is committed after the messages that have arrived by then, or the throttle's pause. */
  join(): OpenGroup {
    if (this.#open !== undefined && this.#open.lines.end > groupBytesMax) this.commit();
    if (this.#open === undefined) {
      this.#lines.clear();
      this.#open = new OpenGroup(this.#lines);
      const { pauseMs } = this.#throttle;
      if (pauseMs > 0) setTimeout(() => this.commit(), pauseMs);
      else setImmediate(() => this.commit());
    }
    return this.#open;
  }

  /** When the oldest request of the open group came; undefined when there is none. ms since 1970 */
  get oldestMs(): number | undefined {
    return this.#open?.tally.oldestMs;
  }

  /** Commits the open group now, if there is one. */
  commit(): void {
    const group = this.#open;
    if (group === undefined) return;
    this.#open = undefined;
    try {
      if (group.tally.rows > 0) this.#write(group);
    } catch (error) {
      if (!(error instanceof JournalNotWritten)) throw error;
      this.#hooks.onFailed(group, error);
      group.settle(false);
      return;
    }
    this.#hooks.onDurable(group);
    group.settle(true);
  }

  #write(group: OpenGroup): void {
    this.#hooks.onDisk(() => {
      this.#hooks.beforeWrite(group.lines.end);
      const startMs = performance.now();
      const bytes = this.#journal.append({ lines: group.lines, rows: group.tally.rows });
      this.#hooks.onWritten(group, { ms: performance.now() - startMs, bytes });
    });
  }
}
