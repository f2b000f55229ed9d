/**
 * Keeps the folder in health by itself: merges small segments, drops what has expired, removes what was replaced, and goes on
 * with an erasure that a crash interrupted. One job at a time; flushes go on beside it.
 */
import type { ActorHost } from "../actor/host.ts";
import { sequence } from "../base/brand.ts";
import { removeIfThere } from "../base/durable.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { within } from "../base/within.ts";
import type { KeeperReplies, KeeperRequest, RewriteWish } from "../keeper/protocol.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/all-shards.ts";
import { currentSegments } from "../store/current.ts";
import { type ErasureRequest, readErasure } from "../store/erasures.ts";
import { listNames } from "../store/layout.ts";
import { type DataFolder, importShard, parseSegmentName } from "../store/names.ts";
import type { ImportedLines } from "../store/rewrite.ts";
import { Eraser, type ErasureResult } from "./eraser.ts";
import { RewriteFailed, Rewriter } from "./rewriter.ts";

/** Between two looks for something to do. ms */
const lookEveryMs = 500;

/** After a job that failed. ms */
const retryPauseMs = 5_000;

/** What was accepted before an erasure or a compaction is sealed by then, or it is refused. ms */
const sealMsMax = 20_000;

/** A stop does not wait longer for a job to notice it. ms */
const stopMsMax = 1_000;

/** A merge needs room for what it makes and for what DuckDB spills meanwhile: so many times the bytes of its sources. */
const roomNeeded = 2;

/** What upkeep is done with, and how. */
type UpkeepOptions = {
  folder: DataFolder;
  log: Log;
  keeper: ActorHost<KeeperRequest, KeeperReplies>;
  publisher: Publisher;
  shards: AllShards;
  freeBytes: () => number;
  /** Replaced segments stay for so long. ms */
  graceMs: number;
  /** Events received longer ago are dropped; 0: none. ms */
  retentionMs: number;
};

/** What a `compact` did. */
type Compacted = { merges: number; repeatsRemoved: number; segments: number };

/** Does the upkeep of one folder until it is disposed. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #rewriter: Rewriter;
  readonly #eraser: Eraser;
  #last: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #isErasing = false;
  #wakes: NodeJS.Timeout | undefined;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    this.#rewriter = new Rewriter(options.folder);
    this.#eraser = new Eraser({ ...options, rewriter: this.#rewriter });
    this.#look(0);
  }

  /**
   * Erases events; resolves when no byte of them is left.
   * @throws RewriteRefused when what was asked cannot be evaluated; RewriteFailed or ActorDied when it is not done, or not whole
   */
  erase(request: ErasureRequest, by: string | null): Promise<ErasureResult> {
    this.#isErasing = true;
    // A merge may take long, and begins anew later.
    this.#rewriter.abort();
    return this.#inTurn(async () => {
      await this.#sealed();
      return this.#eraser.erase(request, by);
    }).finally(() => {
      this.#isErasing = false;
    });
  }

  /** Merges segments until there are as few as can be, and removes repeats from all of them. */
  compact(): Promise<Compacted> {
    return this.#inTurn(async () => {
      const done: Compacted = { merges: 0, repeatsRemoved: 0, segments: 0 };
      await this.#sealed();
      for (;;) {
        const gone = await this.#rewriteNext({ kind: "whole merge" });
        if (gone === undefined) break;
        done.merges += 1;
        done.repeatsRemoved += gone;
      }
      await this.#options.publisher.publish();
      done.segments = this.#options.publisher.holdings.reduce((sum, { segments }) => sum + segments, 0);
      return done;
    });
  }

  /**
   * Seals events from elsewhere; those whose ids are there already stay as they are. Gives how many were new.
   * @throws RewriteFailed or ActorDied; the same call can be made again
   */
  importLines(lines: ImportedLines): Promise<number> {
    const { folder, keeper, publisher, shards } = this.#options;
    return this.#inTurn(async () => {
      const segments = listNames(folder.segments, parseSegmentName);
      const last = segments.filter(({ name }) => name.shard === importShard).map(({ name }) => name.to);
      const from = sequence(Math.max(0, ...last) + 1);
      const range = { shard: importShard, from, to: sequence(from + lines.events - 1), generation: 0 };
      const others = currentSegments(segments).current.map(({ file }) => file);
      const rewritten = await this.#rewriter.run({ kind: "import", range, lines, others });
      if (rewritten.events === 0) removeIfThere(rewritten.unfinished);
      else await keeper.ask({ kind: "adopt", rewritten });
      publisher.want();
      await shards.recount();
      return rewritten.events;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#wakes);
    this.#rewriter[Symbol.dispose]();
    // What is under way ends at its next step, and goes on at the next start.
    await within(this.#last, stopMsMax);
  }

  async #sealed(): Promise<void> {
    const sealed = this.#options.shards.seal().then(() => true);
    if ((await within(sealed, sealMsMax)) !== true)
      throw new RewriteFailed("events wait to be sealed; try again later");
  }

  #inTurn<Result>(job: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(job, job);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #look(afterMs: number): void {
    if (this.#isStopping) return;
    this.#wakes = setTimeout(async () => this.#look(await this.#inTurn(() => this.#doSomething())), afterMs);
  }

  /** Does what is due, if anything is; gives the pause before the next look. */
  async #doSomething(): Promise<number> {
    const { folder, keeper, log, graceMs, retentionMs } = this.#options;
    try {
      const erasure = readErasure(folder);
      if (erasure !== undefined) await this.#eraser.finish(erasure);
      await keeper.ask({ kind: "sweep", graceMs });
      const wishes: RewriteWish[] = [{ kind: "merge" }];
      if (retentionMs > 0) wishes.unshift({ kind: "drop", cutoffMs: Date.now() - retentionMs });
      for (const wish of wishes) if ((await this.#rewriteNext(wish)) !== undefined) return 0;
      return lookEveryMs;
    } catch (error) {
      if (this.#isStopping || this.#isErasing) return lookEveryMs;
      log.error({ error: messageOf(error) }, "upkeep failed; tried again");
      return retryPauseMs;
    }
  }

  /** Does the next rewrite of a kind; gives how many events went with it, or undefined when nothing was to be done. */
  async #rewriteNext(wish: RewriteWish): Promise<number | undefined> {
    const { freeBytes, keeper, publisher, shards } = this.#options;
    const rewrite = await keeper.ask({ kind: "plan", wish });
    if (rewrite === undefined) return undefined;
    if (rewrite.keep === undefined && rewrite.bytes * roomNeeded > freeBytes())
      throw new RewriteFailed(`no room to merge ${rewrite.bytes} bytes`);
    const rewritten = await this.#rewriter.run({ kind: "rewrite", rewrite });
    await keeper.ask({ kind: "adopt", rewritten });
    publisher.want();
    const gone = rewrite.events - rewritten.events;
    if (gone > 0) await shards.recount();
    return gone;
  }
}
