/**
 * A2: a step that committed and then failed is recognized as done by the next try, without a restart, and nothing is
 * there twice.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { queryFile, single } from "../support/catalog.ts";
import { runToEnd } from "../support/command.ts";
import { callLog, type Fault, faultyCalls, faultyFromNow } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { entryPath } from "../support/process.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/**
 * Lets calls on one path of a running service fail, one fault after another: sends until each has failed as often as
 * its `from` and `to` say, and waits until everything is sealed.
 */
async function sealDespite(
  faults: readonly (Omit<Fault, "logPath" | "path" | "to"> & { to: number })[],
  folder: Folder,
) {
  await using service = await startService();
  const ledger = new Ledger();
  await ledger.send(service, Ledger.ids(5));
  await service.waitSealed();
  for (const fault of faults) {
    using log = callLog();
    const path = folder(service.dataDir);
    await using faulty = await faultyFromNow(service.pid, { ...fault, path, logPath: log.path });
    if (faulty === undefined) return;
    const failed = async () => {
      await ledger.send(service, Ledger.ids(5));
      return log.failed() > fault.to - fault.from;
    };
    await until(failed, { what: `the fault ${JSON.stringify(fault)}`, limitMs: 20_000 });
    // Events go on arriving while the flush is tried again.
    for (let batch = 0; batch < 10; batch++) expect(await ledger.send(service, Ledger.ids(5))).toBe("acknowledged");
    await service.waitSealed();
    await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
    expect({ fault, broken: await ledger.violations(service) }).toEqual({ fault, broken: [] });
  }
  expect([...ledger.refusals.keys()]).toEqual([]);
  expect(await service.rows("SELECT (count(*) - count(DISTINCT event_id))::INT AS doubles FROM events")).toEqual([
    { doubles: 0 },
  ]);
  expect(await service.stop()).toBe(0);
}

type Folder = (dataDir: string) => string;

const segments: Folder = (dataDir) => join(dataDir, "segments");

test("a flush of which the first, second or fifth sync of segments/ fails once with EIO goes on by itself", async () => {
  await sealDespite(
    [1, 2, 5].map((nth) => ({ calls: "folderSync", fault: "error", from: nth, to: nth })),
    segments,
  );
});

test("a flush whose sync of segments/ fails four times in a row goes on by itself", async () => {
  await sealDespite([{ calls: "folderSync", fault: "error", from: 1, to: 4 }], segments);
});

test("a flush of which any one of the first six opens of segments/ finds no descriptor goes on by itself", async () => {
  await sealDespite(
    [1, 2, 3, 4, 5, 6].map((nth) => ({ calls: "open", fault: { error: "EMFILE" }, from: nth, to: nth })),
    segments,
  );
});

const root: Folder = (dataDir) => dataDir;

test.each([1, 2])(
  "a merge whose sync after the rename fails %i times is done once, and each event is there once",
  async (times) => {
    using log = callLog();
    await using service = await startService({ env: { MILLRACE_SHARDS: "1" } });
    for (let round = 0; round < 3; round++) {
      await service.track({ event_name: "merged" });
      await service.waitSealed();
    }
    const fault = { calls: "folderSync", fault: "error", from: 1, to: times, path: segments(service.dataDir) } as const;
    await using faulty = await faultyFromNow(service.pid, { ...fault, logPath: log.path });
    if (faulty === undefined) return;
    const compact = async () => {
      const token = service.token({ scope: "admin" });
      return (await service.request("/api/v1/analytics/compact", { method: "POST", token })).status;
    };
    await until(async () => (await compact()) === 200, { what: "the compaction", limitMs: 20_000 });
    expect(log.failed()).toBeGreaterThan(0);
    await service.waitSealed();
    expect(await service.count()).toBe(3);
    expect(await service.stop()).toBe(0);
    await service.restart();
    expect((await service.stats()).total_events).toBe(3);
  },
);

