/** Brings the rounds of a closed loop down to figures, goals, pictures and warnings. */
import { countText, type FigureRow, figuresOf } from "../core/figures.ts";
import { firstAndLast } from "../core/method.ts";
import type { Figure, ScenarioResult } from "../core/result.ts";
import type { Bench } from "../core/scenario.ts";
import { idsOf } from "../load/requests.ts";
import type { LoadResult } from "../load/wrk.ts";
import type { ClosedLoad } from "./closed-load.ts";
import { goals, names } from "./goals.ts";
import type { ServiceRun } from "./measure.ts";
import { plotsOf } from "./plots.ts";
import { warningsOf } from "./warnings.ts";

/** Both sides of one round. */
export type Round = { floor: LoadResult; service: ServiceRun };

/** All rounds, and how they were made. */
type Measured = {
  rounds: readonly Round[];
  seconds: number;
  connectionsAsked: number;
  bench: Pick<Bench, "ids" | "warmUpSeconds">;
};

/** What all rounds of a load showed. At least one round. */
export function findingsOf(load: ClosedLoad, measured: Measured): Omit<ScenarioResult, "scenario" | "skipped"> {
  const { rounds, connectionsAsked, bench } = measured;
  return {
    about: aboutOf(load, measured),
    figures: figuresOfLoad(load, rounds),
    goals: [...load.goals, goals.memoryPeak],
    plots: plotsOf(rounds),
    warnings: warningsOf(load, { rounds, connectionsAsked, idsAsked: bench.ids }),
    audits: rounds.map(({ service }) => service.audit),
  };
}

function aboutOf(load: ClosedLoad, { rounds, seconds, bench }: Measured): string {
  const { connections, eventsPerRequest, encoding, repeats } = load;
  const body = eventsPerRequest === 1 ? "one event" : `${eventsPerRequest} events`;
  const how = [
    `${load.form === "single" ? "One event" : `A batch of ${body}`} a request`,
    ...(encoding === undefined ? [] : [`compressed with ${encoding}`]),
    ...(repeats === undefined
      ? []
      : [`one request in ${repeats.every} sent again, up to ${countText(repeats.within)} requests later`]),
    `${countText(connections)} connections that each wait for the answer before they send again`,
    `ids made by the ${idsOf(load, bench.ids)}`,
  ].join(", ");
  const extent = rounds.length === 1 ? "One round" : `${rounds.length} rounds`;
  return `${how}. ${extent}, in each the floor and the service in turn, ${seconds} s after ${bench.warmUpSeconds} s of warm-up.`;
}

function figuresOfLoad(load: ClosedLoad, rounds: readonly Round[]): Figure[] {
  const { eventsPerRequest } = load;
  const both: FigureRow<LoadResult>[] = [
    ["events/s", "events/s", "higher", (side) => side.requestsPerSecond * eventsPerRequest],
    ["p50", "ms", "lower", (side) => side.p50Ms],
    ["p99", "ms", "lower", (side) => side.p99Ms],
    ["p99.9", "ms", "lower", (side) => side.p999Ms],
    ["longest", "ms", "lower", (side) => side.longestMs],
    ["refused", "count", "lower", (side) => side.refused],
    ["broken connections", "count", "lower", (side) => side.socketErrors],
    ["processor, wrk", "share", "neither", (side) => side.cpuSeconds / side.seconds],
  ];
  const services = rounds.map(({ service }) => service);
  const millrace = { eventsPerRequest, waitsFor: "fsync" } as const;
  const floor = { side: "floor", eventsPerRequest, waitsFor: "nothing kept" } as const;
  const shareOf = ({ service, floor }: Round) => service.load.requestsPerSecond / floor.requestsPerSecond;
  const [speed, ...others] = both.map((row) => [
    ...figuresOf(
      millrace,
      services.map((service) => service.load),
      [row],
    ),
    ...figuresOf(
      floor,
      rounds.map((round) => round.floor),
      [row],
    ),
  ]);
  return [
    ...(speed ?? []),
    ...figuresOf(millrace, rounds, [[names.share, "share", "higher", shareOf]]),
    ...others.flat(),
    ...figuresOf(millrace, services, costRows(load)),
  ];
}

function costRows(load: ClosedLoad): FigureRow<ServiceRun>[] {
  const memory = (run: ServiceRun) => firstAndLast(run.course.memoryMB);
  return [
    ["processor, service", "share", "neither", (run) => run.course.cpuSeconds / run.load.seconds],
    [names.memoryPeak, "MB", "lower", (run) => run.course.memoryPeakMB],
    ["memory, first third", "MB", "neither", (run) => memory(run).first],
    ["memory, last third", "MB", "neither", (run) => memory(run).last],
    [names.memoryGrowth, "share", "lower", (run) => memory(run).last / memory(run).first],
    ["pending peak", "events", "lower", (run) => Math.max(...run.course.eventsPending)],
    [names.behind, "s", "lower", (run) => behindSeconds(load, run)],
    [names.ready, "ms", "lower", (run) => run.readyMs],
    ...(load.repeats === undefined ? [] : [duplicatesRow]),
  ];
}

const duplicatesRow: FigureRow<ServiceRun> = ["told as sent before", "events", "neither", (run) => run.duplicates];

/** Age of the oldest event that is not sealed, late in the load: the backlog over the rate that fills it. */
function behindSeconds({ eventsPerRequest }: ClosedLoad, { course, load }: ServiceRun): number {
  const newShare = load.made / (load.made + load.repeated);
  return firstAndLast(course.eventsPending).last / (load.requestsPerSecond * eventsPerRequest * newShare);
}
