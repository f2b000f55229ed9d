import { expect, test } from "bun:test";
import { parseWrk } from "../../bench/load/wrk.ts";
import { familyOf } from "../../bench/system/family.ts";
import { openFilesMax } from "../../bench/system/open-files.ts";
import { parseCpuSeconds, parseMemory, parseShare, readMemory, watchDuring } from "../../bench/system/sampler.ts";
import { readStats } from "../../bench/system/service.ts";

const printedByWrk = `Running 4s test @ http://127.0.0.1:32805/api/v1/analytics
  1 threads and 64 connections
  480990 requests in 4.00s, 93.12MB read
  Non-2xx or 3xx responses: 990
Requests/sec: 120110.45
{"answered":480990,"refused":990,"socketErrors":3,"timeouts":1,"microseconds":4000000,"made":480900,"repeated":155,"latencyUs":[[50,507],[99,936],[99.9,1601],[100,2500]]}
`;

test("wrk's result counts only accepted requests as acknowledged", () => {
  expect(parseWrk(printedByWrk)).toEqual({
    acknowledged: 480_000,
    refused: 990,
    socketErrors: 3,
    timeouts: 1,
    made: 480_900,
    repeated: 155,
    seconds: 4,
    requestsPerSecond: 120_000,
    p50Ms: 0.507,
    p99Ms: 0.936,
    p999Ms: 1.601,
    longestMs: 2.5,
    percentiles: [
      [50, 0.507],
      [99, 0.936],
      [99.9, 1.601],
    ],
  });
});

test("a wrk that printed no result, or half of one, is an error", () => {
  expect(() => parseWrk("Running 4s test\n")).toThrow("no result");
  expect(() => parseWrk('{"answered":1}\n')).toThrow('no number "refused"');
  expect(() => parseWrk(printedByWrk.replace("[99.9,1601],", ""))).toThrow("no latency of percentile 99.9");
});

test("the limit of open files is read, also where there is none", () => {
  const limits =
    "Limit       Soft Limit   Hard Limit   Units\nMax open files            1024         4096         files\n";
  expect(openFilesMax(limits)).toBe(1_024);
  expect(openFilesMax(limits.replace("1024", "unlimited"))).toBe(Number.POSITIVE_INFINITY);
  expect(() => openFilesMax("Limit\n")).toThrow("no open files");
});

test("memory is read in megabytes, now and at its highest", () => {
  const status = "Name:\tbun\nVmPeak:\t 9000000 kB\nVmHWM:\t  600000 kB\nVmRSS:\t  500000 kB\n";
  expect(parseMemory(status)).toEqual({ nowMB: 512, peakMB: 614.4 });
  expect(() => parseMemory("Name:\tbun\n")).toThrow("VmRSS");
});

test("what a process shares counts in part, and a service has the memory of all its processes", async () => {
  expect(parseShare("Rss:  900 kB\nPss:                 500000 kB\nPss_Dirty: 3 kB\n")).toBe(512);
  expect(() => parseShare("Rss: 1 kB\n")).toThrow("no Pss");
  // A shell, which has next to nothing of its own, and below it a process that fills 64 MiB and then waits.
  const script = "globalThis.held = Buffer.alloc(1 << 26, 1); console.log('held'); setInterval(() => {}, 1e6)";
  const shell = Bun.spawn(["sh", "-c", '"$0" -e "$1"; true', process.execPath, script], { stdout: "pipe" });
  try {
    await shell.stdout.getReader().read();
    const [, child] = familyOf(shell.pid);
    expect(child).toBeDefined();
    expect(readMemory(shell.pid).nowMB).toBeGreaterThan(64);
    expect(readMemory(shell.pid).peakMB).toBeGreaterThan(64);
  } finally {
    for (const pid of familyOf(shell.pid).toReversed()) process.kill(pid, "SIGKILL");
    await shell.exited;
  }
});

test("processor time is read past a program name with blanks and brackets", () => {
  const stat = `4711 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 9 0 123 456\n`;
  expect(parseCpuSeconds(stat)).toBe(3);
});

test("a course has a first and a last look, and ends the work when a look fails", async () => {
  const pid = process.pid;
  const { result, course } = await watchDuring(async () => "done", { pid, eventsPending: async () => 5 });
  expect(result).toBe("done");
  expect(course.eventsPending.length).toBeGreaterThanOrEqual(1);
  expect(course.memoryMB.length).toBe(course.eventsPending.length);
  expect(course.memoryPeakMB).toBeGreaterThan(1);

  let ended = false;
  const endless = (signal: AbortSignal) =>
    new Promise<void>((resolve) => {
      signal.addEventListener("abort", () => resolve());
    }).then(() => {
      ended = true;
    });
  const failing = watchDuring(endless, { pid, eventsPending: () => Promise.reject(new Error("no stats")) });
  await expect(failing).rejects.toThrow("no stats");
  expect(ended).toBe(true);
});

test("stats are read from a body of the reference, and from nothing else", () => {
  const body = { total_events: 12, buffer_status: { events_pending: 5, events_flushed_total: 7 } };
  expect(readStats(body)).toEqual({ totalEvents: 12, eventsPending: 5 });
  expect(() => readStats({ detail: "no" })).toThrow("not the stats");
});
