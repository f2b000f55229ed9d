/** Carries out one rewrite, from its plan to the segment's name. */
import { removeIfThere } from "../base/durable.ts";
import { ActorDied } from "../base/errors.ts";
import type { KeeperHost } from "../keeper/host.ts";
import type { RewriteWish } from "../keeper/protocol.ts";
import type { Publisher } from "../keeper/publisher.ts";
import type { AllShards } from "../shard/lanes/all-shards.ts";
import type { PersonIds } from "../store/catalog/erased-person.ts";
import type { Rewritten } from "../store/segment/rewrite.ts";
import type { RewriteEfforts } from "./efforts.ts";
import { type ProcessorShare, RewriteFailed, type Rewriter } from "./rewriter.ts";

/** What a rewrite works with. */
export type RewriteTools = {
  keeper: KeeperHost;
  publisher: Publisher;
  shards: AllShards;
  rewriter: Rewriter;
  efforts: RewriteEfforts;
  freeBytes: () => number;
};

/** A merge needs room for its segment: this many times the bytes of its sources. */
const roomNeeded = 2;

/** DuckDB may spill this share of what is free beyond that, so that a merge never fills the disk. */
const spillShare = 0.5;

/**
 * Gives a rewritten segment its name. A failed try may have renamed it and lost only the sync or the reply, so the
 * keeper is asked once more and recognizes that case.
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

/** What it takes of the processor, and the ids of the person whom the wish means. */
type RewriteHow = ProcessorShare & { ids?: PersonIds | undefined };

/**
 * Does the next rewrite of a kind. Returns how many events it removed, or undefined if there was nothing to do.
 * @throws RewriteFailed or ActorDied when a retry may succeed
 */
export async function rewriteNext(
  tools: RewriteTools,
  wish: RewriteWish,
  { threads, niceness, ids }: RewriteHow = {},
): Promise<number | undefined> {
  const { efforts, freeBytes, keeper, publisher, shards } = tools;
  const rewrite = await keeper.ask({ kind: "plan", wish });
  if (rewrite === undefined) return undefined;
  if (rewrite.keep === undefined && rewrite.bytes * roomNeeded > freeBytes())
    throw new RewriteFailed(`no room to merge ${rewrite.bytes} bytes`);
  const rewritten = await efforts.rewrite({
    rewrite,
    ids,
    threads,
    niceness,
    spillBytes: Math.max(0, freeBytes() - rewrite.bytes) * spillShare,
  });
  const gone = rewrite.events - rewritten.events;
  try {
    await adopt(keeper, rewritten);
  } finally {
    // The rename may have succeeded and only the reply be lost. So the unfinished file is removed if it is still there,
    // and the catalog and the counts are updated in any case.
    removeIfThere(rewritten.unfinished);
    publisher.want();
    if (gone > 0) await shards.recount();
  }
  return gone;
}
