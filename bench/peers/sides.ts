/**
 * The sides that are compared in rounds: the service, and whatever takes the same events or does a part of the same
 * work.
 */
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { countText } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import type { ScenarioResult, WaitsFor } from "../core/result.ts";
import type { Bench, ScenarioRun } from "../core/scenario.ts";
import { ledgerOf } from "../load/closed-loop.ts";
import { batches, type Form, type Requests, singles, writeBodies } from "../load/requests.ts";
import { findWrk, type LoadResult } from "../load/wrk.ts";
import { loadFloor } from "../trial/floor.ts";
import type { Sent } from "../trial/ledger.ts";
import { auditedTrial } from "../trial/trial.ts";
import type { Peer } from "./peer.ts";

/** What one side showed in one round. */
export type Measured = {
  eventsPerSecond: number;
  /** 99 of 100 requests took at most this long; undefined where there are no requests. ms */
  p99Ms: number | undefined;
  /** Of a foreign program and of what it is made of. */
  version: string | undefined;
  /** What was counted afterwards; undefined for a side that keeps nothing. */
  audit: string | undefined;
  warnings: string[];
};

/** One side. */
export type Side = {
  name: string;
  waitsFor: WaitsFor;
  /** Whether the scenario goes on without it. */
  mayFail: boolean;
  measure(order: Order): Promise<Measured>;
};

/** The loads under which sides are compared. */
export type LoadName = Form | "single-256";

/** What a side is asked to do in a round. */
export type Order = { load: LoadName; bodiesPath: string; seconds: number };

/** Requests in flight on every side: what the closed loop uses, and enough that no server waits for the load. */
export const connections = 64;

/** What all sides are sent. */
export const requestsOf: Record<LoadName, Requests> = {
  ...{ single: singles(connections), batch: batches(connections) },
  // Enough that what one sync waits for is spread over many answers.
  "single-256": singles(256),
};

/** One side after all of its rounds, in their order. */
export type SideRounds = { side: Pick<Side, "name" | "waitsFor">; rounds: readonly Measured[] };

/** What all sides showed, those that are left, and those that are not, with why. */
export type Compared = { sides: SideRounds[]; sidesLeft: Side[]; skipped: ScenarioResult["skipped"] };

/** Length of an error that is given as a reason; the rest is a log. Characters. */
const reasonCharactersMax = 300;

/**
 * All rounds of one load, on all sides in turn. A peer that fails in one round is left out of all rounds and not
 * started again.
 * @throws Error the service failed
 */
export async function compareSides(
  run: ScenarioRun,
  { sides, load }: { sides: readonly Side[]; load: LoadName },
): Promise<Compared> {
  const { seconds } = run;
  const bodiesPath = await writeBodies(requestsOf[load], run);
  const found = new Map<Side, Measured[]>(sides.map((side) => [side, []]));
  const skipped: Compared["skipped"] = [];
  await run.eachRound(async (round) => {
    for (const side of inTurn([...found.keys()], round)) {
      run.progress(`  ${side.name}, ${seconds} s`);
      try {
        found.get(side)?.push(await side.measure({ load, bodiesPath, seconds }));
      } catch (error) {
        if (!side.mayFail || run.signal.aborted) throw error;
        const reason = `failed under ${load} requests: ${error instanceof Error ? error.message : String(error)}`;
        skipped.push({ side: side.name, reason: reason.slice(0, reasonCharactersMax) });
        found.delete(side);
      }
    }
  }, `${load} requests`);
  return { sides: [...found].map(([side, rounds]) => ({ side, rounds })), sidesLeft: [...found.keys()], skipped };
}

/** The service as it is shipped. A round throws AuditFailed if its audit fails. */
export function millraceSide(bench: Bench): Side {
  return {
    name: "millrace",
    waitsFor: "fsync",
    mayFail: false,
    measure: async ({ load, bodiesPath, seconds }) => {
      const wish = { requests: requestsOf[load], bodiesPath };
      const { found, audit } = await auditedTrial(bench, wish, async (trial) => {
        await trial.warmUp();
        return await trial.closedLoop({ seconds });
      });
      return { ...measuredOf(found, { name: "millrace", load }), audit: `millrace: ${audit}` };
    },
  };
}

/** The server that only parses and answers. */
export function jsonServerSide(bench: Bench): Side {
  return {
    name: "json-server",
    waitsFor: "nothing kept",
    mayFail: false,
    measure: async ({ load, ...target }) => {
      const result = await loadFloor(bench, requestsOf[load], target);
      return { ...measuredOf(result, { name: "json-server", load }), audit: undefined };
    },
  };
}

/**
 * A peer whose program is installed. What it stored is compared with what it acknowledged. A mismatch, or a failed
 * count, is only a warning, because the peer is not under test.
 */
export function peerSide(bench: Bench, { peer, probed }: { peer: Peer; probed: string }): Side {
  return {
    name: peer.name,
    waitsFor: peer.waitsFor,
    mayFail: true,
    measure: async (order) => {
      const folder = await mkdtemp(join(bench.folder, "peer-"));
      await using ending = new AsyncDisposableStack();
      ending.defer(() => rm(folder, { recursive: true, force: true }));
      // A database that does not run as root has to pass through here to a folder of its own.
      await chmod(bench.folder, 0o711);
      const running = ending.use(await peer.start({ folder, signal: bench.signal, wrkPath: findWrk(), probed }));
      const { load, bodiesPath } = order;
      const requests = requestsOf[load];
      const { form, connections } = requests;
      const put = (seconds: number) =>
        running.load({ form, bodiesPath, connections, seconds, runTag: bench.nextRunTag() });
      const warmUp = await put(bench.warmUpSeconds);
      const measuredLoad = await put(order.seconds);
      const stored = await running.count({ eventsPerRequest: requests.eventsPerRequest });
      const told = compare(peer.name, { ...ledgerOf([warmUp, measuredLoad], requests), stored });
      const measured = measuredOf(measuredLoad, { name: peer.name, load });
      const { version } = running;
      return { ...measured, version, audit: told.audit, warnings: [...measured.warnings, ...told.warnings] };
    },
  };
}

/** What a peer stored against what it acknowledged. Events. */
export function compare(
  name: string,
  { acknowledged, unansweredMax, stored }: Sent & { stored: number },
): { audit: string; warnings: string[] } {
  const warnings: string[] = [];
  if (stored < acknowledged) {
    warnings.push(
      `${name} lost ${countText(acknowledged - stored)} of ${countText(acknowledged)} events that it acknowledged`,
    );
  }
  if (stored > acknowledged + unansweredMax) {
    warnings.push(
      `${name} stored ${countText(stored)} events where ${countText(acknowledged + unansweredMax)} at most were sent`,
    );
  }
  return { audit: `${name}: ${countText(acknowledged)} events acknowledged, ${countText(stored)} stored`, warnings };
}

function measuredOf(result: LoadResult, { name, load }: { name: string; load: LoadName }): Omit<Measured, "audit"> {
  const { refused, socketErrors, timeouts } = result;
  const amiss = Object.entries({ refused, "on broken connections": socketErrors, "past 10 s": timeouts })
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${name}: ${countText(count)} requests ${what}`);
  const eventsPerSecond = result.requestsPerSecond * requestsOf[load].eventsPerRequest;
  return { eventsPerSecond, p99Ms: result.p99Ms, version: undefined, warnings: amiss };
}
