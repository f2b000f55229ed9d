/** A closed loop: each answer makes room for the next request. And what its clients know when it is over. */
import type { Bench } from "../core/scenario.ts";
import type { Ledger } from "../system/audit.ts";
import { pathOf, type Requests } from "./requests.ts";
import { findWrk, type LoadResult, runWrk } from "./wrk.ts";

/** The server that is loaded, the bodies, and how long. */
export type ClosedLoopTarget = { url: string; token: string; bodiesPath: string; seconds: number };

/**
 * Puts a closed loop on a server.
 * @throws WrkMissing
 * @throws Error it failed, or `bench.signal` ended it
 */
export function runClosedLoop(
  bench: Pick<Bench, "nextRunTag" | "signal">,
  requests: Requests,
  { url, ...target }: ClosedLoopTarget,
): Promise<LoadResult> {
  const { connections, encoding, repeats } = requests;
  const load = {
    ...{ ...target, url: url + pathOf(requests), connections, runTag: bench.nextRunTag() },
    ...(encoding === undefined ? {} : { headers: { "Content-Encoding": encoding }, bodiesForm: "hex" as const }),
    ...(repeats === undefined ? {} : { repeats }),
  };
  return runWrk(findWrk(), load, bench.signal);
}

/** What counts: answers, and requests that may have been stored without one. */
type Counts = Pick<LoadResult, "acknowledged" | "socketErrors" | "made" | "repeated">;

/**
 * The clients' side of the audit, over all loads that one service had; events.
 *
 * Without repeats each answer stands for events of its own. With repeats it may be the second answer for the same
 * events. `wrk` does not report which requests had no answer, so each of them is counted as a new request with new
 * events. Acknowledged is then the least number of different requests that can have been answered; at most all that
 * were made are stored.
 */
export function ledgerOf(
  loads: readonly Counts[],
  { connections, eventsPerRequest, repeats }: Pick<Requests, "connections" | "eventsPerRequest" | "repeats">,
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
