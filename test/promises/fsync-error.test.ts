/** A disk that fails to sync: no 200 for what may not be there, and nothing that was acknowledged goes. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { callLog, faultyCalls } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { expectNoInsides, expectRefused } from "../support/refusals.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** What an analyst sees is whole, and each event once, whatever goes wrong behind it. */
async function expectNoDoubles(service: Service) {
  expect(await service.rows("SELECT (count(*) - count(DISTINCT event_id))::INT AS doubles FROM events")).toEqual([
    { doubles: 0 },
  ]);
}

test("from the first sync that fails on, no 200; after a restart on a good disk every 200 holds", async () => {
  using log = callLog();
  // From the 30th of each thread on: after start, and within the first events of each shard.
  const wrapper = faultyCalls({ calls: "sync", fault: "error", from: 30, logPath: log.path });
  if (wrapper === undefined) return;
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" }, wrapper });
  const ledger = new Ledger();
  const send = () => ledger.send(service, Ledger.ids(1), { alone: true });
  const doneBefore = log.done();
  while (log.failed() === 0) expect(await send()).not.toBe("unanswered");
  for (let event = 0; event < 200; event++) expect(await send()).not.toBe("unanswered");
  // One after another, each event waits for a sync of its own: there cannot be more of one than of the other.
  expect(ledger.acknowledged.size).toBeLessThanOrEqual(log.done() - doneBefore);
  expect([...ledger.refusals.keys()]).toEqual([503]);
  await expectRefused(await service.post(paths.track, { event_name: "not durable" }), 503);
  const health = await service.health();
  expect(health.status).toBe(503);
  expectNoInsides(await health.text());
  await service.kill9();
  await service.restart();
  await service.stop();
  await service.restart();
  // The one that was posted outside the ledger may have reached the file, as any refused event may.
  expect((await ledger.violations(service)).filter((violation) => !violation.includes("never sent"))).toEqual([]);
  await ledger.retryAll(service);
  await service.stop();
  await service.restart();
  expect(await service.count("event_name = 'ledger'")).toBe(ledger.acknowledged.size);
  await expectNoDoubles(service);
});

test.each([
  ["of the journal", "dataSync", 20],
  ["of segments, catalog and folders", "folderSync", 12],
] as const)(
  "syncs %s that fail for a moment: the service goes on by itself, and loses nothing",
  async (_of, calls, from) => {
    using log = callLog();
    const wrapper = faultyCalls({ calls, fault: "error", from, to: from + 2, logPath: log.path });
    if (wrapper === undefined) return;
    await using service = await startService({ wrapper });
    const ledger = new Ledger();
    const someFailed = async () => {
      await ledger.send(service, Ledger.ids(20));
      return log.failed() >= 3;
    };
    await until(someFailed, { what: "three syncs to fail", limitMs: 20_000 });
    await expectNoDoubles(service);
    expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
    // Each thread has its own first three to fail; after them, all is well.
    await ledger.retryAll(service);
    await service.waitSealed(20_000);
    expect(await ledger.violations(service)).toEqual([]);
    await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
    expect(await service.stop()).toBe(0);
    await service.restart();
    expect(await ledger.violations(service)).toEqual([]);
  },
);

test("flushes that fail until the end lose nothing: the next start seals from the journal", async () => {
  using log = callLog();
  const wrapper = faultyCalls({ calls: "folderSync", fault: "error", from: 12, logPath: log.path });
  if (wrapper === undefined) return;
  await using service = await startService({ wrapper });
  const ledger = new Ledger();
  const someFailed = async () => {
    await ledger.send(service, Ledger.ids(20));
    return log.failed() > 3;
  };
  await until(someFailed, { what: "flushes to fail", limitMs: 20_000, everyMs: 50 });
  await expectNoDoubles(service);
  expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
  await service.kill9();
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
});
