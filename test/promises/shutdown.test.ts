/** Stopping: nothing accepted is left behind, and the folder has one owner at a time. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { once } from "node:events";
import { symlinkSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import { queryFile, single } from "../support/catalog.ts";
import { millrace } from "../support/command.ts";
import { keeperOf } from "../support/keeper.ts";
import { isConnectionLost, Ledger } from "../support/ledger.ts";
import { entryPath, spawn } from "../support/process.ts";
import { expectPlainWords, expectRefused } from "../support/refusals.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** The contract's limit for a stop. */
const stopMsMax = 10_000;

/** An hour: nothing is sealed before the stop itself does it. */
const unhurried = { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" };

/** Sends batches until the service refuses or is gone. */
async function writeUntilRefused(service: Service, ledger: Ledger) {
  while ((await ledger.send(service, Ledger.ids(10))) === "acknowledged");
}

describe.each(["SIGTERM", "SIGINT"] as const)("%s", (signal) => {
  test("under load: exit 0 within 10 s, and everything acknowledged is sealed and in the catalog", async () => {
    await using service = await startService({ env: unhurried });
    const ledger = new Ledger();
    const writing = Array.from({ length: 4 }, () => writeUntilRefused(service, ledger));
    await until(() => ledger.acknowledged.size >= 2_000, { what: "two thousand events", limitMs: 10_000 });
    const startedMs = Date.now();
    expect(await service.stop(signal)).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(stopMsMax);
    await Promise.all(writing);
    // The service is gone: what it left is what an analyst finds.
    const rows = await queryFile(service.catalogPath, "SELECT event_id::VARCHAR AS id FROM events");
    const found = new Set(rows.map(({ id }) => id));
    expect(rows).toHaveLength(found.size);
    expect([...ledger.acknowledged].filter((id) => !found.has(id))).toEqual([]);
    expect(found.size).toBeGreaterThanOrEqual(ledger.acknowledged.size);
    // And what a refusal said was true: 503, or no answer at all.
    expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
    await service.restart();
    expect(await ledger.violations(service)).toEqual([]);
    expect((await service.stats()).buffer_status.events_pending).toBe(0);
  });

  test("while idle: exit 0", async () => {
    await using service = await startService();
    expect(await service.stop(signal)).toBe(0);
    expect(single(await queryFile(service.catalogPath, "SELECT count(*) FROM events"))).toBe(0);
  });

  test("a request that comes while it stops is a 503 with Retry-After, or meets no listener", async () => {
    await using service = await startService({ env: unhurried });
    for (let round = 0; round < 20; round++) await service.batch(Array(100).fill({ event_name: "to seal" }));
    service.signal(signal);
    const exited = service.exited();
    let accepted = 0;
    for (;;) {
      try {
        const response = await service.post(paths.track, { event_name: "late" });
        if (response.status === 200) accepted++;
        else await expectRefused(response, 503);
      } catch (error) {
        if (!isConnectionLost(error)) throw error;
        break;
      }
    }
    expect(await exited).toBe(0);
    const counted = single(await queryFile(service.catalogPath, "SELECT count(*) FROM events"));
    // What was on its way when the signal came may be stored without an answer, but not the other way round.
    expect(counted).toBeGreaterThanOrEqual(2_000 + accepted);
  });
});

test("health says stopping while it stops", async () => {
  await using service = await startService({ env: unhurried });
  for (let round = 0; round < 100; round++) await service.batch(Array(100).fill({ event_name: "to seal" }));
  service.signal("SIGTERM");
  for (;;) {
    try {
      const response = await service.health();
      if (response.status === 200) continue;
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ status: "stopping" });
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      break;
    }
  }
  expect(await service.exited()).toBe(0);
});

test.each([
  ["SIGTERM", "SIGTERM"],
  ["SIGINT", "SIGINT"],
  ["SIGINT", "SIGTERM"],
  ["SIGHUP", "SIGTERM"],
] as const)(
  "%s and %s at the same moment are one signal, as a terminal and a wrapper deliver it: all is sealed",
  async (first, second) => {
    await using service = await startService({ env: unhurried });
    for (let round = 0; round < 20; round++) await service.batch(Array(100).fill({ event_name: "to seal" }));
    service.signal(first);
    service.signal(second);
    expect(await service.exited()).toBe(0);
    expect(single(await queryFile(service.catalogPath, "SELECT count(*) FROM events"))).toBe(2_000);
  },
);

