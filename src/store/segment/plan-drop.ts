/** What is dropped because it is old enough: decided from what is known of segments. Pure. */

import { integer } from "../sql/literals.ts";
import { type KnownSegment, rewriteOf, runsOf } from "./plan-merge.ts";
import type { Rewrite } from "./rewrite.ts";

/** A segment that is only partly expired is rewritten once a day, not each time that a second passes. ms */
const partMsMin = 24 * 60 * 60 * 1000;

/**
 * The next rewrite that takes away events received before `cutoffMs`; undefined when none is due. What is expired whole
 * goes at once, and leaves one empty segment for its stretch; what is expired in part is there for a day longer at
 * most.
 */
export function planDrop(current: readonly KnownSegment[], cutoffMs: number): Rewrite | undefined {
  const isExpired = ({ summary }: KnownSegment) =>
    summary.receivedToMs === undefined || summary.receivedToMs < cutoffMs;
  const run = runsOf(current, isExpired).find((each) => each.some(({ summary }) => summary.events > 0));
  if (run !== undefined) return rewriteOf(run, { keep: "false", repeatsIn: undefined });
  const part = current.find(
    ({ summary }) => summary.receivedFromMs !== undefined && summary.receivedFromMs < cutoffMs - partMsMin,
  );
  if (part === undefined) return undefined;
  return rewriteOf([part], { keep: `epoch_ms(received_at) >= ${integer(Math.floor(cutoffMs))}`, repeatsIn: undefined });
}
