/**
 * Runs a closed loop as a scenario: rounds of floor and service in turn, each with the same connections, bodies and
 * headers.
 */
import { inTurn } from "../core/method.ts";
import { type Findings, type Scenario, type ScenarioRun, scenario } from "../core/scenario.ts";
import { writeBodies } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import { connectionsMax } from "../system/open-files.ts";
import { loadFloor } from "../trial/floor.ts";
import type { ClosedLoad } from "./closed-load.ts";
import { measureService, type ServiceRun } from "./measure.ts";
import { findingsOf, type Round } from "./result.ts";

/** A scenario of a load. Its `run` throws WrkMissing where there is no load generator. */
export function closedLoop(load: ClosedLoad): Scenario {
  return scenario({ ...load, measure: (run) => measure(load, run) });
}

async function measure(own: ClosedLoad, run: ScenarioRun): Promise<Findings> {
  const load = { ...own, connections: Math.min(own.connections, connectionsMax()) };
  const target = { bodiesPath: await writeBodies(load, run), seconds: run.seconds };
  const rounds = await run.eachRound(async (round): Promise<Round> => {
    let floor: LoadResult | undefined;
    let service: ServiceRun | undefined;
    for (const side of inTurn(["floor", "service"], round)) {
      if (side === "floor") floor = await loadFloor(run, load, target);
      else service = await measureService(run, load, target);
    }
    if (floor === undefined || service === undefined) throw new Error("a round measures both sides");
    return { floor, service };
  }, `${run.seconds} s each side`);
  return findingsOf(load, { rounds, seconds: run.seconds, connectionsAsked: own.connections, bench: run });
}
