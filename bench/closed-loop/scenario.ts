/** Runs a closed loop as a scenario: rounds of floor and service in turn, each with the same connections, bodies and headers. */
import { sidesInTurn } from "../core/method.ts";
import type { ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { findWrk, type LoadResult } from "../load/wrk.ts";
import { connectionsMax } from "../system/open-files.ts";
import { type ClosedLoad, writeBodies } from "./closed-load.ts";
import { measureFloor, measureService, type ServiceRun, type Target } from "./measure.ts";
import { type Round, resultOf } from "./result.ts";

/** Three rounds: the least whose median leaves out one that a neighbour spoiled. */
const roundsOwn = 3;

/** A scenario of a load. Its `run` throws WrkMissing where there is no load generator. */
export function closedLoop(load: ClosedLoad): Scenario {
  return { name: load.name, summary: load.summary, run: (bench) => run(load, bench) };
}

async function run(own: ClosedLoad, bench: Bench): Promise<ScenarioResult> {
  const wrkPath = findWrk();
  const { rounds, seconds } = extentOf(bench, { ...own, rounds: roundsOwn });
  const load = { ...own, connections: Math.min(own.connections, connectionsMax()) };
  const target = { load, seconds, wrkPath, bodiesPath: await writeBodies(load, bench) };
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    bench.progress(`${load.name}: round ${round + 1} of ${rounds}, ${seconds} s each side`);
    done.push(await measureRound(bench, target, round));
  }
  return resultOf(load, { rounds: done, seconds, connectionsAsked: own.connections, bench });
}

async function measureRound(bench: Bench, target: Target, round: number): Promise<Round> {
  let floor: LoadResult | undefined;
  let service: ServiceRun | undefined;
  for (const side of sidesInTurn(round)) {
    if (side === "floor") floor = await measureFloor(bench, target);
    else service = await measureService(bench, target);
  }
  if (floor === undefined || service === undefined) throw new Error("a round measures both sides");
  return { floor, service };
}
