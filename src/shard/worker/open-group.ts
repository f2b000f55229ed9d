/** Rows that will become durable together, and the promise that their requests wait for. */
import { LineBuffer } from "../../base/line-buffer.ts";
import type { WrittenRow } from "../../event/line/written-row.ts";
import type { Group, Journal } from "../../journal/journal.ts";
import type { Outstanding } from "./in-order.ts";
import { Tally } from "./tally.ts";

/** How the journal answered a group: with the bytes it wrote, or an error. */
export type JournalAnswer = { bytes: number } | { error: unknown };

/** What a group tells its owner. */
type GroupOwner = {
  /** The journal has answered. */
  onArrived(group: OpenGroup): void;
  /** It is the answer's turn. */
  onTurn(group: OpenGroup, answer: JournalAnswer): void;
};

/** A group that takes rows, or whose commit is under way. A thread uses few of them, again and again. */
export class OpenGroup implements Group, Outstanding {
  /** Their lines. They belong to the journal until it has answered. */
  readonly lines = new LineBuffer();
  readonly tally = new Tally();
  duplicates = 0;
  conflicts = 0;
  /** When its write began, of the monotonic clock, and how long it took. ms */
  startMs = 0;
  tookMs = 0;
  readonly #owner: GroupOwner;
  #answer: JournalAnswer | undefined;
  #settle: (isDurable: boolean) => void = () => undefined;
  // Made once, as the functions below: a group of one event must not leave many times its own size as garbage.
  readonly #take = (settle: (isDurable: boolean) => void): void => {
    this.#settle = settle;
  };
  #durable = new Promise<boolean>(this.#take);
  readonly #onWritten = (bytes: number): void => this.#arrive({ bytes });
  readonly #onFailed = (error: unknown): void => this.#arrive({ error });

  constructor(owner: GroupOwner) {
    this.#owner = owner;
  }

  /** True once its rows are durable; false when the journal failed. */
  get durable(): Promise<boolean> {
    return this.#durable;
  }

  get rows(): number {
    return this.tally.rows;
  }

  get isAnswered(): boolean {
    return this.#answer !== undefined;
  }

  /** Adds a row, whose line begins at offset `from` in `lines`. */
  add(row: WrittenRow, lines: Buffer, from: number): void {
    this.lines.reserve(row.bytes);
    this.lines.copy(lines, from, from + row.bytes);
    this.tally.add(row);
    this.tally.lineBytesMax = Math.max(this.tally.lineBytesMax, row.bytes);
  }

  /** Has the journal write it; without rows it is answered at once. */
  appendTo(journal: Pick<Journal, "append">): void {
    if (this.rows === 0) this.#arrive({ bytes: 0 });
    else journal.append(this).then(this.#onWritten, this.#onFailed);
  }

  /** Has the owner handle the journal's answer. */
  act(): void {
    if (this.#answer !== undefined) this.#owner.onTurn(this, this.#answer);
  }

  /** Resolves `durable`. */
  settle(isDurable: boolean): void {
    this.#settle(isDurable);
  }

  /** Becomes an empty group. REQUIRES: it was settled. */
  clear(): void {
    this.lines.clear();
    this.tally.clear();
    this.duplicates = 0;
    this.conflicts = 0;
    this.#answer = undefined;
    this.#durable = new Promise<boolean>(this.#take);
  }

  #arrive(answer: JournalAnswer): void {
    this.#answer = answer;
    this.#owner.onArrived(this);
  }
}

/** Enough for a journal that answers at once: one group is being answered while the next one fills. */
const groupsKept = 2;

/** Groups that are used again, with their memory for lines and ids. */
export class GroupMemory {
  readonly #owner: GroupOwner;
  readonly #free: OpenGroup[] = [];

  constructor(owner: GroupOwner) {
    this.#owner = owner;
  }

  /** An empty group. */
  take(): OpenGroup {
    return this.#free.pop() ?? new OpenGroup(this.#owner);
  }

  /** Takes back a group that was settled and that nobody uses any more. */
  giveBack(group: OpenGroup): void {
    if (this.#free.length >= groupsKept) return;
    group.clear();
    this.#free.push(group);
  }
}
