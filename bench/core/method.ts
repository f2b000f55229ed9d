/**
 * How two servers are compared: in rounds, in turn, in the same run. A share is taken within a round, where both sides
 * had the same machine and the same neighbours; what is reported is the median of the rounds.
 */

import type { LoadResult } from "../load/wrk.ts";
import type { Scenario } from "../scenarios.ts";
import type { Course } from "../system/sampler.ts";

/** What the service showed in one round: its answers, and what it took. */
export interface ServiceRun {
  readonly load: LoadResult;
  readonly course: Course;
  /** From the start of the process on an empty folder to the first healthy answer. */
  readonly readyMs: number;
}

/** Both sides of one round. */
export interface Round {
  readonly floor: LoadResult;
  readonly service: ServiceRun;
}

/** One scenario over all of its rounds: medians, except where the name says otherwise. */
export interface Summary {
  readonly scenario: Scenario;
  readonly floorEventsPerSecond: number;
  readonly eventsPerSecond: number;
  /** Of the floor's events a second. */
  readonly share: number;
  readonly shareLowest: number;
  readonly shareHighest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  /** The highest of all rounds. */
  readonly memoryPeakMB: number;
  /** In the first and in the last third of the load: alike if memory is flat. */
  readonly memoryFirstMB: number;
  readonly memoryLastMB: number;
  /** The highest of all rounds. */
  readonly pendingPeak: number;
  /** In the last third of the load. */
  readonly pendingLast: number;
  /** The same as time: how long ago the oldest event that is not sealed was accepted. */
  readonly behindSeconds: number;
  readonly serviceCpuSeconds: number;
  readonly wrkCpuSeconds: number;
  /** Sums of all rounds, of the service alone. Requests. */
  readonly refused: number;
  readonly socketErrors: number;
  readonly readyMs: number;
}

/** The two sides. */
export type Side = "floor" | "service";

/** Who goes first in a round, counted from 0. It changes, so that neither side always meets the warmer machine. */
export function sidesInTurn(round: number): readonly Side[] {
  return round % 2 === 0 ? ["floor", "service"] : ["service", "floor"];
}

/** The middle one; of an even number, the mean of the middle two. NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}

/** Medians of the first and of the last third of a course: alike if it is flat. */
export function firstAndLast(course: readonly number[]): { first: number; last: number } {
  const third = Math.max(1, Math.floor(course.length / 3));
  return { first: median(course.slice(0, third)), last: median(course.slice(-third)) };
}

/** Brings the rounds of a scenario down to one line. At least one round. */
export function summarise(scenario: Scenario, rounds: readonly Round[]): Summary {
  const eventsPerSecond = (load: LoadResult) => load.requestsPerSecond * scenario.eventsPerRequest;
  const shares = rounds.map(({ floor, service }) => service.load.requestsPerSecond / floor.requestsPerSecond);
  const over = (pick: (run: ServiceRun) => number) => rounds.map(({ service }) => pick(service));
  const pendingLast = (run: ServiceRun) => firstAndLast(run.course.eventsPending).last;
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  return {
    scenario,
    floorEventsPerSecond: median(rounds.map(({ floor }) => eventsPerSecond(floor))),
    eventsPerSecond: median(over((run) => eventsPerSecond(run.load))),
    share: median(shares),
    shareLowest: Math.min(...shares),
    shareHighest: Math.max(...shares),
    p50Ms: median(over((run) => run.load.p50Ms)),
    p99Ms: median(over((run) => run.load.p99Ms)),
    p999Ms: median(over((run) => run.load.p999Ms)),
    memoryPeakMB: Math.max(...over((run) => run.course.memoryPeakMB)),
    memoryFirstMB: median(over((run) => firstAndLast(run.course.memoryMB).first)),
    memoryLastMB: median(over((run) => firstAndLast(run.course.memoryMB).last)),
    pendingPeak: Math.max(...over((run) => Math.max(...run.course.eventsPending))),
    pendingLast: median(over(pendingLast)),
    behindSeconds: median(over((run) => pendingLast(run) / eventsPerSecond(run.load))),
    serviceCpuSeconds: median(over((run) => run.course.cpuSeconds)),
    wrkCpuSeconds: median(over((run) => run.load.cpuSeconds)),
    refused: sum(over((run) => run.load.refused)),
    socketErrors: sum(over((run) => run.load.socketErrors)),
    readyMs: median(over((run) => run.readyMs)),
  };
}
