/** A snapshot is whole or not there, stays as it is, and a service goes on from it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { queryFile, single } from "../support/catalog.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { type Fault, faultyCalls, mountSmallDisk } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { expectNoLeftovers } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const countOf = async (folder: string) =>
  single(await queryFile(join(folder, "millrace.duckdb"), "SELECT count(*) FROM events"));

async function snapshot(service: Service, path: string) {
  const { code, stdout, stderr } = await millrace(["snapshot", path], { env: { MILLRACE_DATA_DIR: service.dataDir } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

async function restore(path: string, dataDir: string) {
  const { code, stderr } = await millrace(["restore", path], { env: { MILLRACE_DATA_DIR: dataDir } });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

/** A service with `batches` of ten events sealed, a segment each. */
async function serviceWith(batches: number): Promise<Service> {
  const service = await startService({ env: { MILLRACE_SHARDS: "1" } });
  await sendBatches(service, batches);
  return service;
}

async function sendBatches(service: Service, batches: number): Promise<void> {
  for (let at = 0; at < batches; at++) {
    const timestamp = `2026-03-0${at + 1}T10:00:00.000001Z`;
    await service.batch(Ledger.ids(10).map((event_id) => ({ event_name: "kept", event_id, timestamp })));
    await service.waitSealed();
  }
}

const shared = sharedService({ env: { MILLRACE_SHARDS: "1" } });

/** A running service with two batches, for tests that change nothing of it. */
async function twoBatches(): Promise<Service> {
  if ((await shared().stats()).total_events === 0) await sendBatches(shared(), 2);
  return shared();
}

/** Every file below a folder with its bytes. */
function contentOf(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path, Bun.hash(readFileSync(path)).toString()];
    }),
  );
}

test("a snapshot tells what it holds, shares its bytes, and is readable when the data folder is gone", async () => {
  using scratch = temporaryFolder();
  const path = join(scratch.path, "a snapshot");
  {
    await using service = await serviceWith(3);
    const told = await snapshot(service, path);
    expect(told).toContain("3 segments (3 linked, 0 copied), 30 events");
    expect(told).toContain("from 2026-03-01T10:00:00.000001Z to 2026-03-03T10:00:00.000001Z");
    const summary = JSON.parse(readFileSync(join(path, "snapshot.json"), "utf8"));
    expect(summary).toMatchObject({ segments: 3, linked: 3, copied: 0, events: 30 });
    expect(summary.bytes).toBe(service.segmentPaths().reduce((sum, each) => sum + statSync(each).size, 0));
    expect(summary.first_timestamp).toBe("2026-03-01T10:00:00.000001Z");
    expect(existsSync(join(path, "secret"))).toBe(false);
    await service.track({ event_name: "later" });
    await service.waitSealed();
  }
  expect(await countOf(path)).toBe(30);
  const { code } = await millrace(["verify", path]);
  expect(code).toBe(0);
});

test("a snapshot before the first event is empty, and can be restored", async () => {
  using scratch = temporaryFolder();
  await using service = await startService();
  const path = join(scratch.path, "empty");
  mkdirSync(path);
  expect(await snapshot(service, path)).toContain("0 events");
  expect(await countOf(path)).toBe(0);
  await restore(path, join(scratch.path, "data"));
  expect(await countOf(join(scratch.path, "data"))).toBe(0);
});

