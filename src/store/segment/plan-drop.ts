/** Plans which events are dropped because of their age, from the summaries of segments. Pure. */

import { integer } from "../sql/literals.ts";
import { rewriteOf, runsOf } from "./plan-merge.ts";
import type { Rewrite } from "./rewrite.ts";
import type { KnownSegment } from "./summary.ts";

/** A segment that is only partly expired is rewritten once a day, not every second. ms */
const partMsMin = 24 * 60 * 60 * 1000;

/**
 * The next rewrite that drops events received before `cutoffMs`; undefined if none is due. Neighbours whose events are
 * all expired are dropped at once, and leave one empty segment for their range. Expired events of other segments stay
 * for at most a day longer.
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
