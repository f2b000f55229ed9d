/**
 * As fast as answers come, beside a bare server: what pages send, batches of three sizes, compressed bodies, retries.
 */
import { batchEventsMax } from "../../src/event/limits.ts";
import type { ClosedLoad } from "../closed-loop/closed-load.ts";
import { goals } from "../closed-loop/goals.ts";
import { closedLoop } from "../closed-loop/scenario.ts";
import type { Scenario } from "../core/scenario.ts";

const seconds = { own: 10, quick: 3 };
const single = { form: "single", eventsPerRequest: 1, seconds } as const;
const batch = { form: "batch", connections: 64, seconds } as const;

/** In the order in which they run. */
const loads: readonly ClosedLoad[] = [
  // As many connections as keep the service busy, and no more.
  {
    ...{ ...single, name: "single-64", summary: "one event a request over 64 connections", connections: 64 },
    goals: [goals.share(0.6), goals.ready],
  },
  // Connections enough that what one sync waits for is spread over many answers.
  {
    ...{ ...single, name: "single-256", summary: "one event a request over 256 connections", connections: 256 },
    goals: [goals.share(0.85)],
  },
  // Between the two.
  {
    ...{ ...single, name: "connections-100", summary: "one event a request over 100 connections", connections: 100 },
    goals: [],
  },
  // More than any one proxy keeps open: what a connection itself costs.
  {
    ...{ ...single, name: "connections-2000", summary: "one event a request over 2,000 connections" },
    ...{ connections: 2_000, goals: [] },
  },
  // The batch endpoint with nothing gained from batching.
  { ...batch, name: "batch-1", summary: "batches of one event over 64 connections", eventsPerRequest: 1, goals: [] },
  // What a client gathers in some seconds.
  { ...batch, name: "batch-10", summary: "batches of 10 events over 64 connections", eventsPerRequest: 10, goals: [] },
  // Full batches: the most events a second, for long enough that memory which grows, or a flush which falls behind,
  // shows.
  {
    ...{ ...batch, name: "batch-100", summary: "full batches over 64 connections, for a minute" },
    eventsPerRequest: batchEventsMax,
    // Thirty flush intervals; in a quick look three.
    seconds: { own: 60, quick: 6 },
    goals: [goals.share(0.22), goals.behind, goals.memoryFlat],
  },
  // As a client sends them that pays for its traffic. The floor inflates them too.
  {
    ...{ ...batch, name: "gzip", summary: "full batches, compressed with gzip, over 64 connections" },
    ...{ eventsPerRequest: batchEventsMax, encoding: "gzip", seconds: { own: 20, quick: 4 }, goals: [] },
  },
  // Clients that did not get their answer and send again. Each event is stored once; what is sent again costs an
  // answer, and events a second count it. Requests reach back by up to 500,000 ids, half of those that the service
  // promises to know.
  {
    ...{ ...batch, name: "retries", eventsPerRequest: 10, seconds: { own: 15, quick: 4 }, goals: [] },
    summary: "batches of 10 events with ids of their clients, one request in five a duplicate",
    repeats: { every: 5, within: 50_000 },
  },
];

/** One scenario a load. */
export const closedLoops: readonly Scenario[] = loads.map(closedLoop);
