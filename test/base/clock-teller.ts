/** A thread that tells its monotonic clock whenever it is asked. */
import { parentPort } from "node:worker_threads";
import { systemClock } from "../../src/base/clock.ts";

parentPort?.on("message", () => parentPort?.postMessage(systemClock.monotonicMs()));
parentPort?.postMessage("ready");
