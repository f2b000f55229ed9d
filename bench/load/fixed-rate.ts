/** An open loop as a scenario asks for it: a rate and a length, on any server that has the service's endpoints. */
import { countText } from "../core/figures.ts";
import type { Bench } from "../core/scenario.ts";
import { type OpenLoopResult, runOpenLoop } from "./open-loop.ts";
import { pathOf, type Requests } from "./requests.ts";

/** A fixed rate, and how long. */
export type OpenExtent = {
  perSecond: number;
  seconds: number;
  /** The same load before it, of which nothing counts but what is stored. Default: none. */
  warmUpSeconds?: number;
  /** Default: enough that one is free at any rate below capacity, as long as answers come in a few milliseconds. */
  connections?: number;
  /** Loads of one run with the same number have the same times. */
  seed?: number;
  /** Length of a part of the course. Default: a second. */
  sliceSeconds?: number;
};

/** Connections of an open loop unless a scenario says otherwise. */
export const connectionsUsual = 256;

/** Far enough apart that two runs whose seeds are neighbours share no load. */
const seedsEachRun = 1_000;

/**
 * Puts a load at a fixed rate on a server and waits for the last answers.
 * @throws CompilerMissing
 * @throws Error the generator failed, or `bench.signal` ended it
 */
export function runAtRate(
  bench: Bench,
  { url, token, requests, bodiesPath }: { url: string; token: string; requests: Requests; bodiesPath: string },
  { seed = 0, connections = connectionsUsual, ...extent }: OpenExtent,
): Promise<OpenLoopResult> {
  const { perSecond, seconds, warmUpSeconds = 0 } = extent;
  const warmUp = warmUpSeconds > 0 ? ` after ${warmUpSeconds} s of warm-up` : "";
  bench.progress(`  ${countText(perSecond * requests.eventsPerRequest)} events/s for ${seconds} s${warmUp}`);
  const load = {
    ...{ url: url + pathOf(requests), token, bodiesPath, runTag: bench.nextRunTag(), connections },
    ...{ ...extent, seed: bench.seed * seedsEachRun + seed },
  };
  return runOpenLoop(load, bench);
}
