import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { childrenOf, readProc } from "../support/process.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

/** The slice of a thread or process, as the kernel's scheduler prints it; undefined before Linux 6.12. ns */
const sliceOf = (path: string) => /^se\.slice +: +(\d+)$/m.exec(readProc(`${path}/sched`))?.[1];

const shortNs = "400000";

test.skipIf(sliceOf("self") === undefined)(
  "the main thread and the shards have short slices, and nothing that they start inherits them",
  async () => {
    await using service = await startService();
    await service.track({ event_name: "one" });
    const { pid } = service;
    expect(sliceOf(String(pid))).toBe(shortNs);
    const threads = readdirSync(`/proc/${pid}/task`).map((task) => sliceOf(`${pid}/task/${task}`));
    // Two shards besides the main thread; the runtime's own threads have what the kernel gives.
    expect(threads.filter((slice) => slice === shortNs)).toHaveLength(3);
    const children = childrenOf(pid);
    expect(children.length).toBeGreaterThan(0);
    for (const child of children) expect(sliceOf(String(child))).not.toBe(shortNs);
  },
);
