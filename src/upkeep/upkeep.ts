/**
 * Maintains the data folder in the background: merges small segments, drops expired events, removes replaced segments,
 * and resumes an erasure that a crash interrupted. Runs one job at a time; flushes continue meanwhile.
 */
import { systemClock } from "../base/clock.ts";
import { isExpected, messageOf, Overloaded } from "../base/errors.ts";
import { within } from "../base/within.ts";
import type { ShardStretch } from "../keeper/protocol.ts";
import { type ErasureRequest, readErasure } from "../store/catalog/erasures.ts";
import { currentSegments } from "../store/folder/current.ts";
import { listNames } from "../store/folder/layout.ts";
import { parseSegmentName } from "../store/folder/names.ts";
import type { Quarantined } from "../store/segment/quarantine.ts";
import type { ImportedLines } from "../store/segment/rewrite.ts";
import { RewriteEfforts } from "./efforts.ts";
import { Eraser, type ErasureForecast, type ErasureResult } from "./eraser.ts";
import { Expiry } from "./expiry.ts";
import { sealPiece } from "./importer.ts";
import { Merger } from "./merger.ts";
import type { UpkeepOptions } from "./options.ts";
import { type Redriven, type RedriveRequest, redriveAll } from "./redrive.ts";
import { RewriteBlocked, RewriteFailed, RewriteRefused, Rewriter } from "./rewriter.ts";
import { endsOf } from "./stretches.ts";
import { Turns } from "./turns.ts";

/** Pause between two checks for due work. ms */
const lookEveryMs = 500;

/** Pause after a failed job. ms */
const retryPauseMs = 5_000;

/** From this many failures in a row on, after about 10 s, a warning says that upkeep has stalled. */
const failuresTold = 3;

/** An erasure or a compaction fails if the events accepted before it are not sealed within this time. ms */
const sealMsMax = 20_000;

/** A stop waits at most this long for the running job to end. ms */
const stopMsMax = 1_000;

/** The result of a `compact`. */
type Compacted = { merges: number; repeatsRemoved: number; segments: number };

