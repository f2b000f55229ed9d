import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { availableParallelism, release } from "node:os";
import { childrenOf, nicenessOf, readProc, tasksOf } from "../support/process.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** The slice of a thread or process, as the kernel's scheduler prints it. ns */
const sliceOf = (path: string) => /^se\.slice +: +(\d+)$/m.exec(readProc(`${path}/sched`))?.[1];

const shortNs = "400000";

const [major = 0, minor = 0] = release().split(".").map(Number);

/** Earlier kernels ignored the slice that a thread asked for; on one core none is asked for. */
const hasSlices = (major > 6 || (major === 6 && minor >= 12)) && availableParallelism() > 1;

test("the main thread and the shards have short slices where that helps, and nothing that they start does", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "2" } });
  await service.track({ event_name: "one" });
  const { pid } = service;
  expect(sliceOf(String(pid))).toBe(hasSlices ? shortNs : sliceOf("self"));
  const slices = readdirSync(`/proc/${pid}/task`).map((task) => sliceOf(`${pid}/task/${task}`));
  // Two shards besides the main thread; the runtime's own threads have what the kernel gives.
  expect(slices.filter((slice) => slice === shortNs)).toHaveLength(hasSlices ? 3 : 0);
  const children = childrenOf(pid);
  expect(children.length).toBeGreaterThan(0);
  for (const child of children) expect(sliceOf(String(child))).not.toBe(shortNs);
});

test("whatever the service starts has a smaller share of the processor than the threads that answer", async () => {
  await using service = await startService();
  await service.track({ event_name: "one" });
  // Of each thread: on Linux a nice value belongs to a thread.
  const niceness = () =>
    childrenOf(service.pid).flatMap((child) => tasksOf(child).map((task) => nicenessOf(child, task)));
  await until(() => niceness().length > 0 && niceness().every((nice) => nice >= 10), {
    what: "processes of low priority alone",
    limitMs: 30_000,
  });
  expect(nicenessOf(service.pid)).toBeLessThan(10);
});
