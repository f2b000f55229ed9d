/** Clients that did not get their answer and send again: each event is stored once, and what is sent again costs an answer. */
import { closedLoop } from "../closed-loop/scenario.ts";
import type { Scenario } from "../core/scenario.ts";

/** Small batches, one in five of them sent before. Events a second count every event that was answered, repeats too. */
export const retries: Scenario = closedLoop({
  name: "retries",
  summary: "batches of 10 events with ids of their clients, one request in five a repeat",
  endpoint: "batch",
  connections: 64,
  eventsPerRequest: 10,
  // Repeats reach back by up to 500,000 ids, half of those that the service promises to know: some are sealed by then.
  repeats: { every: 5, within: 50_000 },
  seconds: 15,
  secondsQuick: 4,
  goals: [],
});