test.each([
  ["folderSync", 1],
  ["folderSync", 2],
  ["folderSync", 3],
  ["dataSync", 1],
  ["dataSync", 2],
] as const)("an erasure whose %s number %i fails comes to its end by itself, with one receipt", async (calls, nth) => {
  using log = callLog();
  await using service = await startService({ env: { MILLRACE_SHARDS: "1", MILLRACE_GRACE_SECONDS: "0.2" } });
  await service.batch([{ event_name: "goes", session_id: "theirs" }, { event_name: "stays" }]);
  await service.waitSealed();
  const fault = { calls, fault: "error", from: nth, to: nth } as const;
  await using faulty = await faultyFromNow(service.pid, {
    ...fault,
    ...(calls === "folderSync" ? { path: root(service.dataDir) } : {}),
    logPath: log.path,
  });
  if (faulty === undefined) return;
  const token = service.token({ scope: "admin" });
  const body = JSON.stringify({ session_id: "theirs" });
  const answer = await service.request("/api/v1/analytics/erase", { body, token });
  expect([200, 503]).toContain(answer.status);
  if (answer.status === 503 && !existsSync(join(service.dataDir, "erasure.json")))
    expect((await service.request("/api/v1/analytics/erase", { body, token })).status).toBe(200);
  const isDone = async () =>
    !existsSync(join(service.dataDir, "erasure.json")) && (await service.rows("FROM erasures")).length > 0;
  await until(isDone, { what: "the receipt", limitMs: 20_000 });
  expect(log.failed()).toBeGreaterThan(0);
  expect(await service.rows("SELECT events::INT AS events FROM erasures")).toEqual([{ events: 1 }]);
  expect(await service.count()).toBe(1);
});

test("a snapshot or a restore of which any one sync of a folder fails is done by the same command again", async () => {
  using temporary = temporaryFolder();
  await using service = await startService();
  await service.batch(Array(5).fill({ event_name: "carried" }));
  await service.waitSealed();
  await service.stop();
  /** Fails the sync of this number, if there are that many; gives whether there were. */
  const run = async (nth: number, words: readonly string[], dataDir: string, path: string) => {
    using log = callLog();
    const wrapper = faultyCalls({ calls: "folderSync", fault: "error", from: nth, to: nth, path, logPath: log.path });
    if (wrapper === undefined) return false;
    const command = [process.execPath, entryPath, ...words];
    const env = { MILLRACE_DATA_DIR: dataDir };
    const failed = await runToEnd([...wrapper, ...command], { env });
    const isHit = log.failed() > 0;
    expect({ nth, code: failed.code, error: failed.stderr }).toMatchObject({ nth, code: isHit ? 1 : 0 });
    if (!isHit) return false;
    const again = await runToEnd(command, { env });
    expect({ nth, code: again.code, error: again.stderr }).toEqual({ nth, code: 0, error: "" });
    return true;
  };
  const taken = (nth: number) => join(temporary.path, `taken-${nth}`);
  let snapshots = 1;
  while (await run(snapshots, ["snapshot", taken(snapshots)], service.dataDir, temporary.path)) snapshots++;
  const restored = (nth: number) => join(temporary.path, `restored-${nth}`);
  let restores = 1;
  while (await run(restores, ["restore", taken(snapshots)], restored(restores), restored(restores))) restores++;
  if (snapshots + restores === 2) return;
  // The root is synced when it is made, and after the rename that counts.
  expect(snapshots).toBeGreaterThan(1);
  expect(restores).toBeGreaterThan(2);
  for (let nth = 1; nth < restores; nth++)
    expect(single(await queryFile(join(restored(nth), "millrace.duckdb"), "SELECT count(*) FROM events"))).toBe(5);
  await using again = await startService({ dataDir: restored(restores - 1) });
  expect((await again.stats()).total_events).toBe(5);
});

test("a catalog whose name was given before the sync failed is published again", async () => {
  await sealDespite([{ calls: "folderSync", fault: "error", from: 1, to: 2 }], root);
});
