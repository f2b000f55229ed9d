/** A rewrite from its plan to its name. */
import { removeIfThere } from "../base/durable.ts";
import { ActorDied } from "../base/errors.ts";
import type { KeeperHost } from "../keeper/host.ts";
import type { RewriteWish } from "../keeper/protocol.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/lanes/all-shards.ts";
import type { Rewritten } from "../store/segment/rewrite.ts";
import { RewriteFailed, type Rewriter } from "./rewriter.ts";

/** What a rewrite is carried out with. */
export type RewriteTools = {
  keeper: KeeperHost;
  publisher: Publisher;
  shards: AllShards;
  rewriter: Rewriter;
  freeBytes: () => number;
};

/**
 * A merge needs room for what it makes and for what DuckDB spills meanwhile: this many times the bytes of its sources.
 */
const roomNeeded = 2;

/**
 * Gives a rewritten segment its name. A try that failed may have given it, and only its sync or its answer be missing:
 * asked once more, the keeper recognizes that.
 * @throws ActorDied when it fails twice
 */
export async function adopt(keeper: RewriteTools["keeper"], rewritten: Rewritten): Promise<void> {
  try {
    await keeper.ask({ kind: "adopt", rewritten });
  } catch (error) {
    if (!(error instanceof ActorDied)) throw error;
    await keeper.ask({ kind: "adopt", rewritten });
  }
}

/**
 * Does the next rewrite of a kind; gives how many events went with it, or undefined when nothing was to be done.
 * @throws RewriteFailed or ActorDied when it may go well another time
 */
export async function rewriteNext(tools: RewriteTools, wish: RewriteWish): Promise<number | undefined> {
  const { freeBytes, keeper, publisher, rewriter, shards } = tools;
  const rewrite = await keeper.ask({ kind: "plan", wish });
  if (rewrite === undefined) return undefined;
  if (rewrite.keep === undefined && rewrite.bytes * roomNeeded > freeBytes())
    throw new RewriteFailed(`no room to merge ${rewrite.bytes} bytes`);
  const rewritten = await rewriter.run({ kind: "rewrite", rewrite });
  const gone = rewrite.events - rewritten.events;
  try {
    await adopt(keeper, rewritten);
  } finally {
    // Its name may be given and only the answer be lost: what is left otherwise goes, and the counts follow in any
    // case.
    removeIfThere(rewritten.unfinished);
    publisher.want();
    if (gone > 0) await shards.recount();
  }
  return gone;
}
