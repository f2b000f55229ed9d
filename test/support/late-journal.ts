/**
 * A journal that answers late, out of order and sometimes not at all well, within what a journal promises: a stand-in
 * for a log over a network. What it holds is held by another journal.
 */
import { JournalNotWritten } from "../../src/base/errors.ts";
import type { Time } from "../../src/base/time.ts";
import type { Group, Journal, JournalPart, RecoveredJournal, RecoveryDecisions } from "../../src/journal/journal.ts";

/**
 * How one call goes: what it does is done this much later, answered this much after that, or refused without being
 * done.
 */
export type CallManner = { doneAfterMs: number; answeredAfterMs: number; isRefused: boolean };

/** Calls of a journal that can fail. */
export type JournalCall = "recover" | "append" | "repair" | "rotate" | "drop" | "close";

/** Wraps a journal; `manner` is asked at each call how that one goes. */
export class LateJournal implements Journal {
  readonly #inner: Journal;
  readonly #time: Time;
  readonly #manner: (call: JournalCall) => CallManner;
  /** What was asked for and is not done, oldest first. */
  #doing: Promise<unknown> = Promise.resolve();
  #isFailed = false;
  #openBytes = 0;

  constructor(inner: Journal, time: Time, manner: (call: JournalCall) => CallManner) {
    this.#inner = inner;
    this.#time = time;
    this.#manner = manner;
  }

  get openBytes(): number {
    return this.#openBytes;
  }

  get openFrom() {
    return this.#inner.openFrom;
  }

  get isRemoved(): boolean {
    return this.#inner.isRemoved;
  }

  removedOf(parts: readonly JournalPart[]): JournalPart[] {
    return this.#inner.removedOf(parts);
  }

  recover(decisions: RecoveryDecisions): Promise<RecoveredJournal> {
    return this.#call("recover", () => this.#inner.recover(decisions));
  }

  append(group: Group): Promise<number> {
    this.#openBytes += group.lines.end;
    return this.#call("append", () => this.#unlessFailed(() => this.#inner.append(group)));
  }

  rotate(): Promise<JournalPart | undefined> {
    this.#openBytes = 0;
    return this.#call("rotate", () => this.#unlessFailed(() => this.#inner.rotate()));
  }

  repair(): Promise<JournalPart | undefined> {
    return this.#call("repair", async () => {
      // What was refused here never reached the other journal, which may be well.
      const repaired = await this.#inner.repair();
      const part = repaired ?? (await this.#inner.rotate());
      this.#isFailed = false;
      this.#openBytes = this.#inner.openBytes;
      return part;
    });
  }

  drop(part: JournalPart): Promise<void> {
    return this.#call("drop", () => this.#inner.drop(part));
  }

  close(): Promise<void> {
    return this.#call("close", () => this.#inner.close());
  }

  /** What fails, fails everything that was asked after it. */
  async #unlessFailed<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    if (this.#isFailed) throw new JournalNotWritten("the journal waits for its repair");
    try {
      return await ask();
    } catch (error) {
      this.#isFailed = true;
      throw error;
    }
  }

  /** Calls are done in their order; when each of them is answered is another matter. */
  async #call<Answer>(call: JournalCall, ask: () => Promise<Answer>): Promise<Answer> {
    const { doneAfterMs, answeredAfterMs, isRefused } = this.#manner(call);
    const before = this.#doing;
    const done = (async () => {
      await before;
      if (doneAfterMs > 0) await this.#time.sleep(doneAfterMs);
      if (!isRefused) return ask();
      if (call === "append" || call === "rotate") this.#isFailed = true;
      throw new JournalNotWritten(`${call} refused`);
    })();
    this.#doing = done.catch(() => undefined);
    try {
      return await done;
    } finally {
      if (answeredAfterMs > 0) await this.#time.sleep(answeredAfterMs);
    }
  }
}
