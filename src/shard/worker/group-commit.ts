/**
 * Group commit: what arrives while one group is written and synced goes into the next, with no timer. A journal that
 * answers late has several groups under way.
 *
 * Invariants:
 * - `durable` of a group resolves true only after its rows are in the journal, and its ids and counts are settled.
 * - Answers of the journal are acted upon in the order of the calls: a part is closed after all of its groups are
 *   counted.
 * - When a group fails, everything behind it fails, the group that is open among it: a duplicate in it may have counted
 *   on a row that is not there. Until the repair nothing is taken.
 */
import { JournalNotWritten } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { Time } from "../../base/time.ts";
import type { Journal, JournalPart } from "../../journal/journal.ts";
import { InOrder } from "./in-order.ts";
import { GroupMemory, OpenGroup } from "./open-group.ts";
import type { Throttle } from "./throttle.ts";

/** A larger group is committed before it takes more: what a message brings may be many times its bytes. Bytes. */
const groupBytesMax = 4 * 1024 * 1024;

/**
 * With this many groups under way the open one waits, and takes more: a log over a network is not quicker with more of
 * them.
 */
const underWayMax = 8;

/** What the owner of the groups does when the journal has answered. */
type GroupHooks = {
  /** Before the wait ends, after the rows are durable: settles ids and counts. */
  onDurable(group: OpenGroup): void;
  /** Before the wait ends, after the journal failed. */
  onFailed(group: OpenGroup, error: JournalNotWritten): void;
  /** A part is closed, and all of its groups are counted. */
  onPart(part: JournalPart): void;
  /** A part could not be closed. */
  onNotClosed(error: JournalNotWritten): void;
  /** The journal takes groups again; a part that the repair closed was told before. */
  onRepaired(): void;
  onNotRepaired(error: JournalNotWritten): void;
  /** Asks the journal for something that may take long. */
  onDisk<Answer>(ask: () => Promise<Answer>): Promise<Answer>;
  /** After each write: what it took, in ms and bytes. */
  onWritten(group: OpenGroup, written: { ms: number; bytes: number }): void;
};

/** How groups are committed, and to what. */
type GroupCommitOptions = {
  journal: Journal;
  throttle: Throttle;
  time: Time;
  /** A group that would make more of it goes into the next part. Bytes. */
  partBytesMax: number;
  hooks: GroupHooks;
};

/** Collects rows into groups, commits them one after another, and closes and repairs the journal between them. */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #answers = new InOrder();
  readonly #memory = new GroupMemory();
  /** Committed, and not answered. */
  readonly #underWay = new Set<OpenGroup>();
  #open: OpenGroup | undefined;
  /** The open group would be committed, had others been answered. */
  #isDue = false;
  #isBroken = false;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Whether the journal failed and was not repaired since: no group is taken. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether the journal has answered everything. */
  get isIdle(): boolean {
    return this.#answers.outstanding === 0;
  }

  /**
   * The group that takes rows now; it is committed after the messages that have arrived by then, or the throttle's
   * pause.
   */
  join(): OpenGroup {
    invariant(!this.#isBroken, "no row joins a group while the journal is broken");
    if (this.#open !== undefined && this.#open.lines.end > groupBytesMax) this.#commitInTurn();
    if (this.#open === undefined) {
      this.#open = new OpenGroup(this.#memory.take());
      this.#options.time.after(this.#options.throttle.pauseMs, () => this.#commitInTurn());
    }
    return this.#open;
  }

  /** When the oldest request came whose group is not answered; undefined when there is none. ms since 1970 */
  get oldestMs(): number | undefined {
    const times = [...this.#underWay, this.#open].flatMap((group) => group?.tally.oldestMs ?? []);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /** Commits the open group now, if there is one. */
  commit(): void {
    const group = this.#open;
    if (group === undefined) return;
    this.#open = undefined;
    this.#isDue = false;
    this.#underWay.add(group);
    if (group.tally.rows === 0) {
      // Nothing but duplicates, perhaps of rows that are under way: it shares their fate.
      void this.#answers.act(Promise.resolve(), {
        done: () => (this.#isBroken ? this.#fail(group, waitsForRepair()) : this.#settle(group)),
        failed: () => undefined,
      });
    } else this.#append(group);
  }

  /** Closes what was committed as a part; gives whether that went well, once the part was told. */
  async rotate(): Promise<boolean> {
    const { journal, hooks } = this.#options;
    let isClosed = false;
    await this.#answers.act(
      hooks.onDisk(() => journal.rotate()),
      {
        done: (part) => {
          if (part !== undefined) hooks.onPart(part);
          isClosed = true;
        },
        failed: (error) => {
          const why = knownFailure(error);
          this.#isBroken = true;
          hooks.onNotClosed(why);
          this.#failOpen(why);
        },
      },
    );
    return isClosed;
  }

  /** Repairs the journal if it is broken, once it has answered everything else; gives whether it takes groups. */
  async repair(): Promise<boolean> {
    const { journal, hooks } = this.#options;
    await this.#answers.idle();
    if (!this.#isBroken) return true;
    await this.#answers.act(
      hooks.onDisk(() => journal.repair()),
      {
        done: (part) => {
          if (part !== undefined) hooks.onPart(part);
          this.#isBroken = false;
          hooks.onRepaired();
        },
        failed: (error) => hooks.onNotRepaired(knownFailure(error)),
      },
    );
    return !this.#isBroken;
  }

  /** Resolves when everything that was asked of the journal by now is answered. */
  idle(): Promise<void> {
    return this.#answers.idle();
  }

  #commitInTurn(): void {
    if (this.#underWay.size < underWayMax) this.commit();
    else this.#isDue = this.#open !== undefined;
  }

  #append(group: OpenGroup): void {
    const { journal, hooks, partBytesMax } = this.#options;
    const { lines, tally } = group;
    if (journal.openBytes > 0 && journal.openBytes + lines.end > partBytesMax) void this.rotate();
    const startMs = performance.now();
    void this.#answers.act(
      hooks.onDisk(() => journal.append({ lines, rows: tally.rows })),
      {
        done: (bytes) => {
          invariant(!this.#isBroken, "a journal that failed takes nothing until its repair");
          hooks.onWritten(group, { ms: performance.now() - startMs, bytes });
          this.#settle(group);
        },
        failed: (error) => {
          const why = knownFailure(error);
          this.#isBroken = true;
          this.#fail(group, why);
          this.#failOpen(why);
        },
      },
    );
  }

  #settle(group: OpenGroup): void {
    this.#options.hooks.onDurable(group);
    this.#end(group, true);
  }

  #fail(group: OpenGroup, error: JournalNotWritten): void {
    this.#options.hooks.onFailed(group, error);
    this.#end(group, false);
  }

  /** The group that takes rows may have duplicates of rows that failed. */
  #failOpen(error: JournalNotWritten): void {
    const open = this.#open;
    this.#open = undefined;
    this.#isDue = false;
    if (open !== undefined) this.#fail(open, error);
  }

  #end(group: OpenGroup, isDurable: boolean): void {
    this.#underWay.delete(group);
    this.#memory.giveBack(group.lines);
    group.settle(isDurable);
    if (this.#isDue) this.#commitInTurn();
  }
}

const waitsForRepair = () => new JournalNotWritten("the journal waits for its repair");

/** What is not the disk's is a fault of ours, and ends the thread. */
function knownFailure(error: unknown): JournalNotWritten {
  if (!(error instanceof JournalNotWritten)) throw error;
  return error;
}