/** Does the upkeep of one folder until it is disposed. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #rewriter: Rewriter;
  readonly #merger: Merger;
  readonly #eraser: Eraser;
  readonly #expiry: Expiry;
  readonly #turns = new Turns();
  #isStopping = false;
  /** Erasures and forecasts that were requested and have not ended. */
  #erasures = 0;
  #failuresInRow = 0;
  /** Why a recorded erasure cannot continue. */
  #blocked: string | undefined;
  #wakes: NodeJS.Timeout | undefined;

  /** Starts checking for due work. */
  static open(options: UpkeepOptions): Upkeep {
    const expiry = Expiry.open({ ...options, ...options.limits, clock: systemClock });
    const upkeep = new Upkeep(options, expiry);
    upkeep.#look(0);
    return upkeep;
  }

  private constructor(options: UpkeepOptions, expiry: Expiry) {
    this.#options = options;
    this.#expiry = expiry;
    this.#rewriter = new Rewriter(options.folder, options.programs);
    const tools = { rewriter: this.#rewriter, efforts: new RewriteEfforts(this.#rewriter) };
    this.#merger = new Merger({ ...options, ...tools });
    const { graceMs, queries: conditions } = options.limits;
    this.#eraser = new Eraser({ ...options, graceMs, conditions, ...tools });
  }

  /** Warnings for a person: one sentence each, which says what to do. */
  get warnings(): readonly string[] {
    const blocked = this.#blocked === undefined ? [] : [this.#blocked];
    if (this.#failuresInRow < failuresTold) return blocked;
    const what = `upkeep stands still: merges, retention and erasures failed ${this.#failuresInRow} times in a row; `;
    return [...blocked, `${what}read "upkeep failed" in the log, free disk space, or run "millrace verify"`];
  }

  /**
   * Erases events; resolves when no byte of them is left. `signal` aborts when the client has gone: a request that is
   * not recorded by then is dropped.
   * @throws RewriteRefused when the condition cannot be evaluated; ErasureResumed when the erasure is recorded and not
   * finished; RewriteFailed when it is not recorded
   */
  erase(request: ErasureRequest, by: string | null, signal: AbortSignal): Promise<ErasureResult> {
    return this.#beforeMerges(async () => {
      await this.#finishErasure();
      await this.#sealed();
      return this.#eraser.erase(request, by, signal);
    }, signal);
  }

  /**
   * Counts the events that an erasure would remove now. Removes none.
   * @throws RewriteRefused when the condition cannot be evaluated; RewriteFailed
   */
  forecastErasure(request: ErasureRequest, signal: AbortSignal): Promise<ErasureForecast> {
    return this.#beforeMerges(async () => {
      await this.#sealed();
      return this.#eraser.forecast(request, signal);
    }, signal);
  }

  /** Runs a job that a client waits for. A running merge is killed, because it may take long; it starts again later. */
  #beforeMerges<Result>(job: () => Promise<Result>, signal: AbortSignal): Promise<Result> {
    this.#erasures += 1;
    this.#merger.abort();
    return this.#turns
      .inTurn(async () => {
        if (signal.aborted) throw new RewriteFailed("whoever asked for it has gone");
        return this.#logged(job, () => signal.aborted);
      })
      .finally(() => {
        this.#erasures -= 1;
      });
  }

  /** Logs why a job failed: its client is told only what to do. `isLeft`: whether the client has gone. */
  async #logged<Result>(job: () => Promise<Result>, isLeft = () => false): Promise<Result> {
    try {
      return await job();
    } catch (error) {
      if (error instanceof RewriteRefused || error instanceof Overloaded || !isExpected(error)) throw error;
      if (!this.#isStopping && !isLeft())
        this.#options.log.warn({ error: messageOf(error) }, "a job that was asked for did not finish");
      throw error instanceof RewriteFailed ? error : new RewriteFailed(messageOf(error), { cause: error });
    }
  }

  /**
   * Merges what was accepted before the call into as few segments as possible, and removes duplicates from all of them.
   * @throws RewriteFailed when the merge is not finished
   */
  async compact(): Promise<Compacted> {
    const { publisher } = this.#options;
    const done: Compacted = { merges: 0, repeatsRemoved: 0, segments: 0 };
    let stretches: ShardStretch[] | undefined;
    const mergeAll = async () => {
      stretches ??= await this.#sealedStretches();
      return this.#mergeAll(stretches, done);
    };
    while (!(await this.#turns.inTurn(() => this.#logged(mergeAll))));
    await this.#logged(() => publisher.publish());
    done.segments = publisher.holdings.reduce((sum, { segments }) => sum + segments, 0);
    return done;
  }

  /**
   * Seals everything accepted so far and returns the stretches it fills. Events that arrive during the merge wait for
   * the next one, otherwise it would never end.
   */
  async #sealedStretches(): Promise<ShardStretch[]> {
    await this.#sealed();
    const { current } = currentSegments(listNames(this.#options.folder.segments, parseSegmentName));
    return endsOf(current.map(({ name }) => name));
  }

  /** Merges these stretches. Returns false if an erasure interrupted it, which goes first. */
  async #mergeAll(stretches: ShardStretch[], done: Compacted): Promise<boolean> {
    await this.#finishErasureIfItCan();
    for (;;) {
      try {
        const gone = await this.#merger.run({ kind: "full merge", stretches });
        if (gone === undefined) return true;
        done.merges += 1;
        done.repeatsRemoved += gone;
      } catch (error) {
        if (this.#isStopping || this.#erasures === 0) throw error;
        return false;
      }
    }
  }

  /**
   * Resumes a recorded erasure that has not finished.
   * @throws RewriteBlocked when a person must do something first
   */
  async #finishErasure(): Promise<void> {
    const erasure = readErasure(this.#options.folder);
    this.#blocked = undefined;
    if (erasure !== undefined) await this.#eraser.finish(erasure);
  }

  /** Like `#finishErasure`, for a job that can run while an erasure waits for a person: a block becomes a warning. */
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
   * Moves a segment to quarantine, then updates the catalog and the counts.
   * @throws RewriteFailed when it failed
   */
  quarantine(segment: string): Promise<Quarantined> {
    const { keeper, publisher, shards } = this.#options;
    const quarantine = async () => {
      const outcome = await keeper.ask({ kind: "quarantine", segment });
      if (outcome.kind === "refused") return outcome;
      await publisher.publish();
      await shards.recount();
      return outcome;
    };
    return this.#turns.inTurn(() => this.#logged(quarantine));
  }

  /**
   * Seals imported events and returns how many were new. Stored events with the same ids stay as they are.
   * @throws RewriteFailed or ActorDied; the same call can be made again
   */
  importLines(lines: ImportedLines): Promise<number> {
    const { publisher, shards } = this.#options;
    const tools = { ...this.#options, rewriter: this.#rewriter, sealed: () => this.#sealed() };
    return this.#turns.inTurn(async () => {
      try {
        return await sealPiece(lines, tools);
      } catch (error) {
        // The client is told only to try again later, so the reason is logged here.
        if (!this.#isStopping) this.#options.log.error({ error: messageOf(error) }, "a piece of an import not sealed");
        throw error;
      } finally {
        publisher.want();
        await shards.recount();
      }
    });
  }

  /**
   * Sends refused events again. When `signal` aborts, what is done stays done.
   * @throws Overloaded, ActorDied or RewriteFailed when it cannot go on now
   */
  redrive(request: RedriveRequest, signal: AbortSignal): Promise<Redriven> {
    const isLeft = () => signal.aborted || this.#isStopping;
    return redriveAll(this.#options, request, { isLeft, turns: this.#turns });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#wakes);
    this.#rewriter[Symbol.dispose]();
    this.#expiry[Symbol.dispose]();
    // The running job ends at its next step and resumes at the next start.
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

  /** Does what is due, if anything. Returns the pause before the next check. ms */
  async #doSomething(): Promise<number> {
    const { keeper, log } = this.#options;
    const { graceMs, retentionMs } = this.#options.limits;
    try {
      // Swept before the erasure, which an unreadable replaced segment would otherwise block.
      await keeper.ask({ kind: "sweep", graceMs });
      await this.#finishErasureIfItCan();
      const cutoffMs = this.#expiry.cutoffMs();
      if (cutoffMs !== undefined) await this.#options.refusedEvents.dropExpired({ cutoffMs, retentionMs });
      return this.#wentWell((await this.#merger.runDue(cutoffMs)) ? 0 : lookEveryMs);
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
