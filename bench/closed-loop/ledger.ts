/** What the clients of a closed loop know when it is over. */
import type { LoadResult } from "../load/wrk.ts";
import type { Ledger } from "../system/audit.ts";
import type { ClosedLoad } from "./closed-load.ts";

/** What counts: answers, and requests that may have been stored without one. */
type Counts = Pick<LoadResult, "acknowledged" | "socketErrors" | "made" | "repeated">;

/**
 * The clients' side of the audit, over all loads that one service had; events.
 *
 * Without repeats each answer stands for events of its own. With repeats it may be the second answer for the same: `wrk` does not
 * tell which requests it has no answer for, so each of them is taken for a new one that nothing else made known. Acknowledged is
 * then the least number of different requests that can have been answered, and at most all that were made can be stored.
 */
export function ledgerOf(
  loads: readonly Counts[],
  { connections, eventsPerRequest, repeats }: Pick<ClosedLoad, "connections" | "eventsPerRequest" | "repeats">,
): Pick<Ledger, "acknowledged" | "unansweredMax"> {
  const events = (requestsOf: (load: Counts) => number) =>
    loads.reduce((sum, load) => sum + requestsOf(load), 0) * eventsPerRequest;
  // Each load leaves one request on each of its connections, and one on each connection that broke.
  if (repeats === undefined)
    return {
      acknowledged: events((load) => load.acknowledged),
      unansweredMax: events((load) => connections + load.socketErrors),
    };
  const unanswered = ({ made, repeated, acknowledged }: Counts) => made + repeated - acknowledged;
  return { acknowledged: events((load) => load.made - unanswered(load)), unansweredMax: events(unanswered) };
}
