/**
 * Keeps the folder in health by itself: merges small segments, drops what has expired, removes what was replaced, and
 * goes on with an erasure that a crash interrupted. One job at a time; flushes go on beside it.
 */
import { systemClock } from "../base/clock.ts";
import { codeOf, messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { within } from "../base/within.ts";
import type { RewriteWish, ShardStretch } from "../keeper/protocol.ts";
import { type ErasureRequest, readErasure } from "../store/catalog/erasures.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames } from "../store/folder/layout.ts";
import { type DataFolder, parseSegmentName } from "../store/folder/names.ts";
import type { Quarantined } from "../store/segment/quarantine.ts";
import type { ImportedLines } from "../store/segment/rewrite.ts";
import { Eraser, type ErasureForecast, type ErasureResult } from "./eraser.ts";
import { Expiry } from "./expiry.ts";
import { sealPiece } from "./importer.ts";
import { type RewriteTools, rewriteNext } from "./rewrite-next.ts";
import { RewriteBlocked, RewriteFailed, type RewriteGuard, Rewriter } from "./rewriter.ts";
import { endsOf } from "./stretches.ts";
import { Turns } from "./turns.ts";

/** Between two looks for something to do. ms */
const lookEveryMs = 500;

/** After a job that failed. ms */
const retryPauseMs = 5_000;

/** From this failure in a row on, after about 10 s, upkeep stands still and says so. */
const failuresTold = 3;
/** What was accepted before an erasure or a compaction is sealed by then, or it is refused. ms */
const sealMsMax = 20_000;

/** A stop does not wait longer for a job to notice it. ms */
const stopMsMax = 1_000;

/** What upkeep is done with, and how. */
type UpkeepOptions = Omit<RewriteTools, "rewriter"> & {
  folder: DataFolder;
  log: Log;
  limits: {
    /** Replaced segments stay for this long. ms */
    graceMs: number;
    /** Events received longer ago are dropped; 0: none. ms */
    retentionMs: number;
    /** What a query may take, and so may the SQL condition of an erasure. */
    queries: RewriteGuard;
  };
};

/** What a `compact` did. */
type Compacted = { merges: number; repeatsRemoved: number; segments: number };

/** Does the upkeep of one folder until it is disposed. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #rewriter: Rewriter;
  readonly #eraser: Eraser;
  readonly #expiry: Expiry;
  readonly #turns = new Turns();
  #isStopping = false;
  /** Erasures that were asked for and are not done. */
  #erasures = 0;
  #isMerging = false;
  #failuresInRow = 0;
  /** Why an erasure that is written down cannot go on. */
  #blocked: string | undefined;
  #wakes: NodeJS.Timeout | undefined;

  /** Begins to look for something to do. */
  static open(options: UpkeepOptions): Upkeep {
    const expiry = Expiry.open({ ...options, ...options.limits, clock: systemClock });
    const upkeep = new Upkeep(options, expiry);
    upkeep.#look(0);
    return upkeep;
  }

  private constructor(options: UpkeepOptions, expiry: Expiry) {
    this.#options = options;
    this.#expiry = expiry;
    this.#rewriter = new Rewriter(options.folder);
    const { graceMs, queries: conditions } = options.limits;
    this.#eraser = new Eraser({ ...options, graceMs, conditions, rewriter: this.#rewriter });
  }

  /** What a person should know: a sentence each, which says what to do. */
  get warnings(): readonly string[] {
    const blocked = this.#blocked === undefined ? [] : [this.#blocked];
    if (this.#failuresInRow < failuresTold) return blocked;
    const what = `upkeep stands still: merges, retention and erasures failed ${this.#failuresInRow} times in a row; `;
    return [...blocked, `${what}read "upkeep failed" in the log, free disk space, or run "millrace verify"`];
  }

  /**
   * Erases events; resolves when no byte of them is left. `signal` says that nobody waits any more: what is not written
   * down by then is not done.
   * @throws RewriteRefused when what was asked cannot be evaluated; RewriteFailed or ActorDied when it is not done, or
   * not whole
   */
  erase(request: ErasureRequest, by: string | null, signal: AbortSignal): Promise<ErasureResult> {
    return this.#beforeMerges(async () => {
      await this.#finishErasure();
      await this.#sealed();
      return this.#eraser.erase(request, by, signal);
    }, signal);
  }

  /**
   * Counts the events that an erasure would remove now, and removes none.
   * @throws RewriteRefused when what was asked cannot be evaluated; RewriteFailed or ActorDied
   */
  forecastErasure(request: ErasureRequest, signal: AbortSignal): Promise<ErasureForecast> {
    return this.#beforeMerges(async () => {
      await this.#sealed();
      return this.#eraser.forecast(request, signal);
    }, signal);
  }

  /** Does a job of somebody who waits for it; a merge that runs is ended: it may take long, and begins again later. */
  #beforeMerges<Result>(job: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    this.#erasures += 1;
    if (this.#isMerging) this.#rewriter.abort();
    return this.#turns
      .inTurn(async () => {
        if (signal.aborted) throw new RewriteFailed("whoever asked for it has gone");
        try {
          return await job();
        } catch (error) {
          // The disk refused a step: what was begun goes on by itself.
          throw codeOf(error) === undefined ? error : new RewriteFailed(messageOf(error), { cause: error });
        }
      })
      .finally(() => {
        this.#erasures -= 1;
      });
  }

  /**
   * Merges what was accepted before the call until there are as few segments as can be, and removes repeats from all of
   * them.
   * @throws RewriteFailed or ActorDied when it is not done, or not whole
   */
  async compact(): Promise<Compacted> {
    const { publisher } = this.#options;
    const done: Compacted = { merges: 0, repeatsRemoved: 0, segments: 0 };
    let stretches: ShardStretch[] | undefined;
    const mergeAll = async () => {
      stretches ??= await this.#sealedStretches();
      return this.#mergeAll(stretches, done);
    };
    while (!(await this.#turns.inTurn(mergeAll)));
    await publisher.publish();
    done.segments = publisher.holdings.reduce((sum, { segments }) => sum + segments, 0);
    return done;
  }

  /**
   * Seals everything, and tells what it is: what comes while it is merged is for the next time, or there would be no
   * end.
   */
  async #sealedStretches(): Promise<ShardStretch[]> {
    await this.#sealed();
    const { current } = currentSegments(listNames(this.#options.folder.segments, parseSegmentName));
    return endsOf(current.map(({ name }) => name));
  }

  /** Merges these stretches; false when an erasure came between, which goes first. */
  async #mergeAll(stretches: ShardStretch[], done: Compacted): Promise<boolean> {
    await this.#finishErasureIfItCan();
    for (;;) {
      try {
        const gone = await this.#merge({ kind: "full merge", stretches });
        if (gone === undefined) return true;
        done.merges += 1;
        done.repeatsRemoved += gone;
      } catch (error) {
        if (this.#isStopping || this.#erasures === 0) throw error;
        return false;
      }
    }
  }

  async #merge(wish: RewriteWish): Promise<number | undefined> {
    this.#isMerging = true;
    try {
      return await rewriteNext({ ...this.#options, rewriter: this.#rewriter }, wish);
    } finally {
      this.#isMerging = false;
    }
  }

  /**
   * Goes on with an erasure that was begun and did not come to its end.
   * @throws RewriteBlocked when a person must do something first
   */
  async #finishErasure(): Promise<void> {
    const erasure = readErasure(this.#options.folder);
    this.#blocked = undefined;
    if (erasure !== undefined) await this.#eraser.finish(erasure);
  }

  /** The same, for a job that need not wait for what a person must do. */
  async #finishErasureIfItCan(): Promise<void> {
    const before = this.#blocked;
    try {
      await this.#finishErasure();
    } catch (error) {
      if (!(error instanceof RewriteBlocked)) throw error;
      this.#blocked = error.message;
      if (before !== error.message) this.#options.log.warn(error.message);
    }
  }

  /**
   * Puts a segment into quarantine, and has the catalog and the counts follow.
   * @throws RewriteFailed or ActorDied when it is not done
   */
  quarantine(segment: string): Promise<Quarantined> {
    const { keeper, publisher, shards } = this.#options;
    return this.#turns.inTurn(async () => {
      const outcome = await keeper.ask({ kind: "quarantine", segment });
      if (outcome.kind === "refused") return outcome;
      await publisher.publish();
      await shards.recount();
      return outcome;
    });
  }

  /**
   * Seals imported events; those whose ids are there already stay as they are. Gives how many were new.
   * @throws RewriteFailed or ActorDied; the same call can be made again
   */
  importLines(lines: ImportedLines): Promise<number> {
    const { publisher, shards } = this.#options;
    const tools = { ...this.#options, rewriter: this.#rewriter, sealed: () => this.#sealed() };
    return this.#turns.inTurn(async () => {
      try {
        return await sealPiece(lines, tools);
      } catch (error) {
        // The answer says only that it may go well later.
        if (!this.#isStopping) this.#options.log.error({ error: messageOf(error) }, "a piece of an import not sealed");
        throw error;
      } finally {
        publisher.want();
        await shards.recount();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#wakes);
    this.#rewriter[Symbol.dispose]();
    this.#expiry[Symbol.dispose]();
    // What is under way ends at its next step, and goes on at the next start.
    await this.#turns.ended(stopMsMax);
  }

  async #sealed(): Promise<void> {
    const sealed = this.#options.shards.seal().then(() => true);
    if ((await within(sealed, sealMsMax)) !== true)
      throw new RewriteFailed("events wait to be sealed; try again later");
  }

  #look(afterMs: number): void {
    if (this.#isStopping) return;
    this.#wakes = setTimeout(async () => {
      const pauseMs = this.#turns.isFull ? lookEveryMs : await this.#turns.inTurn(() => this.#doSomething());
      this.#look(pauseMs);
    }, afterMs);
  }

  /** Does what is due, if anything is; gives the pause before the next look. */
  async #doSomething(): Promise<number> {
    const { keeper, log } = this.#options;
    const { graceMs } = this.#options.limits;
    try {
      // Before the erasure: a replaced segment that cannot be read would keep it from its end.
      await keeper.ask({ kind: "sweep", graceMs });
      await this.#finishErasureIfItCan();
      const wishes: RewriteWish[] = [{ kind: "merge" }];
      const cutoffMs = this.#expiry.cutoffMs();
      if (cutoffMs !== undefined) wishes.unshift({ kind: "drop", cutoffMs });
      for (const wish of wishes) if ((await this.#merge(wish)) !== undefined) return this.#wentWell(0);
      return this.#wentWell(lookEveryMs);
    } catch (error) {
      if (this.#isStopping || this.#erasures > 0) return lookEveryMs;
      this.#failuresInRow += 1;
      log.error({ error: messageOf(error) }, "upkeep failed; tried again");
      return retryPauseMs;
    }
  }

  #wentWell(pauseMs: number): number {
    this.#failuresInRow = 0;
    return pauseMs;
  }
}
