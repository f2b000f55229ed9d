import { expect, test } from "bun:test";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../src/base/clock.ts";
import { until } from "../support/until.ts";

/** Each thread reads the system's clock once, and may be interrupted before it has the answer. ms */
const toleranceMs = 20;

test("the monotonic clock is the same in all threads, whenever they were started", async () => {
  await until(() => performance.now() > 10 * toleranceMs, {
    what: "this thread is older than the other will be",
    limitMs: 5_000,
  });
  const worker = new Worker(new URL("./clock-teller.ts", import.meta.url));
  try {
    await once(worker, "message");
    const beforeMs = systemClock.monotonicMs();
    worker.postMessage("tell");
    const [toldMs] = await once(worker, "message");
    const afterMs = systemClock.monotonicMs();
    expect(toldMs).toBeGreaterThanOrEqual(beforeMs - toleranceMs);
    expect(toldMs).toBeLessThanOrEqual(afterMs + toleranceMs);
  } finally {
    await worker.terminate();
  }
});