test("snapshots taken during ingest and merges never hold less than the one before, no id twice, and no id without its event", async () => {
  using scratch = temporaryFolder();
  // Replaced segments go at once: a snapshot may lose one between its name and its link.
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "0" } });
  const ledger = new Ledger();
  let isLoading = true;
  const write = async () => {
    while (isLoading) {
      await ledger.send(service, Ledger.ids(10));
      // Each snapshot shall find another state, and few events do for that.
      await Bun.sleep(20);
    }
  };
  const merge = async () => {
    const admin = service.token({ scope: "admin" });
    while (isLoading) {
      const { status } = await service.request("/api/v1/analytics/compact", { token: admin, body: "{}" });
      expect(status).toBe(200);
    }
  };
  const load = [write(), write(), merge()];
  const counts: number[] = [];
  for (let at = 0; at < 8; at++) {
    const path = join(scratch.path, String(at));
    await snapshot(service, path);
    const [row] = await queryFile(
      join(path, "millrace.duckdb"),
      "SELECT count(*) AS rows, count(DISTINCT event_id) AS ids FROM events",
    );
    expect(row?.["rows"]).toBe(row?.["ids"] ?? "");
    counts.push(Number(row?.["rows"]));
  }
  isLoading = false;
  await Promise.all(load);
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(new Set(counts).size).toBeGreaterThan(3);
  // What the last one lacks is stored when it is sent again; what it has is known.
  const dataDir = join(scratch.path, "data");
  await restore(join(scratch.path, "7"), dataDir);
  await using restored = await startService({ dataDir });
  const ids = [...ledger.acknowledged];
  let repeats = 0;
  for (let at = 0; at < ids.length; at += 100) {
    const again = ids
      .slice(at, at + 100)
      .map((event_id) => ({ event_name: "ledger", event_id, properties: { of: 10 } }));
    repeats += (await restored.batch(again)).events_duplicate;
  }
  expect(repeats).toBe(counts.at(-1) ?? 0);
  await restored.waitSealed();
  expect(await restored.count()).toBe(ids.length);
  expect(single(await restored.rows("SELECT count(DISTINCT event_id) FROM events"))).toBe(ids.length);
});

test("a restored folder goes on: stats, catalog and repeats agree, and the snapshot stays as it is", async () => {
  using scratch = temporaryFolder();
  const service = await twoBatches();
  const [known] = await service.rows("SELECT event_id::VARCHAR AS id FROM events");
  const path = join(scratch.path, "snapshot");
  await snapshot(service, path);
  const before = contentOf(path);
  const dataDir = join(scratch.path, "data");
  await restore(path, dataDir);
  expect(await countOf(dataDir)).toBe(20);
  await using restored = await startService({ dataDir });
  expect((await restored.stats()).total_events).toBe(20);
  const again = { event_name: "kept", event_id: String(known?.["id"]), timestamp: "2026-03-01T10:00:00.000001Z" };
  expect(await restored.track(again)).toMatchObject({ duplicate: true });
  await restored.track({ event_name: "new" });
  await restored.waitSealed();
  expect(await restored.count()).toBe(21);
  await restored.stop();
  rmSync(dataDir, { recursive: true });
  expect(contentOf(path)).toEqual(before);
  expect(await countOf(path)).toBe(20);
});

test("a copy of a snapshot restores as well, and a folder's secret stays", async () => {
  using scratch = temporaryFolder();
  const service = await twoBatches();
  await snapshot(service, join(scratch.path, "first"));
  const copy = join(scratch.path, "elsewhere");
  await runToEnd(["cp", "-r", join(scratch.path, "first"), copy]);
  rmSync(join(scratch.path, "first"), { recursive: true });
  const dataDir = join(scratch.path, "data");
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "secret"), `${"s".repeat(40)}\n`);
  await restore(copy, dataDir);
  expect(readFileSync(join(dataDir, "secret"), "utf8")).toContain("ssss");
  expect(await countOf(dataDir)).toBe(20);
});

test("on another disk the segments are copied", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 32 });
  if (disk === undefined) return;
  const service = await twoBatches();
  const path = join(disk.path, "snapshot");
  expect(await snapshot(service, path)).toContain("(0 linked, 2 copied)");
  expect(await countOf(path)).toBe(20);
});

test("nothing is overwritten: not a folder that holds something, nor one that a server has", async () => {
  using scratch = temporaryFolder();
  await using service = await serviceWith(1);
  const env = { MILLRACE_DATA_DIR: service.dataDir };
  const path = join(scratch.path, "snapshot");
  await snapshot(service, path);
  const full = join(scratch.path, "full");
  mkdirSync(full);
  writeFileSync(join(full, "mine"), "mine");
  const refused = [
    await millrace(["snapshot", full], { env }),
    await millrace(["snapshot", join(full, "mine")], { env }),
    await millrace(["snapshot", join(scratch.path, "other")], { env: { MILLRACE_DATA_DIR: full } }),
    await millrace(["restore", path], { env }),
    await millrace(["restore", full], { env: { MILLRACE_DATA_DIR: join(scratch.path, "data") } }),
  ];
  await service.stop();
  refused.push(await millrace(["restore", path], { env }));
  for (const { code, stdout, stderr } of refused) {
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expectPlainWords(stderr);
  }
  expect(readdirSync(full)).toEqual(["mine"]);
  expect(await service.count()).toBe(10);
});

