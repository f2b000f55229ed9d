/** A disk that fills up: refusals and a health that says so, then service again when there is room; nothing lost. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { healthAnswer, shaped } from "../support/answers.ts";
import { mountSmallDisk } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { expectNoInsides } from "../support/refusals.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/**
 * A second: each segment is some 800 kB however few events it holds, and the small disk must hold those of all rounds.
 */
const unhurried = { MILLRACE_FLUSH_INTERVAL_SECONDS: "1" };

/** Writes until nothing fits. */
function fill(path: string) {
  const file = openSync(path, "w");
  for (let size = 1024 * 1024; size >= 512; size /= 2) {
    try {
      for (;;) writeSync(file, new Uint8Array(size));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
  }
  closeSync(file);
}

test("a full disk is a 503 and a degraded health; with room the service accepts again, and nothing is lost", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 48 });
  if (disk === undefined) return;
  await using service = await startService({ dataDir: join(disk.path, "data"), env: unhurried });
  const ledger = new Ledger();
  const ballast = join(disk.path, "ballast");
  const send = () => ledger.send(service, Ledger.ids(50));
  for (let round = 0; round < 3; round++) {
    await until(async () => (await send()) === "acknowledged", { what: "an accepted batch", limitMs: 10_000 });
    for (let batch = 0; batch < 10; batch++) await send();
    fill(ballast);
    await until(async () => (await send()) === "refused", { what: "a refusal", limitMs: 10_000, everyMs: 1 });
    await until(
      async () => {
        const response = await service.health();
        const text = await response.text();
        expectNoInsides(text);
        return response.status === 503 && shaped(healthAnswer, JSON.parse(text)).status === "degraded";
      },
      { what: "health to be degraded", limitMs: 10_000 },
    );
    // Stays up, and stays truthful, for as long as the disk is full.
    for (let batch = 0; batch < 20; batch++) expect(await send()).not.toBe("unanswered");
    rmSync(ballast);
    await until(async () => (await send()) === "acknowledged", { what: "room to be used", limitMs: 10_000 });
    await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
  }
  expect([...ledger.refusals.keys()]).toEqual([503]);
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
  // What was refused is a client's to retry; it is stored once, whatever the first attempt left behind.
  await ledger.retryAll(service);
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
  expect(await service.count()).toBe(ledger.acknowledged.size);
});

test("a kill -9 on a full disk loses nothing either", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 48 });
  if (disk === undefined) return;
  await using service = await startService({ dataDir: join(disk.path, "data"), env: unhurried });
  const ledger = new Ledger();
  const ballast = join(disk.path, "ballast");
  for (let batch = 0; batch < 20; batch++) await ledger.send(service, Ledger.ids(50));
  expect(ledger.acknowledged.size).toBe(1_000);
  fill(ballast);
  await until(async () => (await ledger.send(service, Ledger.ids(50))) === "refused", {
    what: "a refusal",
    limitMs: 10_000,
    everyMs: 1,
  });
  await service.kill9();
  rmSync(ballast);
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
});
