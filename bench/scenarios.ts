/** What is measured, and how well it should do: the figures of the issue "Speed to show". */
import { batchEventsMax } from "../src/event/schema.ts";

/** One kind of load, put on the floor and on the service alike. */
export interface Scenario {
  /** What it is called on the command line and in the table. */
  readonly name: string;
  /** Where it posts to. */
  readonly path: string;
  /** How many requests wait for their answers at any time. */
  readonly connections: number;
  /** How many events each request carries. */
  readonly eventsPerRequest: number;
  /** How long each side is measured unless the command line says otherwise. */
  readonly seconds: number;
  /** The same in a quick look. */
  readonly secondsQuick: number;
  /** The least share of the floor's events a second that counts as reached. */
  readonly shareMin: number;
}

/** All scenarios, in the order of the table. */
export const scenarios: readonly Scenario[] = [
  {
    name: "single-64",
    path: "/api/v1/analytics",
    connections: 64,
    eventsPerRequest: 1,
    seconds: 10,
    secondsQuick: 3,
    shareMin: 0.45,
  },
  {
    name: "single-256",
    path: "/api/v1/analytics",
    connections: 256,
    eventsPerRequest: 1,
    seconds: 10,
    secondsQuick: 3,
    shareMin: 0.6,
  },
  {
    name: "batch-64",
    path: "/api/v1/analytics/batch",
    connections: 64,
    eventsPerRequest: batchEventsMax,
    // Fifteen flush intervals: long enough that a flush which falls behind, or memory that grows, shows.
    seconds: 30,
    secondsQuick: 6,
    shareMin: 0.13,
  },
];

/** Resident memory that the service may reach in any scenario. MB, of a million bytes. */
export const memoryMaxMB = 600;

/** From the start of the process on an empty folder to the first healthy answer. */
export const readyMaxMs = 1_000;
