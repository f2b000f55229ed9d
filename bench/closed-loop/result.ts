/** Brings the rounds of a closed loop down to figures, goals, pictures and warnings. */
import { firstAndLast } from "../core/method.ts";
import type { Figure, ScenarioResult } from "../core/result.ts";
import type { Bench } from "../core/scenario.ts";
import type { LoadResult } from "../load/wrk.ts";
import { type ClosedLoad, idsOf } from "./closed-load.ts";
import { goals, names } from "./goals.ts";
import type { ServiceRun } from "./measure.ts";
import { plotsOf } from "./plots.ts";
import { warningsOf } from "./warnings.ts";

/** Both sides of one round. */
export type Round = { floor: LoadResult; service: ServiceRun };

/** What all rounds of a load showed. At least one round. */
export function resultOf(
  load: ClosedLoad,
  { rounds, seconds, connectionsAsked, bench }: Measured & { bench: Pick<Bench, "ids" | "warmUpSeconds"> },
): ScenarioResult {
  return {
    scenario: load.name,
    about: aboutOf(load, { rounds: rounds.length, seconds, bench }),
    figures: [...speedFigures(load, rounds), ...costFigures(load, rounds)],
    goals: [...load.goals, goals.memoryPeak],
    plots: plotsOf(rounds),
    warnings: warningsOf(load, { rounds, connectionsAsked, idsAsked: bench.ids }),
    audits: rounds.map(({ service }) => service.audit),
    skipped: [],
  };
}

/** All rounds, and how they were made. */
type Measured = { rounds: readonly Round[]; seconds: number; connectionsAsked: number };

function aboutOf(
  load: ClosedLoad,
  { rounds, seconds, bench }: { rounds: number; seconds: number; bench: Pick<Bench, "ids" | "warmUpSeconds"> },
): string {
  const { connections, eventsPerRequest, encoding, repeats } = load;
  const body = eventsPerRequest === 1 ? "one event" : `${eventsPerRequest} events`;
  const how = [
    `${load.endpoint === "single" ? "One event" : `A batch of ${body}`} a request`,
    ...(encoding === undefined ? [] : [`compressed with ${encoding}`]),
    ...(repeats === undefined
      ? []
      : [`one request in ${repeats.every} sent again, up to ${repeats.within.toLocaleString("en-US")} requests later`]),
    `${connections.toLocaleString("en-US")} connections that each wait for the answer before they send again`,
    `ids made by the ${idsOf(load, bench.ids)}`,
  ].join(", ");
  return `${how}. ${rounds === 1 ? "One round" : `${rounds} rounds`}, in each the floor and the service in turn, ${seconds} s after ${bench.warmUpSeconds} s of warm-up.`;
}

type Named = Pick<Figure, "name" | "unit" | "better">;

/** Makes figures of a load: of one side, from a value of each round. */
function figuresOf({ eventsPerRequest }: ClosedLoad, rounds: readonly Round[]) {
  return {
    service: (told: Named, of: (run: ServiceRun, round: Round) => number): Figure => {
      const samples = rounds.map((round) => of(round.service, round));
      return { side: "millrace", ...told, samples, eventsPerRequest, waitsFor: "fsync" };
    },
    floor: (told: Named, of: (load: LoadResult) => number): Figure => {
      const samples = rounds.map((round) => of(round.floor));
      return { side: "floor", ...told, samples, eventsPerRequest, waitsFor: "nothing kept" };
    },
  };
}

function speedFigures(load: ClosedLoad, rounds: readonly Round[]): Figure[] {
  const { service, floor } = figuresOf(load, rounds);
  const both = (told: Named, of: (load: LoadResult) => number) => [
    service(told, (run) => of(run.load)),
    floor(told, of),
  ];
  return [
    ...both(
      { name: "events/s", unit: "events/s", better: "higher" },
      (side) => side.requestsPerSecond * load.eventsPerRequest,
    ),
    service(
      { name: names.share, unit: "share", better: "higher" },
      (run, round) => run.load.requestsPerSecond / round.floor.requestsPerSecond,
    ),
    ...both({ name: "p50", unit: "ms", better: "lower" }, (side) => side.p50Ms),
    ...both({ name: "p99", unit: "ms", better: "lower" }, (side) => side.p99Ms),
    ...both({ name: "p99.9", unit: "ms", better: "lower" }, (side) => side.p999Ms),
    ...both({ name: "longest", unit: "ms", better: "lower" }, (side) => side.longestMs),
    ...both({ name: "refused", unit: "count", better: "lower" }, (side) => side.refused),
    ...both({ name: "broken connections", unit: "count", better: "lower" }, (side) => side.socketErrors),
    ...both({ name: "processor, wrk", unit: "share", better: "neither" }, (side) => side.cpuSeconds / side.seconds),
  ];
}

function costFigures(load: ClosedLoad, rounds: readonly Round[]): Figure[] {
  const { service } = figuresOf(load, rounds);
  const memory = (run: ServiceRun) => firstAndLast(run.course.memoryMB);
  const repeated: Named = { name: "told as sent before", unit: "events", better: "neither" };
  return [
    service({ name: "processor, service", unit: "share", better: "neither" }, (run) => {
      return run.course.cpuSeconds / run.load.seconds;
    }),
    service({ name: names.memoryPeak, unit: "MB", better: "lower" }, (run) => run.course.memoryPeakMB),
    service({ name: "memory, first third", unit: "MB", better: "neither" }, (run) => memory(run).first),
    service({ name: "memory, last third", unit: "MB", better: "neither" }, (run) => memory(run).last),
    service(
      { name: names.memoryGrowth, unit: "share", better: "lower" },
      (run) => memory(run).last / memory(run).first,
    ),
    service({ name: "pending peak", unit: "events", better: "lower" }, (run) => Math.max(...run.course.eventsPending)),
    service({ name: names.behind, unit: "s", better: "lower" }, (run) => behindSeconds(load, run)),
    service({ name: names.ready, unit: "ms", better: "lower" }, (run) => run.readyMs),
    ...(load.repeats === undefined ? [] : [service(repeated, (run) => run.duplicates)]),
  ];
}

/** How long ago the oldest event that is not sealed was accepted, late in the load: the backlog over the rate that fills it. */
function behindSeconds({ eventsPerRequest }: ClosedLoad, { course, load }: ServiceRun): number {
  const newShare = load.made / (load.made + load.repeated);
  return firstAndLast(course.eventsPending).last / (load.requestsPerSecond * eventsPerRequest * newShare);
}
