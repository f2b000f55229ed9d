/** The pictures of a closed loop. */
import { median } from "../core/method.ts";
import type { Line, Plot } from "../core/result.ts";
import type { LoadResult } from "../load/wrk.ts";
import type { ServiceRun } from "./measure.ts";

/** Latencies of both sides, and what the service showed over time, a line for each round. */
export function plotsOf(rounds: readonly { floor: LoadResult; service: ServiceRun }[]): Plot[] {
  const overTime = (points: (run: ServiceRun) => [number, number][]): Line[] =>
    rounds.map(({ service }, index) => ({ name: `round ${index + 1}`, points: points(service) }));
  return [
    {
      kind: "percentiles",
      title: "Time to the answer",
      lines: [
        { name: "millrace", points: latencies(rounds.map(({ service }) => service.load)) },
        { name: "floor", points: latencies(rounds.map(({ floor }) => floor)) },
      ],
    },
    { kind: "over time", title: "New events acknowledged", unit: "events/s", lines: overTime(ratesOf) },
    { kind: "over time", title: "Resident memory", unit: "MB", lines: overTime((run) => at(run, run.course.memoryMB)) },
    {
      kind: "over time",
      title: "Events acknowledged and not yet sealed",
      unit: "events",
      lines: overTime((run) => at(run, run.course.eventsPending)),
    },
  ];
}

/** The median of the rounds at each percentile. */
function latencies(loads: readonly LoadResult[]): [number, number][] {
  const places = loads[0]?.percentiles ?? [];
  return places.map(([percentile], place) => {
    return [percentile, median(loads.flatMap(({ percentiles }) => percentiles[place]?.[1] ?? []))];
  });
}

/** A second's events, at each look but the first. */
function ratesOf({ looks }: ServiceRun): [number, number][] {
  return looks.flatMap(({ seconds, eventsTotal }, index): [number, number][] => {
    const before = looks[index - 1];
    // The last look follows the load's end, at once or after a second: a stretch too short to have a rate is left out.
    if (before === undefined || seconds - before.seconds < stretchSecondsMin) return [];
    return [[seconds, (eventsTotal - before.eventsTotal) / (seconds - before.seconds)]];
  });
}

/** Half of what lies between two looks. */
const stretchSecondsMin = 0.5;

function at({ looks }: ServiceRun, values: readonly number[]): [number, number][] {
  return looks.flatMap(({ seconds }, index): [number, number][] => {
    const value = values[index];
    return value === undefined ? [] : [[seconds, value]];
  });
}
