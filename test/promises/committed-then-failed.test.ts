/** A2: a step that committed and then failed is recognized as done by the next try, without a restart, and nothing is there twice. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { join } from "node:path";
import { callLog, type Fault, faultyFromNow } from "../support/faults.ts";
import { Ledger } from "../support/ledger.ts";
import { startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** Lets calls on one path of a running service fail, sends until `times` of them have, and waits until everything is sealed. */
async function sealDespite(fault: Omit<Fault, "logPath" | "path">, folder: (dataDir: string) => string, times: number) {
  using log = callLog();
  await using service = await startService();
  const ledger = new Ledger();
  await ledger.send(service, Ledger.ids(5));
  await service.waitSealed();
  await using faulty = await faultyFromNow(service.pid, { ...fault, path: folder(service.dataDir), logPath: log.path });
  if (faulty === undefined) return;
  const failed = async () => {
    await ledger.send(service, Ledger.ids(5));
    return log.failed() >= times;
  };
  await until(failed, { what: "the fault", limitMs: 20_000 });
  // Events go on arriving while the flush is tried again.
  for (let batch = 0; batch < 20; batch++) expect(await ledger.send(service, Ledger.ids(5))).toBe("acknowledged");
  await service.waitSealed();
  await until(async () => (await service.health()).status === 200, { what: "health to be ok", limitMs: 10_000 });
  expect([...ledger.refusals.keys()]).toEqual([]);
  expect(await ledger.violations(service)).toEqual([]);
  expect(await service.rows("SELECT (count(*) - count(DISTINCT event_id))::INT AS doubles FROM events")).toEqual([
    { doubles: 0 },
  ]);
  expect(await service.stop()).toBe(0);
}

const segments = (dataDir: string) => join(dataDir, "segments");

test.each([1, 2, 5])("a flush whose %i-th sync of segments/ fails once with EIO goes on by itself", async (nth) => {
  await sealDespite({ calls: "folderSync", fault: "error", from: nth, to: nth }, segments, 1);
});

test("a flush whose sync of segments/ fails four times in a row goes on by itself", async () => {
  await sealDespite({ calls: "folderSync", fault: "error", from: 1, to: 4 }, segments, 4);
});

test.each([1, 2, 3, 4, 5, 6])(
  "a flush whose %i-th open of segments/ finds no descriptor goes on by itself",
  async (nth) => {
    await sealDespite({ calls: "open", fault: { error: "EMFILE" }, from: nth, to: nth }, segments, 1);
  },
);

test("a catalog whose name was given before the sync failed is published again", async () => {
  await sealDespite({ calls: "folderSync", fault: "error", from: 1, to: 2 }, (dataDir) => dataDir, 2);
});
