/** What neighbours cost: the same fixed rate without and with another client that uses the service, in turn. */
import { figuresOf } from "../core/figures.ts";
import { inTurn } from "../core/method.ts";
import type { Figure, Plot } from "../core/result.ts";
import type { ScenarioRun } from "../core/scenario.ts";
import type { OpenLoopResult } from "../load/open-loop.ts";
import { singles } from "../load/requests.ts";
import { inTrials, type Rounds } from "../trial/rounds.ts";
import type { Trial } from "../trial/trial.ts";
import { beside } from "./beside.ts";
import { acceptedOf, courseLine, latencyFigures, percentileLine } from "./figures.ts";

/** Of the capacity: what is left is enough for a neighbour, if the service shares it well. */
const shareUsual = 0.5;

/** One round. */
export type Compared<N> = { alone: OpenLoopResult; together: OpenLoopResult; neighbour: N };

/**
 * Prepares a neighbour before any load. The returned function runs beside a load until `over`, and returns what it saw.
 */
export type Neighbour<N> = (trial: Trial) => Promise<(over: AbortSignal) => Promise<N>>;

/**
 * Does all rounds; which of the two loads comes first changes from round to round. `share`: of the capacity.
 * @throws AuditFailed a service stored something else than it acknowledged
 */
export function compareNeighbours<N>(
  run: ScenarioRun,
  neighbour: Neighbour<N>,
  share = shareUsual,
): Promise<Rounds<Compared<N>>> {
  const { seconds } = run;
  return inTrials(run, { requests: singles(256) }, async (trial, round) => {
    const disturb = await neighbour(trial);
    const perSecond = (await trial.capacity()) * share;
    let alone: OpenLoopResult | undefined;
    let both: { main: OpenLoopResult; other: N } | undefined;
    for (const [nth, side] of inTurn(["alone", "together"], round).entries()) {
      if (nth > 0) await trial.settle();
      if (side === "alone") alone = await trial.openLoop({ perSecond, seconds });
      else
        both = await beside(
          (failed) => trial.openLoop({ perSecond, seconds }, failed),
          (over) => disturb(AbortSignal.any([over, run.signal])),
        );
    }
    if (alone === undefined || both === undefined) throw new Error("a round has both loads");
    return { alone, together: both.main, neighbour: both.other };
  });
}

/** Figures of both loads, among them `p99 ratio`: with the neighbour, of without. `who` says who the neighbour is. */
export function comparisonFigures(found: readonly Compared<unknown>[], who: string): Figure[] {
  const common = { eventsPerRequest: 1, waitsFor: "fsync" } as const;
  const p99 = ({ accepts }: OpenLoopResult) => accepts.fromIntended.getValueAtPercentile(99);
  return [
    ...sidesOf(found, who).flatMap(({ name, results }) => [
      ...figuresOf(common, results, [[`accepted ${name}`, "events/s", "neither", (one) => one.acceptedPerSecond]]),
      ...latencyFigures(common, { of: name, rounds: acceptedOf(results) }),
    ]),
    ...figuresOf(common, found, [["p99 ratio", "share", "lower", (one) => p99(one.together) / p99(one.alone)]]),
  ];
}

/** The percentiles of both, and the course of the last round. */
export function comparisonPlots(found: readonly Compared<unknown>[], who: string): Plot[] {
  const sides = sidesOf(found, who);
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

function sidesOf(found: readonly Compared<unknown>[], who: string): { name: string; results: OpenLoopResult[] }[] {
  return [
    { name: `without ${who}`, results: found.map(({ alone }) => alone) },
    { name: `with ${who}`, results: found.map(({ together }) => together) },
  ];
}
