/** Full batches as a client sends them that pays for its traffic: compressed. The floor inflates them too. */
import { batchEventsMax } from "../../src/event/schema.ts";
import { closedLoop } from "../closed-loop/scenario.ts";
import type { Scenario } from "../core/scenario.ts";

/** Batches of 100, with `Content-Encoding: gzip`. */
export const gzip: Scenario = closedLoop({
  name: "gzip",
  summary: "full batches, compressed with gzip, over 64 connections",
  endpoint: "batch",
  connections: 64,
  eventsPerRequest: batchEventsMax,
  encoding: "gzip",
  seconds: 20,
  secondsQuick: 4,
  goals: [],
});