test("a second signal more than half a second later ends it at once, and nothing acknowledged is lost", async () => {
  await using service = await startService({ env: { ...unhurried, MILLRACE_LOG: "info" } });
  const ledger = new Ledger();
  for (let round = 0; round < 50; round++) await ledger.send(service, Ledger.ids(100));
  // The process that seals stands still, so the stop waits for it.
  process.kill(await keeperOf(service), "SIGSTOP");
  service.signal("SIGTERM");
  // It counts from when it took the first one, which may be late on a busy machine.
  await until(() => service.stderr.includes('"msg":"stopping"'), { what: "the stop to begin", limitMs: 10_000 });
  await Bun.sleep(700);
  service.signal("SIGTERM");
  expect(await service.exited()).toBe(128 + 15);
  await service.restart();
  await service.stop();
  await service.restart();
  expect(await ledger.violations(service)).toEqual([]);
});

test("after a stop nothing is left in the journal that the next start would replay", async () => {
  await using service = await startService({ env: unhurried });
  await service.batch(Array(100).fill({ event_name: "sealed" }));
  await service.stop();
  await service.restart();
  expect((await service.stats()).buffer_status).toMatchObject({ events_pending: 0, events_flushed_total: 100 });
});

test.each([
  ["half a body", 'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"event_'],
  ["half a head", "Content-Type: appl"],
])("a client that sent %s and then nothing does not hold the stop up", async (_what, rest) => {
  await using service = await startService({ env: unhurried });
  await service.track({ event_name: "whole" });
  const { hostname, port } = new URL(service.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  try {
    await once(socket, "connect");
    socket.write(`POST ${paths.track} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${service.token({})}\r\n${rest}`);
    // An answer to a request sent after it tells that the service has read what came before.
    await service.stats();
    const startedMs = Date.now();
    expect(await service.stop()).toBe(0);
    expect(Date.now() - startedMs).toBeLessThan(stopMsMax);
  } finally {
    socket.destroy();
  }
  expect(single(await queryFile(service.catalogPath, "SELECT count(*) FROM events"))).toBe(1);
});

describe("one folder, one service", () => {
  test("a second server on the folder of a running one exits 1 and says why; the first serves on", async () => {
    await using service = await startService();
    const second = await millrace(["serve"], {
      env: { PORT: "0", MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret },
    });
    expect(second.code).toBe(1);
    expect(second.stdout).not.toContain("listening on");
    expect(second.stderr).toContain(service.dataDir);
    expectPlainWords(second.stderr);
    expect(await service.track({ event_name: "still here" })).toMatchObject({ success: true });
    await service.waitSealed();
    expect(await service.count()).toBe(1);
  });

  test("of five that start at the same moment on one folder exactly one serves, also after a SIGKILL", async () => {
    await using owner = await startService();
    await owner.track({ event_name: "before" });
    await owner.kill9();
    const env = { PORT: "0", MILLRACE_DATA_DIR: owner.dataDir, MILLRACE_JWT_SECRET: owner.secret };
    const five = Array.from({ length: 5 }, () =>
      spawn([process.execPath, "--no-orphans", entryPath, "serve"], { env }),
    );
    try {
      const settled = () =>
        five.every(({ child, stdout }) => child.exitCode !== null || /listening on/.test(stdout.text));
      await until(settled, { what: "one to serve and four to refuse", limitMs: 15_000 });
      expect(five.map(({ child }) => child.exitCode).sort()).toEqual([1, 1, 1, 1, null]);
    } finally {
      for (const { child } of five) child.kill("SIGKILL");
      await Promise.all(five.map(({ child }) => child.exited));
    }
  });

  test("a folder is one folder under every path to it", async () => {
    await using service = await startService();
    const link = `${service.dataDir}-link`;
    symlinkSync(service.dataDir, link);
    try {
      const env = { PORT: "0", MILLRACE_DATA_DIR: link, MILLRACE_JWT_SECRET: service.secret };
      expect(await millrace(["serve"], { env })).toMatchObject({ code: 1 });
    } finally {
      unlinkSync(link);
    }
  });

  test("the lock does not outlive a SIGKILL", async () => {
    await using service = await startService({ env: unhurried });
    for (let round = 1; round <= 3; round++) {
      await service.track({ event_name: "killed" });
      await service.kill9();
      await service.restart();
      expect((await service.stats()).total_events).toBe(round);
    }
  });
});
