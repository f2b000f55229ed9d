/** The end at chosen steps: as a file is renamed, removed or synced, where a kill at random hardly ever falls. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { faultyCalls } from "../support/faults.ts";
import { endedByStep } from "../support/keeper.ts";
import { Ledger } from "../support/ledger.ts";
import { Service, testMsMax } from "../support/service.ts";
import { patience } from "../support/until.ts";

setDefaultTimeout(testMsMax);

/** Long enough for the step to come at least in one thread, under the tracer. Milliseconds. */
const loadMsMax = 10_000 * patience;

// The first ones of each thread are steps of the start itself.
test.each([
  ["rename", 1],
  ["rename", 2],
  ["rename", 3],
  ["remove", 2],
  ["remove", 3],
  ["remove", 5],
  ["folderSync", 3],
  ["folderSync", 6],
  ["folderSync", 8],
  ["dataSync", 3],
] as const)("kill -9 at a thread's %s number %i loses nothing and doubles nothing", async (calls, from) => {
  const wrapper = faultyCalls({ calls, fault: "kill", from, to: from, logPath: "/dev/null" });
  if (wrapper === undefined) return;
  await using service = new Service({});
  const ledger = new Ledger();
  // Rejects where the step is one of the start: then there is no load, and the next start has what is left to mend.
  const listens = await service.restart({ wrapper }).then(
    () => true,
    () => false,
  );
  const endMs = Date.now() + loadMsMax;
  const isKeeperGone = () => service.stderr.includes(`"actor":"keeper"`);
  const write = async () => {
    while (
      listens &&
      !isKeeperGone() &&
      Date.now() < endMs &&
      (await ledger.send(service, Ledger.ids(7))) !== "unanswered"
    );
  };
  await Promise.all([write(), write(), write()]);
  // By the step, not by the test.
  await endedByStep(service);
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
  await ledger.retryAll(service);
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
});
