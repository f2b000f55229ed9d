/** The keeper has a process of its own: whatever ends or stops it costs a retry, and the service goes on. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { keeperOf } from "../support/keeper.ts";
import { Ledger } from "../support/ledger.ts";
import { readProc } from "../support/process.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { expectNoLeftovers } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

test.each(["SIGKILL", "SIGABRT"] as const)(
  "A3: a keeper that ends by %s again and again under load costs a retry: every answer is 200, and all is sealed",
  async (signal) => {
    await using service = await startService();
    const ledger = new Ledger();
    let isLoading = true;
    const write = async () => {
      while (isLoading) await ledger.send(service, Ledger.ids(10));
    };
    const writers = [write(), write(), write()];
    for (let round = 0; round < 5; round++) {
      const sent = ledger.acknowledged.size;
      await until(() => ledger.acknowledged.size >= sent + 100, { what: "more events", limitMs: 20_000 });
      const keeper = await keeperOf(service);
      process.kill(keeper, signal);
      await until(async () => (await keeperOf(service)) !== keeper, { what: "its successor", limitMs: 10_000 });
    }
    isLoading = false;
    await Promise.all(writers);
    expect([...ledger.refusals.keys()]).toEqual([]);
    await service.waitSealed();
    expect(await ledger.violations(service)).toEqual([]);
    expect((await service.health()).status).toBe(200);
    expect(Number((await service.metricsText()).match(/^millrace_keeper_restarts_total (\d+)$/m)?.[1])).toBe(5);
    expect(await service.stop()).toBe(0);
  },
);

test("A3: a keeper that stands still stalls flushes: health tells, events are still accepted, and all is sealed once it goes on", async () => {
  await using service = await startService();
  const keeper = await keeperOf(service);
  process.kill(keeper, "SIGSTOP");
  const ledger = new Ledger();
  const stalled = async () => {
    await ledger.send(service, Ledger.ids(5));
    const health = await service.health();
    return health.status === 503 && (await health.text()).includes("flush stalled");
  };
  await until(stalled, { what: "health to tell of the stalled flush", limitMs: 30_000, everyMs: 200 });
  expect(await ledger.send(service, Ledger.ids(5))).toBe("acknowledged");
  expect([...ledger.refusals.keys()]).toEqual([]);
  process.kill(keeper, "SIGCONT");
  await service.waitSealed();
  await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
  expect(await ledger.violations(service)).toEqual([]);
});

test.each(["SIGINT", "SIGTERM"] as const)("A3: %s to the whole group still seals everything", async (signal) => {
  // A shell of its own makes a group of its own, as a terminal does for what is started in it.
  await using service = await startService({ wrapper: ["setsid"] });
  const ledger = new Ledger();
  await ledger.send(service, Ledger.ids(50));
  const keeper = await keeperOf(service);
  process.kill(-service.pid, signal);
  expect(await service.exited()).toBe(0);
  expect(service.journalPaths()).toEqual([]);
  expect(await service.count()).toBe(50);
  await until(() => readProc(`${keeper}/cmdline`) === "", { what: "the keeper's end", limitMs: 5_000 });
});

test("A3: SIGTERM to the keeper alone is meant for the service, which seals and ends", async () => {
  await using service = await startService();
  await service.batch(Array(30).fill({ event_name: "e" }));
  process.kill(await keeperOf(service), "SIGTERM");
  expect(await service.exited()).toBe(0);
  expect(await service.count()).toBe(30);
});

test("A3: the serving process has no DuckDB, and the keeper none of the service's environment", async () => {
  await using service = await startService();
  await service.batch(Array(30).fill({ event_name: "e" }));
  await service.waitSealed();
  const keeper = await keeperOf(service);
  const hasDuckdb = (pid: number) => readProc(`${pid}/maps`).includes("duckdb");
  expect([hasDuckdb(service.pid), hasDuckdb(keeper)]).toEqual([false, true]);
  const names = readProc(`${keeper}/environ`)
    .split("\0")
    .map((each) => each.split("=")[0]);
  expect(names.filter((name) => name?.startsWith("MILLRACE_"))).toEqual([]);
  // Its own: without it, memory that DuckDB has freed stays with the process.
  expect(names).toContain("DUCKDB_JE_MALLOC_CONF");
  // Killed with the service, it is gone with it, and so is nothing else of the folder's.
  await service.kill9();
  await until(() => readProc(`${keeper}/cmdline`) === "", { what: "the keeper's end", limitMs: 5_000 });
  await service.restart();
  await service.waitSealed();
  await expectNoLeftovers(service.dataDir);
});
