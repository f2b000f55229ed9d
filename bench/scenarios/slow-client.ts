/** Fast clients beside slow ones: who sends a byte at a time, or reads so, must cost the others nothing. */
import type { Goal, ScenarioResult } from "../core/result.ts";
import { type Bench, extentOf, type Scenario } from "../core/scenario.ts";
import { type SlowClients, type SlowCounts, sendAndReadSlowly } from "../open-loop/bad-line.ts";
import { figure } from "../open-loop/figures.ts";
import { compareNeighbours, comparisonFigures, comparisonPlots } from "../open-loop/neighbours.ts";
import type { Trial } from "../open-loop/trial.ts";

/** Five times each slow sender comes round. */
const extent = { rounds: 3, seconds: 12, secondsQuick: 3 };

/** A hundred bad lines are many for a service of one machine; more readers than two would be refused, as queries are. */
const slow: SlowClients = { senders: 100, readers: 2 };

/** The same as an analyst may cost. */
const goals: Goal[] = [{ side: "millrace", name: "p99 ratio", bound: { atMost: 2 } }];

/** Half the capacity without and with slow clients. */
export const slowClient: Scenario = {
  name: "slow-client",
  summary: "ingest at half capacity without and with clients that send a byte at a time or read slowly",
  run: measure,
};

async function measure(bench: Bench): Promise<ScenarioResult> {
  const { rounds, seconds } = extentOf(bench, extent);
  const plan = { name: "slow-client", rounds, seconds, neighbour: slowClients };
  const { found, audits, warnings } = await compareNeighbours(bench, plan);
  const count = (name: string, pick: (counts: SlowCounts) => number) =>
    figure(
      { eventsPerRequest: undefined, waitsFor: undefined },
      { name, unit: "count", better: "neither", samples: found.map(({ neighbour }) => pick(neighbour)) },
    );
  return {
    scenario: "slow-client",
    about:
      "An open loop of single events at half of what a closed loop (wrk, 256 connections) reached just before, without and with slow clients: " +
      `${slow.senders} that send 20 bytes of their body a second, ${slow.readers} that take two pieces a second of a query's answer of 100 MB. ` +
      `${seconds} s each, in turn, ${rounds} rounds. The slow ones are made by the benchmark's own process, on the same cores.`,
    figures: [
      ...comparisonFigures(found, "slow clients"),
      count("events of slow senders", ({ acknowledged }) => acknowledged),
      count("slow senders turned away", ({ turnedAway }) => turnedAway),
      count("pieces taken by slow readers", ({ pieces }) => pieces),
    ],
    goals,
    plots: comparisonPlots(found, "slow clients"),
    warnings,
    audits,
    skipped: [],
  };
}

async function slowClients(trial: Trial): Promise<(over: AbortSignal) => Promise<SlowCounts>> {
  const queryToken = await trial.service.tokenFor("query");
  return async (over) => {
    const counts = await sendAndReadSlowly(trial.service, { ...slow, queryToken }, over);
    trial.note(counts);
    return counts;
  };
}
