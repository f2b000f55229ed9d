/** Batches of three sizes: what an event costs beside what a request costs. */
import { batchEventsMax } from "../../src/event/schema.ts";
import { goals } from "../closed-loop/goals.ts";
import { closedLoop } from "../closed-loop/scenario.ts";
import type { Scenario } from "../core/scenario.ts";

const common = { endpoint: "batch", connections: 64, seconds: 10, secondsQuick: 3 } as const;

/** The batch endpoint with nothing gained from batching. */
export const batch1: Scenario = closedLoop({
  ...common,
  name: "batch-1",
  summary: "batches of one event over 64 connections",
  eventsPerRequest: 1,
  goals: [],
});

/** What a client gathers in some seconds. */
export const batch10: Scenario = closedLoop({
  ...common,
  name: "batch-10",
  summary: "batches of 10 events over 64 connections",
  eventsPerRequest: 10,
  goals: [],
});

/** Full batches: the most events a second, for long enough that memory which grows, or a flush which falls behind, shows. */
export const batch100: Scenario = closedLoop({
  ...common,
  name: "batch-100",
  summary: "full batches over 64 connections, for a minute",
  eventsPerRequest: batchEventsMax,
  // Thirty flush intervals; in a quick look three.
  seconds: 60,
  secondsQuick: 6,
  goals: [goals.share(0.22), goals.behind, goals.memoryFlat],
});
