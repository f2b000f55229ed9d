/**
 * The live tail: streams of events, each sent once it is durable.
 *
 * Invariants:
 * - Streams are bounded, all of them and those of one subject; each holds a bounded number of bytes.
 * - Without a reader nothing runs: no process, no timer.
 * - If the process that follows the journal ends, every stream continues where it was.
 */
import { codeOf, messageOf } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import type { Log } from "../base/log.ts";
import type { Time } from "../base/time.ts";
import type { QueryRunner } from "../query/runner.ts";
import type { Board } from "../shard/board.ts";
import type { Epoch } from "../store/folder/epochs.ts";
import type { DataFolder } from "../store/folder/names.ts";
import { type FollowerProcess, startFollower } from "./child.ts";
import { beginEpoch, continuationOf } from "./epochs.ts";
import type { Place, Position } from "./position.ts";
import type { FollowerNotice } from "./protocol.ts";
import { readSealed, SealedNotRead } from "./sealed.ts";
import { type Asked, TailSession } from "./session.ts";

/** More people do not watch at once; each reader may hold half a MiB. Streams. */
const readersMax = 32;

/** One subject leaves room for others. Streams. */
const readersOfSubjectMax = 16;

/** How often the boards are read for new events: nobody sees a shorter delay. ms */
const lookEveryMs = 20;

/** A token that has expired or was revoked ends its stream this soon after the service knows. ms */
const allowedEveryMs = 250;

/** The process stays this long after its last reader: a page that is loaded again finds it. ms */
const lingerMs = 10_000;

/** First and longest pause before the successor of a process that ended. ms */
const successorPauseMs = { first: 100, longest: 5_000 };

/** What the tail reads and by what means. */
type TailOptions = {
  folder: DataFolder;
  boards: readonly Pick<Board, "peek">[];
  queries: Pick<QueryRunner, "run">;
  log: Log;
  time: Pick<Time, "every">;
};

/** All streams of a service. */
export class Tail {
  readonly #options: TailOptions;
  readonly #sessions = new Set<TailSession>();
  readonly #attached = new Map<number, TailSession>();
  #attachments = 0;
  /** The runs of a service on this folder, this one last; empty before it has begun. */
  #epochs: readonly Epoch[] = [];
  #process: FollowerProcess | undefined;
  #ends: number[] = [];
  #missed = 0;
  #timers: NodeJS.Timeout[] = [];
  #lingering: NodeJS.Timeout | undefined;
  #pauseMs = 0;
  #isStopped = false;

  constructor(options: TailOptions) {
    this.#options = options;
  }

  /** Streams that are open. */
  get readers(): number {
    return this.#sessions.size;
  }

  /** Events that were left out for slow readers. */
  get missedEvents(): number {
    return this.#missed;
  }

  /** Notes where this run of the service begins. REQUIRES: the shards have recovered, and accept nothing yet. */
  begin(): void {
    const { folder, log } = this.#options;
    this.#epochs = beginEpoch(folder, this.#readEnds(), log);
  }

  /** A position as it is sent to a reader. */
  placeOf({ position }: { position: Position }): Place {
    return { epoch: this.#epoch, position };
  }

  get #epoch(): number {
    const epoch = this.#epochs.at(-1);
    invariant(epoch !== undefined, "a tail begins before it is read");
    return epoch.id;
  }