test("a snapshot that lost a segment is refused", async () => {
  using scratch = temporaryFolder();
  const service = await twoBatches();
  const path = join(scratch.path, "snapshot");
  await snapshot(service, path);
  const [segment = ""] = readdirSync(join(path, "segments"));
  rmSync(join(path, "segments", segment));
  const dataDir = join(scratch.path, "data");
  const { code, stderr } = await millrace(["restore", path], { env: { MILLRACE_DATA_DIR: dataDir } });
  expect(code).toBe(1);
  expect(stderr).toContain("not a whole snapshot");
  await using fresh = await startService({ dataDir });
  expect((await fresh.stats()).total_events).toBe(0);
});

/** Runs a command that ends by SIGKILL at a step; false where tracing is refused. */
async function killedAt(fault: Pick<Fault, "calls" | "from">, words: readonly string[], dataDir: string) {
  const wrapper = faultyCalls({ ...fault, fault: "kill", to: fault.from, logPath: "/dev/null" });
  if (wrapper === undefined) return false;
  const command = [...wrapper, process.execPath, entryPath, ...words];
  const { code } = await runToEnd(command, { env: { MILLRACE_DATA_DIR: dataDir } });
  expect(code).toBe(null);
  return true;
}

test.each([
  ["link", 2],
  ["dataSync", 1],
  ["folderSync", 6],
  ["folderSync", 7],
  ["remove", 2],
] as const)(
  "kill -9 at %s number %i of a snapshot leaves all of it or nothing, and the next run makes it",
  async (calls, from) => {
    using scratch = temporaryFolder();
    const service = await twoBatches();
    const path = join(scratch.path, "snapshot");
    if (!(await killedAt({ calls, from }, ["snapshot", path], service.dataDir))) return;
    if (existsSync(path)) expect(await countOf(path)).toBe(20);
    else await snapshot(service, path);
    expect(await countOf(path)).toBe(20);
    expect(readdirSync(scratch.path)).toEqual(["snapshot"]);
  },
);

test.each([
  ["link", 2],
  ["rename", 1],
  ["rename", 2],
  ["rename", 3],
  ["folderSync", 7],
] as const)(
  "kill -9 at %s number %i of a restore leaves all of it or nothing, to a start and to the next run",
  async (calls, from) => {
    using scratch = temporaryFolder();
    const service = await twoBatches();
    const [known] = await service.rows("SELECT event_id::VARCHAR AS id FROM events");
    const again = { event_name: "kept", event_id: String(known?.["id"]), timestamp: "2026-03-01T10:00:00.000001Z" };
    const path = join(scratch.path, "snapshot");
    await snapshot(service, path);
    const [first, second] = [join(scratch.path, "first"), join(scratch.path, "second")];
    for (const dataDir of [first, second]) if (!(await killedAt({ calls, from }, ["restore", path], dataDir))) return;
    {
      await using started = await startService({ dataDir: first });
      const { total_events } = await started.stats();
      expect([0, 20]).toContain(total_events);
      // Known only where its event is.
      expect((await started.track(again)).duplicate).toBe(total_events === 20);
      await expectNoLeftovers(first);
    }
    const { code, stderr } = await millrace(["restore", path], { env: { MILLRACE_DATA_DIR: second } });
    if (code !== 0) expect(stderr).toContain("holds events");
    await using finished = await startService({ dataDir: second });
    expect((await finished.stats()).total_events).toBe(20);
    expect(await finished.count()).toBe(20);
    expect((await finished.track(again)).duplicate).toBe(true);
  },
);
