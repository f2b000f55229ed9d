/** Fast clients beside slow ones: a client that sends or reads slowly must not slow down the others. */
import { figuresOf, goal } from "../core/figures.ts";
import { scenario } from "../core/scenario.ts";
import { compilerMissing } from "../load/native.ts";
import { type SlowClients, type SlowCounts, sendAndReadSlowly } from "../open-loop/bad-line.ts";
import { compareNeighbours, comparisonFigures, comparisonPlots } from "../open-loop/neighbours.ts";
import type { Trial } from "../trial/trial.ts";

/**
 * A hundred bad lines are many for a service of one machine; more readers than two would be refused, as queries are.
 */
const slow: SlowClients = { senders: 100, readers: 2 };

/** Half the capacity without and with slow clients. */
export const slowClient = scenario({
  name: "slow-client",
  missing: compilerMissing,
  summary: "ingest at half capacity without and with clients that send a byte at a time or read slowly",
  // Five times each slow sender comes round.
  seconds: { own: 12, quick: 3 },
  measure: async (run) => {
    const { found, ...told } = await compareNeighbours(run, slowClients);
    const counts = found.map(({ neighbour }) => neighbour);
    return {
      about:
        "An open loop of single events at half of what a closed loop (wrk, 256 connections) reached just before, without and with slow clients: " +
        `${slow.senders} that send 20 bytes of their body a second, ${slow.readers} that take two pieces a second of a query's answer of 100 MB. ` +
        `${run.seconds} s each, in turn, ${run.rounds} rounds. The slow ones are made by the benchmark's own process, on the same cores.`,
      figures: [
        ...comparisonFigures(found, "slow clients"),
        ...figuresOf({}, counts, [
          ["events of slow senders", "count", "neither", ({ acknowledged }) => acknowledged],
          ["slow senders turned away", "count", "neither", ({ turnedAway }) => turnedAway],
          ["pieces taken by slow readers", "count", "neither", ({ pieces }) => pieces],
        ]),
      ],
      // The same as an analyst may cost.
      goals: [goal("p99 ratio", { atMost: 2 })],
      plots: comparisonPlots(found, "slow clients"),
      ...told,
    };
  },
});

async function slowClients(trial: Trial): Promise<(over: AbortSignal) => Promise<SlowCounts>> {
  const queryToken = await trial.service.tokenFor("query");
  return async (over) => {
    const counts = await sendAndReadSlowly(trial.service, { ...slow, queryToken }, over);
    trial.note(counts);
    return counts;
  };
}