  /** Opens a stream; undefined: there are as many as may be, of all or of this subject. */
  open(asked: Asked): TailSession | undefined {
    const ofSubject = [...this.#sessions].filter((each) => each.asked.subject === asked.subject).length;
    if (this.#isStopped || this.#sessions.size >= readersMax || ofSubject >= readersOfSubjectMax) return undefined;
    // What is durable at this moment came before a stream that begins now.
    const now = { position: this.#readEnds(), isOther: false };
    const { position, isOther } = asked.from === undefined ? now : continuationOf(asked.from, this.#epochs);
    const { time } = this.#options;
    const onEnded = () => this.#ended(session);
    const session = TailSession.open(asked, { position, hasGap: isOther, time, onEnded });
    this.#sessions.add(session);
    if (this.#sessions.size === 1) this.#startTimers();
    this.#attach(session);
    return session;
  }

  /** Ends all streams and the process. */
  stop(): void {
    this.#isStopped = true;
    for (const session of this.#sessions) session.end();
    this.#endProcess();
  }

  #startTimers(): void {
    clearTimeout(this.#lingering);
    this.#timers = [
      setInterval(() => this.#tellEnds(), lookEveryMs),
      setInterval(() => this.#endForbidden(), allowedEveryMs),
    ];
  }

  #ended(session: TailSession): void {
    this.#sessions.delete(session);
    this.#detach(session);
    if (this.#sessions.size > 0) return;
    for (const timer of this.#timers) clearInterval(timer);
    this.#lingering = setTimeout(() => this.#endProcess(), lingerMs);
  }

  #endProcess(): void {
    clearTimeout(this.#lingering);
    const ended = this.#process;
    this.#process = undefined;
    ended?.kill();
  }

  /** By shard: the sequence of its last durable event. */
  #readEnds(): number[] {
    return this.#options.boards.map((board) => board.peek("durableTo"));
  }

  #tellEnds(): void {
    const ends = this.#readEnds();
    if (ends.every((end, shard) => end === this.#ends[shard])) return;
    this.#ends = ends;
    this.#process?.ask({ kind: "ends", ends });
  }

  #attach(session: TailSession): void {
    const child = this.#process ?? this.#start();
    if (child === undefined) return;
    this.#ends = this.#readEnds();
    child.ask({ kind: "ends", ends: this.#ends });
    const reader = ++this.#attachments;
    session.attached = reader;
    this.#attached.set(reader, session);
    const { position, isResuming, hasGap } = session;
    child.ask({ kind: "attach", reader, position, filter: session.asked.filter, isResuming, hasGap });
  }

  #isAttached(session: TailSession): boolean {
    return session.attached !== undefined && this.#attached.get(session.attached) === session;
  }

  #detach({ attached }: TailSession): void {
    if (attached === undefined || !this.#attached.delete(attached)) return;
    this.#process?.ask({ kind: "detach", reader: attached });
  }

  /** Undefined: no process can be started now; it is tried again. */
  #start(): FollowerProcess | undefined {
    const { folder, log } = this.#options;
    try {
      const started = startFollower({ folder, epoch: this.#epoch }, (notice) => this.#hear(notice));
      this.#process = started;
      started.ended.then((how) => this.#succeed(started, how));
      return started;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      log.warn({ error: messageOf(error) }, "the tail's process cannot be started; tried again");
      this.#startAgain();
      return undefined;
    }
  }

  #succeed(ended: FollowerProcess, how: string): void {
    if (this.#process !== ended) return;
    this.#process = undefined;
    this.#options.log.error({ how }, "the tail's process ended; its successor continues");
    this.#startAgain();
  }

  #startAgain(): void {
    const { first, longest } = successorPauseMs;
    this.#pauseMs = Math.min(Math.max(first, this.#pauseMs * 2), longest);
    // What none has now continues in the successor, whoever starts it: this timer, or a new reader before it.
    this.#attached.clear();
    setTimeout(() => {
      if (this.#isStopped) return;
      for (const session of this.#sessions) {
        if (session.isReadingSegments || this.#isAttached(session)) continue;
        // Whoever was up to date continues where it was, too.
        session.isResuming = true;
        this.#attach(session);
      }
    }, this.#pauseMs);
  }

  #hear(notice: FollowerNotice): void {
    if (notice.kind === "missed") {
      this.#missed += notice.events;
      return;
    }
    const { reader, position } = notice;
    const session = this.#attached.get(reader);
    if (session === undefined) return;
    this.#pauseMs = 0;
    // Its gap, if it has one, is before everything else.
    session.hasGap = false;
    if (notice.kind === "sealed") {
      session.position = position;
      session.isResuming = notice.isResuming;
      this.#attached.delete(reader);
      this.#readSealed(session, notice);
      return;
    }
    const { text } = notice;
    session.put(text, position, () => this.#process?.ask({ kind: "taken", reader, bytes: text.byteLength }));
  }

  async #readSealed(session: TailSession, { shard, to }: { shard: number; to: number }): Promise<void> {
    const { asked, signal } = session;
    session.isReadingSegments = true;
    try {
      const position = await readSealed(
        this.#options.queries,
        { epoch: this.#epoch, position: session.position, shard, to, filter: asked.filter },
        {
          subject: asked.subject,
          signal,
          put: async (messages, after) => {
            session.put(Buffer.from(messages), after, () => undefined);
            await session.room();
          },
        },
      );
      if (position === undefined || signal.aborted) return;
      session.position = position;
      session.isReadingSegments = false;
      this.#attach(session);
    } catch (error) {
      // Its reader connects again and resumes; the promise has no other owner.
      const level = error instanceof SealedNotRead ? "warn" : "error";
      this.#options.log[level]({ error: messageOf(error) }, "a reader of the tail could not resume from segments");
      session.end();
    }
  }

  async #endForbidden(): Promise<void> {
    for (const session of this.#sessions) if (!(await session.asked.isAllowed())) session.end();
  }
}
