/** What neighbours cost: the same fixed rate without and with somebody who wants something else of the service, in turn. */
import type { Figure, Plot } from "../core/result.ts";
import type { Bench } from "../core/scenario.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { beside } from "./beside.ts";
import { acceptedOf, courseLine, figure, latencyFigures, percentileLine } from "./figures.ts";
import { inRounds, type Rounds } from "./rounds.ts";
import { singleForm, type Trial } from "./trial.ts";

/** Of the capacity: what is left is enough for a neighbour, if the service shares it well. */
const share = 0.5;

/** One round. */
export type Compared<N> = { alone: OpenLoopResult; together: OpenLoopResult; neighbour: N };

/** What is compared. */
export type Neighbours<N> = {
  /** Of the scenario. */
  name: string;
  rounds: number;
  seconds: number;
  /** Gets the neighbour ready, before any load; what it gives is done beside one until `over`, and tells what was seen. */
  neighbour: (trial: Trial) => Promise<(over: AbortSignal) => Promise<N>>;
};

/**
 * Does all rounds; which of the two loads comes first changes from round to round.
 * @throws AuditFailed a service stored something else than it acknowledged
 */
export function compareNeighbours<N>(bench: Bench, plan: Neighbours<N>): Promise<Rounds<Compared<N>>> {
  const { name, rounds, seconds, neighbour } = plan;
  return inRounds(bench, { name, rounds, form: singleForm }, async (trial, round) => {
    const disturb = await neighbour(trial);
    const perSecond = (await trial.capacity()) * share;
    const loadAlone = () => trial.openLoop({ perSecond, seconds });
    const loadTogether = () =>
      beside(
        (failed) => trial.openLoop({ perSecond, seconds }, failed),
        (over) => disturb(AbortSignal.any([over, bench.signal])),
      );
    if (round % 2 === 0) {
      const alone = await loadAlone();
      await trial.settle();
      const { main, other } = await loadTogether();
      return { alone, together: main, neighbour: other };
    }
    const { main, other } = await loadTogether();
    await trial.settle();
    return { alone: await loadAlone(), together: main, neighbour: other };
  });
}

/** Figures of both loads, among them `p99 ratio`: with the neighbour, of without. `who` says who the neighbour is. */
export function comparisonFigures(found: readonly Compared<unknown>[], who: string): Figure[] {
  const common = { eventsPerRequest: singleForm.eventsPerRequest, waitsFor: "fsync" } as const;
  const figuresOf = (of: string, results: readonly OpenLoopResult[]) => [
    figure(common, {
      ...{ name: `accepted ${of}`, unit: "events/s", better: "neither" },
      samples: results.map(({ acceptedPerSecond }) => acceptedPerSecond),
    }),
    ...latencyFigures(common, { of, rounds: acceptedOf(results) }),
  ];
  const p99 = ({ accepts }: OpenLoopResult) => accepts.fromIntended.getValueAtPercentile(99);
  return [
    ...figuresOf(`without ${who}`, alone(found)),
    ...figuresOf(`with ${who}`, together(found)),
    figure(common, {
      ...{ name: "p99 ratio", unit: "share", better: "lower" },
      samples: found.map((one) => p99(one.together) / p99(one.alone)),
    }),
  ];
}

/** The percentiles of both, and the course of the last round. */
export function comparisonPlots(found: readonly Compared<unknown>[], who: string): Plot[] {
  const sides = [
    { name: `without ${who}`, results: alone(found) },
    { name: `with ${who}`, results: together(found) },
  ];
  return [
    {
      kind: "percentiles",
      title: `Ingest latency without and with ${who}`,
      lines: sides.map(({ name, results }) => percentileLine(name, acceptedOf(results))),
    },
    {
      kind: "over time",
      title: "Ingest p99 of each second, last round",
      unit: "ms",
      lines: sides.flatMap(({ name, results }) => results.slice(-1).map((result) => courseLine(name, result))),
    },
  ];
}

function alone(found: readonly Compared<unknown>[]): OpenLoopResult[] {
  return found.map((one) => one.alone);
}

function together(found: readonly Compared<unknown>[]): OpenLoopResult[] {
  return found.map((one) => one.together);
}
