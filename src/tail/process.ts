/**
 * Entry of the process that follows the journal. It is a process of its own, so that reading and filtering have a
 * smaller share of the processor than ingest, and its memory a limit of its own. It lives while somebody reads.
 */
import { systemClock } from "../base/clock.ts";
import { invariant } from "../base/invariant.ts";
import { yieldMemory } from "../base/limited-process.ts";
import { Follower } from "./follower.ts";
import type { FollowerMessage, FollowerNotice } from "./protocol.ts";

/** A reader that waits for its turn is looked at this often, whether events come or not. ms */
const stepEveryMs = 50;

yieldMemory();
process.on("disconnect", () => process.exit(0));
// Signals to the group are for the service, which ends this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => undefined);

let follower: Follower | undefined;
let isStepping = false;

process.on("message", (message: FollowerMessage) => {
  if (message.kind === "birth")
    follower = new Follower(message.folder, { epoch: message.epoch, tell, nowMs: systemClock.monotonicMs });
  else {
    invariant(follower !== undefined, "a process is born before it is asked");
    follower.take(message);
    step();
  }
});
setInterval(step, stepEveryMs);

function tell(notice: FollowerNotice): void {
  invariant(process.send !== undefined, "the service started this process");
  process.send(notice);
}

/** Steps until there is nothing more to read; messages that arrive meanwhile are heard between two steps. */
function step(): void {
  if (isStepping || follower === undefined) return;
  isStepping = follower.step();
  if (!isStepping) return;
  setImmediate(() => {
    isStepping = false;
    step();
  });
}
