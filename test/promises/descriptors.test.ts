/**
 * Few descriptors and many connections: nothing aborts, nothing spins, and the disk has its share whatever comes in.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { openCrowd } from "../support/crowd.ts";
import { keeperOf } from "../support/keeper.ts";
import { readProc } from "../support/process.ts";
import { parseMetrics } from "../support/prometheus.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** A shell that sets the limit of open files and becomes the service. */
const withFiles = (limit: number) => ["sh", "-c", `ulimit -n ${limit} && exec "$@"`, "sh"];

/** Processor time of the service so far, of all its threads. Seconds. */
function cpuSeconds(service: Service): number {
  const stat = readProc(`${service.pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

const metric = (page: string, name: string) => parseMetrics(page).samples.find((sample) => sample.name === name)?.value;

const started = (service: Service): Record<string, unknown> =>
  JSON.parse(service.stderr.split("\n").find((line) => line.includes(`"msg":"started"`)) ?? "{}");

test.each([
  [64, 120, ""],
  [64, 120, "P"],
  [256, 400, ""],
  [1024, 1300, ""],
  [1024, 1300, "GET / HT"],
])(
  "A3: with %i open files %i connections that send %j keep nobody out: every event is a 200, sealed and in the catalog",
  async (limit, connections, sends) => {
    await using service = await startService({ wrapper: withFiles(limit), env: { MILLRACE_LOG: "info" } });
    const { connections_max: max, open_files } = started(service);
    expect(open_files).toBe(limit);
    const keeper = await keeperOf(service);
    await using crowd = await openCrowd(service, { connections, sends });
    for (let event = 0; event < 12; event++) {
      await service.track({ event_name: "in the crowd" });
      await Bun.sleep(100);
    }
    await until(() => crowd.open <= Number(max), { what: "those past the bound to be closed", limitMs: 10_000 });
    await service.waitSealed();
    expect(await service.count()).toBe(12);
    // Half a core at most, on a machine that others use too: to spin takes a whole one.
    const [cpuBefore, wallBefore] = [cpuSeconds(service), performance.now()];
    await Bun.sleep(1_000);
    expect(cpuSeconds(service) - cpuBefore).toBeLessThan((0.5 * (performance.now() - wallBefore)) / 1000);
    expect(await keeperOf(service)).toBe(keeper);
    expect((await service.health()).status).toBe(200);
    expect(await service.stop()).toBe(0);
  },
);

test("A3: MILLRACE_CONNECTIONS_MAX: those past it are closed, the new ones first, and metrics and health tell", async () => {
  await using service = await startService({ env: { MILLRACE_CONNECTIONS_MAX: "10" } });
  await using before = await openCrowd(service, { connections: 8 });
  // The system hands silent connections over after a second, and in no order: these are to come before the others.
  const open = async () => metric(await service.metricsText(), "millrace_connections") ?? 0;
  await until(async () => (await open()) >= 8, { what: "eight connections to be seen", limitMs: 10_000 });
  await using after = await openCrowd(service, { connections: 20 });
  await until(() => before.open + after.open <= 10, { what: "ten connections", limitMs: 10_000 });
  expect(before.open).toBe(8);
  for (let event = 0; event < 5; event++) await service.track({ event_name: "still heard" });
  const metrics = await service.metricsText();
  expect(metric(metrics, "millrace_connections_max")).toBe(10);
  expect(metric(metrics, "millrace_connections")).toBeLessThanOrEqual(11);
  expect(metric(metrics, "millrace_connections_closed_total")).toBeGreaterThanOrEqual(18);
});

test("A3: a crowd that lasts is told by health as a warning, and accepts all the same", async () => {
  await using service = await startService({ env: { MILLRACE_CONNECTIONS_MAX: "5" } });
  const warned = async () => {
    // One byte each: the system lets connections that send nothing wait for a second before it hands them over.
    await using crowd = await openCrowd(service, { connections: 20, sends: "P" });
    await until(() => crowd.open <= 5, { what: "those past the bound to be closed", limitMs: 10_000 });
    const health = await service.health();
    return health.status === 200 && (await health.text()).includes("MILLRACE_CONNECTIONS_MAX");
  };
  await until(warned, { what: "health to warn", limitMs: 40_000 });
});

test("A3: connections within the bound stay, however long they are idle", async () => {
  await using service = await startService({ env: { MILLRACE_CONNECTIONS_MAX: "30" } });
  await using crowd = await openCrowd(service, { connections: 20 });
  for (let event = 0; event < 10; event++) {
    await service.track({ event_name: "e" });
    await Bun.sleep(50);
  }
  expect(crowd.open).toBe(20);
  expect((await service.request(paths.health)).status).toBe(200);
});

test("A3: too few open files are refused with what is needed; few are told, with what to do", async () => {
  const refused = await startService({ wrapper: withFiles(32) }).then(
    async (service) => service[Symbol.asyncDispose](),
    (error: unknown) => String(error),
  );
  expect(refused).toMatch(/ended with 1 before.*may have 32 open files, and needs \d+ .*ulimit -n/s);
  await using few = await startService({ wrapper: withFiles(64) });
  expect(few.stderr).toMatch(/few open files: raise the limit/);
});

test.each([
  ["0", /MILLRACE_CONNECTIONS_MAX: must be an integer from 1/],
  ["many", /MILLRACE_CONNECTIONS_MAX: must be an integer from 1/],
  ["500", /MILLRACE_CONNECTIONS_MAX: 500 is more than \d+, .*limit of 256 open files/],
])(
  "A3: MILLRACE_CONNECTIONS_MAX=%s is refused, with both numbers where the limit does not allow it",
  async (max, words) => {
    const refused = await startService({ wrapper: withFiles(256), env: { MILLRACE_CONNECTIONS_MAX: max } }).then(
      async (service) => service[Symbol.asyncDispose](),
      (error: unknown) => String(error),
    );
    expect(refused).toMatch(/ended with 2 before/);
    expect(refused).toMatch(words);
  },
);
