/**
 * kill -9 of the whole process at moments that nobody chose, many times on one folder, under load, with what was not
 * answered sent again inside new batches.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Ledger } from "../support/ledger.ts";
import { randomFrom, seedOfRun } from "../support/random.ts";
import { startService, testMsMax } from "../support/service.ts";
import { writeUntilGone } from "../support/writer.ts";

setDefaultTimeout(testMsMax);

/** The torture does it by the hundred. */
const rounds = 8;

/** Writers at once: more than shards and cores, so that groups hold several requests. */
const writers = 6;

test(`${rounds} kills under load lose nothing, double nothing, halve no batch`, async () => {
  const random = randomFrom(seedOfRun("kill.test.ts"));
  const ledger = new Ledger();
  await using service = await startService();
  let checked = 0;
  for (let round = 0; round < rounds; round++) {
    const acknowledgedBefore = ledger.acknowledged.size;
    const open = ledger.open();
    const writing = Array.from({ length: writers }, () => writeUntilGone(service, { ledger, random, open }));
    // From before the first answer to after the second flush.
    await Bun.sleep(random.between({ from: 5, to: 500 }));
    await service.kill9();
    await Promise.all(writing);
    // A crash during recovery is a crash like any other.
    if (random.onceIn(4)) await service.startAndKill({ afterMs: random.between({ from: 50, to: 600 }) });
    await service.restart();
    await service.waitSealed();
    expect({ round, broken: await ledger.violations(service) }).toEqual({ round, broken: [] });
    checked += ledger.acknowledged.size - acknowledgedBefore;
  }
  await ledger.retryAll(service);
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
  expect([...ledger.refusals.keys()].filter((status) => status !== 503)).toEqual([]);
  // A run in which hardly anything was acknowledged would prove nothing.
  expect(checked).toBeGreaterThan(rounds * 10);
  expect(await service.stop()).toBe(0);
}, 120_000);
