/**
 * How much memory a rewrite gets. A merge of eight million small events is ordered within 112 MiB, in pieces; large
 * events take more. So each begins with what the ones before it needed, and gets more when it runs
 * out of memory. One that runs out of all of it is written in the order of its sources, which takes little.
 */
import { availableParallelism } from "node:os";
import type { PersonIds } from "../store/catalog/erased-person.ts";
import { isOrdered, type Rewrite, type Rewritten } from "../store/segment/rewrite.ts";
import { type ProcessorShare, RewriteOutOfMemory, type Rewriter } from "./rewriter.ts";

/**
 * Memory of DuckDB for each of its threads with which a merge is tried, MiB. Measured with one thread: ordering 8
 * million events of 250 bytes in pieces works with 112; all at once it failed with 128. All at once, 5
 * million of 550 bytes needed 320, and a million of 2,500 bytes 480.
 */
const orderingThreadMiB = [112, 160, 320, 480];

/**
 * Memory of DuckDB for each of its threads where events are not ordered, MiB. Most merges under a load only copy small
 * segments: with `little` such a process takes 98 MB instead of 126, and as much processor time.
 */
const copyingMiB = { little: 64, most: 160 };

/** With more threads, ordering takes more memory and more processor time in all. */
const threadsMax = 3;

/** A rewrite to do. `spillBytes` is the room on disk that DuckDB may take for what does not fit into memory. */
type Wanted = ProcessorShare & {
  rewrite: Rewrite;
  ids: PersonIds | undefined;
  spillBytes: number;
};

/** Runs the rewrites of one service with as much memory as they need. */
export class RewriteEfforts {
  readonly #rewriter: Rewriter;
  readonly #orderingMiB: readonly number[];
  /** Whether large events have needed more than `copyingMiB.little`. */
  #littleIsTooLittle = false;
  /** How many of `#orderingMiB` were too little. */
  #tooLittle = 0;

  /** `orderingMiB` is what a merge is tried with, one after another; at least one. */
  constructor(
    rewriter: Rewriter,
    { orderingMiB }: { orderingMiB: readonly number[] } = { orderingMiB: orderingThreadMiB },
  ) {
    this.#rewriter = rewriter;
    this.#orderingMiB = orderingMiB;
  }

  /**
   * Does a rewrite.
   * @throws RewriteRefused or RewriteFailed, as `Rewriter.run` does
   */
  async rewrite(wanted: Wanted): Promise<Rewritten> {
    const { rewrite, ids, threads = availableParallelism(), niceness, spillBytes } = wanted;
    const limits = { threads: Math.min(threads, threadsMax), niceness, spillMiB: Math.floor(spillBytes / 2 ** 20) };
    const run = (threadMiB: number, mayOrder: boolean) =>
      this.#rewriter.run(
        { kind: "rewrite", rewrite, mayOrder, ids },
        { ...limits, memoryMiB: threadMiB * limits.threads },
      );
    // A condition may need any memory.
    if (!this.#littleIsTooLittle && rewrite.keep === undefined && !isOrdered(rewrite))
      try {
        return await run(copyingMiB.little, false);
      } catch (error) {
        if (!(error instanceof RewriteOutOfMemory)) throw error;
        this.#littleIsTooLittle = true;
      }
    for (const threadMiB of this.#orderingMiB.slice(this.#tooLittle))
      try {
        return await run(threadMiB, true);
      } catch (error) {
        if (!(error instanceof RewriteOutOfMemory)) throw error;
        this.#tooLittle = Math.min(this.#tooLittle + 1, this.#orderingMiB.length - 1);
      }
    return await run(copyingMiB.most, false);
  }
}
