/** The goals of closed loops: figures of the service by their names, and what they should reach. */
import { goal } from "../core/figures.ts";
import type { Goal } from "../core/result.ts";

/** The names of the figures that goals are set for. */
export const names = {
  share: "share of floor",
  memoryPeak: "memory peak",
  memoryGrowth: "memory, last third to first",
  behind: "seconds behind",
  ready: "ready on an empty folder",
} as const;

/** What a closed loop may be asked to reach. */
export const goals = {
  /** Of the floor's events a second, within a round. */
  share: (atLeast: number): Goal => goal(names.share, { atLeast }),
  /** MB, of a million bytes: flat is not enough where it is flat at the machine's limit. */
  memoryPeak: goal(names.memoryPeak, { atMost: 600 }),
  /**
   * Last third of the load to its first: a tenth is what the collector's own tides make of memory that does not grow.
   */
  memoryFlat: goal(names.memoryGrowth, { atMost: 1.1 }),
  /** Seconds: twice the flush interval, and the flush itself. */
  behind: goal(names.behind, { atMost: 5 }),
  /** ms. */
  ready: goal(names.ready, { atMost: 1_000 }),
} as const;
