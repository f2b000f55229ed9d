/**
 * Journal files that somebody removes while the service runs, before they are sealed: told, counted out, and nothing
 * stands still.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readFileSync, renameSync, truncateSync, unlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { millrace } from "../support/command.ts";
import { warned } from "../support/health.ts";
import { keeperOf } from "../support/keeper.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const journalPath = (service: Service, from: number) =>
  join(service.dataDir, "journal", `0000-${String(from).padStart(16, "0")}.ndjson`);

const named = (count: number, event_name: string) => Array.from({ length: count }, () => ({ event_name }));

/** Waits until stats count exactly these events, all of them sealed; at no time do pending and flushed not add up. */
async function counted(service: Service, events: number): Promise<void> {
  let state = "";
  await until(
    async () => {
      const { total_events, events_by_category, buffer_status } = await service.stats();
      const byCategory = Object.values(events_by_category).reduce((sum, each) => sum + each, 0);
      state = JSON.stringify({ total_events, byCategory, ...buffer_status });
      expect(buffer_status.events_pending + buffer_status.events_flushed_total).toBe(total_events);
      expect(byCategory).toBe(total_events);
      return total_events === events && buffer_status.events_pending === 0;
    },
    { what: `${events} events in stats, none pending`, limitMs: 30_000, state: () => state },
  );
  await until(async () => (await service.count()) === events, {
    what: `${events} events in the catalog`,
    limitMs: 30_000,
  });
}

const isHealthy = async (service: Service) => (await service.health()).status === 200;

/** Waits until the journal file from this sequence on is closed: the zeros that stand ready for more are gone. */
async function closed(service: Service, from: number): Promise<void> {
  const path = journalPath(service, from);
  await until(() => !readFileSync(path).includes(0), { what: `${basename(path)} to be closed`, limitMs: 20_000 });
}

for (const [what, remove] of [
  ["deleted", (path: string) => unlinkSync(path)],
  ["moved away", (path: string) => renameSync(path, `${path}.away`)],
] as const)
  test(`B8: a closed journal file that is ${what} before its flush is told with its sequences; the shard goes on`, async () => {
    await using service = await startService({
      env: { MILLRACE_SHARDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "1" },
    });
    await service.batch(named(2, "sealed"));
    await service.waitSealed();
    const keeper = await keeperOf(service);
    process.kill(keeper, "SIGSTOP");
    await service.batch(named(3, "kept"));
    await closed(service, 3);
    await service.batch(named(4, "lost"));
    await closed(service, 6);
    await service.batch(named(5, "after"));
    await closed(service, 10);
    remove(journalPath(service, 6));
    process.kill(keeper, "SIGCONT");
    const warning = await warned(service, "events 6 to 9 of shard 0 are missing");
    expect(warning).toContain("millrace quarantine 0000-");
    await counted(service, 10);
    expect(await service.count("event_name = 'lost'")).toBe(0);
    expect(service.stderr.match(/removed before it was sealed/g)?.length).toBe(1);
    await until(() => isHealthy(service), { what: "health to be ok", limitMs: 20_000 });
    await service.batch(named(1, "later"));
    await counted(service, 11);
    expect(await service.stop()).toBe(0);
    const verified = await millrace(["verify", service.dataDir]);
    expect([verified.code, verified.stdout.includes("events 6 to 9 of shard 0 are missing")]).toEqual([1, true]);
    await service.restart();
    await counted(service, 11);
    await warned(service, "events 6 to 9 of shard 0 are missing");
  });

test("B8: the open journal file is deleted: what comes after goes into the next one, a stop ends with 0, no sequence is used again", async () => {
  await using service = await startService({
    env: { MILLRACE_SHARDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
  });
  await service.batch(named(3, "lost"));
  unlinkSync(journalPath(service, 1));
  await warned(service, "events 1 to 3 of shard 0 are missing");
  await counted(service, 0);
  await service.batch(named(2, "after"));
  expect(existsSync(journalPath(service, 4))).toBe(true);
  expect(await service.stop()).toBe(0);
  await service.restart();
  await counted(service, 2);
  await warned(service, "events 1 to 3 of shard 0 are missing");
  const names = service.segmentPaths().map((path) => basename(path));
  expect(names).toEqual([expect.stringContaining("0000-0000000000000004-0000000000000005-")]);
});

test("B8: the last journal file is deleted just before a stop: it ends in time with 0, and the next start says exactly what is missing", async () => {
  await using service = await startService({
    env: { MILLRACE_SHARDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
  });
  await service.batch(named(3, "lost"));
  unlinkSync(journalPath(service, 1));
  expect(await service.stop()).toBe(0);
  await service.restart();
  const warning = await warned(service, "events 1 to 3 of shard 0 are missing");
  await service.batch(named(1, "after"));
  const [, stretch = ""] = /millrace quarantine (\S+)"/.exec(warning) ?? [];
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  expect(await millrace(["quarantine", stretch], { env })).toMatchObject({ code: 0 });
  expect(await service.stop()).toBe(0);
  expect((await millrace(["verify", service.dataDir])).code).toBe(0);
});

test("B8: a journal file that somebody emptied is told after a start, and its sequences are not used again", async () => {
  await using service = await startService({
    env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_SHARDS: "1" },
  });
  await service.batch(named(4, "sealed"));
  await service.stop();
  await service.restart();
  await service.batch(named(3, "lost"));
  await service.kill9();
  truncateSync(journalPath(service, 5));
  const verified = await millrace(["verify", service.dataDir]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain(basename(journalPath(service, 5)));
  await service.restart();
  await warned(service, "are missing");
  await service.batch(named(2, "after"));
  await service.stop();
  await service.restart();
  await counted(service, 6);
});
