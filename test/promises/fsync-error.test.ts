/** A disk that fails to sync: no 200 for what may not be there, and nothing that was acknowledged goes. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failingSyncs } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** A folder for the tracer's log. */
function logFolder() {
  const path = mkdtempSync(join(tmpdir(), "millrace-strace-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

const syncsIn = (log: string) => ({
  done: [...log.matchAll(/f(?:data)?sync.*= 0$/gm)].length,
  failed: [...log.matchAll(/INJECTED/g)].length,
});

test("from the first sync that fails on, no 200; after a restart on a good disk every 200 holds", async () => {
  using folder = logFolder();
  const logPath = join(folder.path, "syncs");
  // From the 30th of each thread on: after start, and within the first events of each shard.
  const wrapper = failingSyncs({ calls: ["fsync", "fdatasync"], from: 30, logPath });
  if (wrapper === undefined) return;
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" }, wrapper });
  const ledger = new Ledger();
  const send = () => ledger.send(service, Ledger.ids(1), { alone: true });
  const before = syncsIn(readFileSync(logPath, "utf8")).done;
  while (syncsIn(readFileSync(logPath, "utf8")).failed === 0) expect(await send()).not.toBe("unanswered");
  for (let event = 0; event < 200; event++) expect(await send()).not.toBe("unanswered");
  // One after another, each event waits for a sync of its own: there cannot be more of one than of the other.
  const { done } = syncsIn(readFileSync(logPath, "utf8"));
  expect(ledger.acknowledged.size).toBeLessThanOrEqual(done - before);
  expect([...ledger.refusals.keys()]).toEqual([503]);
  expect((await service.health()).status).toBe(503);
  expect((await service.stats()).total_events).toBeGreaterThanOrEqual(ledger.acknowledged.size);
  await service.kill9();
  await service.restart();
  await service.stop();
  await service.restart();
  expect(await ledger.violations(service)).toEqual([]);
  await ledger.retryAll(service);
  await service.stop();
  await service.restart();
  expect(await ledger.violations(service)).toEqual([]);
  expect(await service.count()).toBe(ledger.acknowledged.size);
});

test("a flush that fails loses nothing: its events are made into a segment again", async () => {
  using folder = logFolder();
  // fsync alone: segments and folders are synced by it.
  const wrapper = failingSyncs({ calls: ["fsync"], from: 12, logPath: join(folder.path, "syncs") });
  if (wrapper === undefined) return;
  await using service = await startService({ wrapper });
  const ledger = new Ledger();
  await until(
    async () => {
      await ledger.send(service, Ledger.ids(20));
      return syncsIn(readFileSync(join(folder.path, "syncs"), "utf8")).failed > 3;
    },
    { what: "flushes to fail", limitMs: 20_000, everyMs: 50 },
  );
  // What the catalog shows meanwhile is whole, and each event once.
  expect(await service.rows("SELECT (count(*) - count(DISTINCT event_id))::INT AS extra FROM events")).toEqual([
    { extra: 0 },
  ]);
  expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
  await service.kill9();
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
});
