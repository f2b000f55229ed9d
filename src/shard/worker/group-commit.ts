/**
 * Group commit: rows that arrive while one group is written and synced go into the next, without a timer. With a
 * journal that answers late, several groups are under way.
 *
 * Invariants:
 * - `durable` of a group resolves to true only after its rows are in the journal, its ids are settled and its rows
 *   counted.
 * - The journal's answers are handled in the order of the calls, so a part is closed after all of its groups are
 *   counted.
 * - When a group fails, every group after it fails, including the open one: it may hold a duplicate of a row that was
 *   not stored. Until the repair no rows are accepted.
 */
import { JournalNotWritten } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { Time } from "../../base/time.ts";
import type { Journal, JournalPart } from "../../journal/journal.ts";
import type { DiskWork } from "./disk-work.ts";
import { InOrder } from "./in-order.ts";
import { GroupMemory, type JournalAnswer, type OpenGroup } from "./open-group.ts";
import type { Throttle } from "./throttle.ts";

/**
 * A larger group is committed before it takes more rows: the rows of a message may be many times the message's size.
 * Bytes.
 */
const groupBytesMax = 4 * 1024 * 1024;

/**
 * With this many groups under way the open one waits and takes more rows: more groups do not make a networked log
 * faster.
 */
const underWayMax = 8;

/** Callbacks for the owner of the groups. */
type GroupHooks = {
  /** The rows are durable and their requests not yet answered: settles ids and counts rows. */
  onDurable(group: OpenGroup): void;
  /** The journal failed, and the requests are not yet answered. */
  onFailed(group: OpenGroup, error: JournalNotWritten): void;
  /** A part is closed, and all of its groups are counted. */
  onPart(part: JournalPart): void;
  /** A part could not be closed. */
  onNotClosed(error: JournalNotWritten): void;
  /** The journal takes groups again; `onPart` was called before if the repair closed a part. */
  onRepaired(): void;
  onNotRepaired(error: JournalNotWritten): void;
  /** After each write: its size in bytes. */
  onWritten(group: OpenGroup, bytes: number): void;
};

/** What group commit needs. */
type GroupCommitOptions = {
  journal: Journal;
  /** Marks the calls that may take long. */
  disk: Pick<DiskWork, "begin" | "end" | "wait">;
  throttle: Throttle;
  time: Time;
  /** A group that would make the part larger than this goes into the next one. Bytes. */
  partBytesMax: number;
  hooks: GroupHooks;
};

/** Collects rows into groups, commits them one after another, and closes and repairs the journal between them. */
export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #answers = new InOrder();
  readonly #memory: GroupMemory;
  /** Groups that were committed and not answered, oldest first. */
  readonly #underWay: OpenGroup[] = [];
  #open: OpenGroup | undefined;
  /** The open group's commit is due, but `underWayMax` groups are under way. */
  #isDue = false;
  #isBroken = false;
  readonly #commitInTurn = (): void => {
    if (this.#underWay.length < underWayMax) this.commit();
    else this.#isDue = this.#open !== undefined;
  };

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#memory = new GroupMemory({
      onArrived: (group) => {
        group.tookMs = options.disk.end(group.startMs);
        this.#answers.look();
      },
      onTurn: (group, answer) => this.#handle(group, answer),
    });
  }

  /** Whether the journal failed and is not repaired yet: no rows are accepted. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  /** Whether the journal has answered everything. */
  get isIdle(): boolean {
    return this.#answers.outstanding === 0;
  }

  /**
   * The group that takes rows now. It is committed after the messages that have already arrived, or after the
   * throttle's pause.
   */
  join(): OpenGroup {
    invariant(!this.#isBroken, "no row joins a group while the journal is broken");
    if (this.#open !== undefined && this.#open.lines.end > groupBytesMax) this.#commitInTurn();
    if (this.#open === undefined) {
      this.#open = this.#memory.take();
      this.#options.time.after(this.#options.throttle.pauseMs, this.#commitInTurn);
    }
    return this.#open;
  }

  /** When the oldest request in an unanswered group was received; undefined when there is none. ms since 1970 */
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
    const { journal, disk, partBytesMax } = this.#options;
    if (journal.openBytes > 0 && journal.openBytes + group.lines.end > partBytesMax) void this.rotate();
    this.#underWay.push(group);
    this.#answers.add(group);
    group.startMs = disk.begin();
    group.appendTo(journal);
  }

  /** Closes the committed groups as a part, and passes it to `onPart`. Returns whether that succeeded. */
  async rotate(): Promise<boolean> {
    const { journal, disk, hooks } = this.#options;
    let isClosed = false;
    await this.#answers.act(
      disk.wait(() => journal.rotate()),
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

  /** Repairs the journal if it is broken, once it has answered everything else. Returns whether it takes groups. */
  async repair(): Promise<boolean> {
    const { journal, disk, hooks } = this.#options;
    await this.#answers.idle();
    if (!this.#isBroken) return true;
    await this.#answers.act(
      disk.wait(() => journal.repair()),
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

  /** Resolves when every journal call made so far is answered. */
  idle(): Promise<void> {
    return this.#answers.idle();
  }

  /** Handles the journal's answer, after those to all earlier calls. */
  #handle(group: OpenGroup, answer: JournalAnswer): void {
    const { hooks } = this.#options;
    if ("error" in answer) {
      const why = knownFailure(answer.error);
      this.#isBroken = true;
      this.#fail(group, why);
      this.#failOpen(why);
    } else if (group.rows === 0 && this.#isBroken) {
      // Only duplicates, perhaps of rows that were under way and failed.
      this.#fail(group, waitsForRepair());
    } else {
      invariant(!this.#isBroken, "a journal that failed takes nothing until its repair");
      if (group.rows > 0) hooks.onWritten(group, answer.bytes);
      hooks.onDurable(group);
      this.#underWay.shift();
      group.settle(true);
      this.#memory.giveBack(group);
      if (this.#isDue) this.#commitInTurn();
    }
  }

  #fail(group: OpenGroup, error: JournalNotWritten): void {
    // Its memory is not used again: until the repair its ids are needed.
    this.#options.hooks.onFailed(group, error);
    if (this.#underWay[0] === group) this.#underWay.shift();
    group.settle(false);
    if (this.#isDue) this.#commitInTurn();
  }

  /** Fails the open group: it may have duplicates of rows that failed. */
  #failOpen(error: JournalNotWritten): void {
    const open = this.#open;
    this.#open = undefined;
    this.#isDue = false;
    if (open !== undefined) this.#fail(open, error);
  }
}

const waitsForRepair = () => new JournalNotWritten("the journal waits for its repair");

/** Any error but a refusal of the disk is a bug, and ends the thread. */
function knownFailure(error: unknown): JournalNotWritten {
  if (!(error instanceof JournalNotWritten)) throw error;
  return error;
}
