/** One event a request: what pages send. */

import { goals } from "../closed-loop/goals.ts";
import { closedLoop } from "../closed-loop/scenario.ts";
import type { Scenario } from "../core/scenario.ts";

const common = { endpoint: "single", eventsPerRequest: 1, seconds: 10, secondsQuick: 3 } as const;

/** As many connections as keep the service busy, and no more. */
export const single64: Scenario = closedLoop({
  ...common,
  name: "single-64",
  summary: "one event a request over 64 connections",
  connections: 64,
  goals: [goals.share(0.6), goals.ready],
});

/** Connections enough that what one sync waits for is spread over many answers. */
export const single256: Scenario = closedLoop({
  ...common,
  name: "single-256",
  summary: "one event a request over 256 connections",
  connections: 256,
  goals: [goals.share(0.75)],
});

/** Between the two. */
export const connections100: Scenario = closedLoop({
  ...common,
  name: "connections-100",
  summary: "one event a request over 100 connections",
  connections: 100,
  goals: [],
});

/** More than any one proxy keeps open: what a connection itself costs. */
export const connections2000: Scenario = closedLoop({
  ...common,
  name: "connections-2000",
  summary: "one event a request over 2,000 connections",
  connections: 2_000,
  goals: [],
});
