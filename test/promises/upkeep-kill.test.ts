/** kill -9 at each step of compaction and retention, of the service and of the process that writes segments again. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { faultyCalls, killAtCall } from "../support/faults.ts";
import { sealLaid } from "../support/journals.ts";
import { endedByStep } from "../support/keeper.ts";
import { type NamedStep, sealFive, stepIn } from "../support/kill-steps.ts";
import { Ledger } from "../support/ledger.ts";
import { startService, testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";
import { until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  compact,
  erase,
  expectSoundFolder,
  killRewriter,
  leftovers,
  rewriterOf,
  segmentsOf,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const mergeSteps: readonly NamedStep[] = [
  { what: "as a merged segment gets its name", calls: "rename", nth: 1 },
  { what: "before that name is durable", calls: "folderSync", path: "segments", nth: 1 },
  { what: "before the catalog names it", calls: "rename", path: "millrace.duckdb.tmp", nth: 1 },
  { what: "half-way through the files that were replaced", calls: "remove", path: "segment 2", nth: 1 },
];

test.each(mergeSteps)("kill -9 of a compaction $what loses nothing and doubles nothing", async (step) => {
  await using service = await startService({ env: briefGrace });
  const ledger = new Ledger();
  for (let round = 0; round < 5; round++) {
    await ledger.send(service, Ledger.ids(20));
    await until(() => segmentsOf(service.dataDir).current.length === round + 1, { what: "a segment", limitMs: 10_000 });
  }
  {
    await using armed = await killAtCall(service.pid, stepIn(service, step));
    if (armed === undefined) return;
    const compacting = compact(service).catch(() => undefined);
    await endedByStep(service);
    await compacting;
  }
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
  expect((await compact(service)).segments).toBe(1);
  expect(await ledger.violations(service)).toEqual([]);
  await until(() => segmentsOf(service.dataDir).replaced.length === 0, {
    what: "replaced files to go",
    limitMs: 10_000,
  });
  await expectSoundFolder(service);
});

/** Three segments: expired, expired in part, and young. What has a service end at a step begins with a copy of them. */
const withExpired = copiesOf({ env: briefGrace }, async (service) => {
  const longAgo = Date.now() - 10 * 86_400_000;
  const old = Array.from({ length: 10 }, () => ({ receivedMs: longAgo, event: { event_name: "old" } }));
  // A day ahead: the retention time is of seconds, because nothing goes before the clocks have agreed for as long.
  const tomorrow = Date.now() + 86_400_000;
  const young = Array.from({ length: 10 }, () => ({ receivedMs: tomorrow, event: { event_name: "young" } }));
  await sealLaid(service, [
    [{ from: 1 }, old],
    [{ from: 11 }, [...old, ...young]],
    [{ shard: 1, from: 1 }, young],
  ]);
  expect(await agreedCount(service)).toBe(40);
});

// Of the keeper: its first rename is the catalog of the start.
test.each([
  ["rename", 2],
  ["rename", 3],
  ["remove", 7],
] as const)(
  "kill -9 at a thread's %s number %i while expired events go: they go, and nothing else",
  async (calls, nth) => {
    await using service = withExpired({ MILLRACE_RETENTION_DAYS: String(1 / 86_400) });
    const wrapper = faultyCalls({ calls, fault: "kill", from: nth, to: nth, logPath: "/dev/null" });
    if (wrapper === undefined) return;
    await service.restart({ wrapper }).catch(() => undefined);
    await endedByStep(service);
    await service.restart();
    await until(async () => (await service.stats()).total_events === 20, {
      what: "what expired to go",
      limitMs: 15_000,
    });
    expect(await agreedCount(service)).toBe(20);
    expect(await service.count("event_name = 'young'")).toBe(20);
    await expectSoundFolder(service);
  },
);

test("a rewriting process that is killed has changed nothing: it is asked again, and leaves no file", async () => {
  await using service = await startService({ env: briefGrace });
  await sealFive(service, () => Array(20).fill({ event_name: "e", session_id: "s" }));
  for (const afterMs of [0, 150, 300]) {
    // Something to do, also where the process before was quicker than its end.
    await service.batch(Array(20).fill({ event_name: "e", session_id: "s" }));
    const compacting = compact(service).then(
      () => "done",
      (error: unknown) => String(error),
    );
    await killRewriter(service, compacting, afterMs);
    expect(await compacting).toMatch(/^done$|answered 503/);
    expect(leftovers(service.dataDir).filter((path) => /segments|spill/.test(path))).toEqual([]);
  }
  expect(await agreedCount(service)).toBe(160);
  // An erasure whose process is killed goes on by itself.
  let erasures = 0;
  for (let isKilled = false; !isKilled; erasures += 1) {
    // Where the process was quicker than its end, there is something to do again.
    if (erasures > 0) await service.batch(Array(20).fill({ event_name: "e", session_id: "s" }));
    const erasing = erase(service, { session_id: "s" }).catch(String);
    await until(() => existsSync(join(service.dataDir, "erasure.json")), {
      what: "the erasure",
      limitMs: 10_000,
      everyMs: 1,
    });
    await killRewriter(service, erasing);
    isKilled = String(await erasing).includes("answered 503");
  }
  await until(async () => (await service.rows("FROM erasures")).length === erasures, {
    what: "its receipt",
    limitMs: 40_000,
  });
  const events = String(160 + 20 * (erasures - 1));
  expect(await service.rows("SELECT sum(events)::BIGINT AS events FROM erasures")).toEqual([{ events }]);
  expect(await agreedCount(service)).toBe(0);
  await expectSoundFolder(service);
});

test("a rewriting process that stands still holds up neither events nor erasures nor a stop", async () => {
  await using service = await startService({ env: briefGrace });
  await sealFive(service, () => Array(20).fill({ event_name: "e", session_id: "s" }));
  const compacting = compact(service).catch(() => undefined);
  process.kill(await rewriterOf(service), "SIGSTOP");
  await service.batch(Array(20).fill({ event_name: "meanwhile" }));
  await service.waitSealed();
  expect((await erase(service, { session_id: "s" })).erased).toBe(100);
  await compacting;
  expect(await agreedCount(service)).toBe(20);
  await service.batch(Array(20).fill({ event_name: "meanwhile" }));
  const again = compact(service).catch(() => undefined);
  process.kill(await rewriterOf(service), "SIGSTOP");
  // It ends with code 0: a stop that is not done after 9 s ends with another.
  await expectSoundFolder(service);
  await again;
});
