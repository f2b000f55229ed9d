/** Merges segments and drops what has expired: at once when somebody asked for it, otherwise at a pace. */
import { availableParallelism } from "node:os";
import { systemClock } from "../base/clock.ts";
import type { RewriteWish } from "../keeper/protocol.ts";
import { MergePace } from "./merge-pace.ts";
import { type RewriteTools, rewriteNext } from "./rewrite-next.ts";
import type { ProcessorShare } from "./rewriter.ts";

/** Carries out rewrites, one at a time. */
export class Merger {
  readonly #tools: RewriteTools;
  readonly #pace = new MergePace({ clock: systemClock, processorMs: servingMs, cores: availableParallelism() });
  #isRunning = false;

  constructor(tools: RewriteTools) {
    this.#tools = tools;
  }

  /** Kills the running rewrite, if there is one: it fails, and nothing has changed. */
  abort(): void {
    if (this.#isRunning) this.#tools.rewriter.abort();
  }

  /**
   * Does the next rewrite of a kind. Returns how many events it removed, or undefined if there was nothing to do.
   * @throws RewriteFailed or ActorDied when a retry may succeed
   */
  async run(wish: RewriteWish, share: ProcessorShare = {}): Promise<number | undefined> {
    const { rewriter } = this.#tools;
    const [startedAtMs, spentMs] = [systemClock.monotonicMs(), rewriter.processorMs];
    this.#isRunning = true;
    try {
      return await rewriteNext(this.#tools, wish, share);
    } finally {
      this.#isRunning = false;
      const processorMs = rewriter.processorMs - spentMs;
      if (processorMs > 0) this.#pace.ended({ startedAtMs, processorMs });
    }
  }

  /**
   * Does one rewrite that is due: a drop of events from before `cutoffMs`, or a merge if the pace allows one. Returns
   * whether there was one.
   * @throws RewriteFailed or ActorDied when a retry may succeed
   */
  async runDue(cutoffMs: number | undefined): Promise<boolean> {
    const { isDue, ...share } = this.#pace.now(this.#tools.publisher.holdings);
    // What has expired does not wait: somebody may have promised when it is gone.
    if (cutoffMs !== undefined && (await this.run({ kind: "drop", cutoffMs }, share)) !== undefined) return true;
    return isDue && (await this.run({ kind: "merge" }, share)) !== undefined;
  }
}

/** Processor time of this process, its threads included. ms */
function servingMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
