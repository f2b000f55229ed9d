/** The thread's side of an actor: typed requests to typed replies. */
import { parentPort, workerData } from "node:worker_threads";
import { invariant } from "../base/invariant.ts";

/** Answers each kind of request with its own kind of reply. */
export type Handlers<Request extends { kind: PropertyKey }, Replies extends Record<Request["kind"], unknown>> = {
  [Kind in Request["kind"]]: (request: Extract<Request, { kind: Kind }>) => Promise<Replies[Kind]>;
};

/** What the actor was born with. */
export const bornWith = (): unknown => workerData;

/** Tells the main thread something unasked. */
export function notify(notice: object): void {
  invariant(parentPort !== null, "an actor runs in a thread of its own");
  parentPort.postMessage(notice);
}
