/** What was received longer ago than the retention time goes, and nothing else. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { sealLaid } from "../support/journals.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  compact,
  expectSoundFolder,
  filesWith,
  segmentsOf,
  wholeContent,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const dayMs = 86_400_000;

/** Text of expired events, to be looked for in the bytes of files. */
const mark = "a-text-of-what-has-expired-8c1d2f";

/**
 * A retention time of three seconds: nothing goes before the clocks have agreed for that long, or for ten minutes where
 * the time is longer. Days of retention are had by moving what was received into the days to come.
 */
const briefRetention = String(3 / 86_400);

/** Events received this many days ago, seen from the end of the days of retention; their own time says the contrary. */
function received(count: number, daysAgo: number, { name, retentionDays }: { name: string; retentionDays: number }) {
  const isOld = daysAgo > 1;
  return Array.from({ length: count }, () => ({
    receivedMs: Date.now() - (daysAgo - retentionDays) * dayMs,
    event: {
      event_name: name,
      session_id: isOld ? mark : "young",
      timestamp: { text: `${isOld ? "2030" : "2001"}-01-01T00:00:00.000000Z`, hour: isOld ? 525_960 : 271_752 },
    },
  }));
}

/** Old, partly old and young segments, sealed by a service that keeps all. */
async function sealedHistory(env: Record<string, string>, retentionDays: number): Promise<Service> {
  const service = await startService({ env });
  const goes = { name: "goes", retentionDays };
  const later = { name: "goes a day later", retentionDays };
  const stays = { name: "stays", retentionDays };
  await sealLaid(service, [
    [{ from: 1 }, received(10, 3, goes)],
    [{ from: 11 }, [...received(4, 2.5, goes), ...received(6, 0, stays)]],
    [{ from: 21 }, [...received(3, 1.5, later), ...received(2, 0.1, stays)]],
    [{ from: 26 }, received(8, 0.9, stays)],
    [{ shard: 1, from: 1 }, received(7, 900, goes)],
  ]);
  expect(await agreedCount(service)).toBe(40);
  return service;
}

test("segments that expired whole go, those that expired in part are written anew, and nothing younger goes", async () => {
  const env: Record<string, string> = { ...briefGrace };
  await using service = await sealedHistory(env, 1);
  const before = await wholeContent(service);
  env["MILLRACE_RETENTION_DAYS"] = briefRetention;
  await service.restart();
  await until(async () => (await service.stats()).total_events === 19, { what: "what expired to go", limitMs: 40_000 });
  await until(() => segmentsOf(service.dataDir).replaced.length === 0, {
    what: "replaced files to go",
    limitMs: 40_000,
  });
  expect(await agreedCount(service)).toBe(19);
  expect(await wholeContent(service)).toEqual(before.filter((event) => !event.includes("'event_name': goes,")));
  expect(
    await service.rows(
      "SELECT event_name, sum(events)::INTEGER AS events FROM events_hourly GROUP BY ALL ORDER BY ALL",
    ),
  ).toEqual([
    { event_name: "goes a day later", events: 3 },
    { event_name: "stays", events: 16 },
  ]);
  // New events and merges go on as ever; without a retention time, for the new ones would go in seconds.
  env["MILLRACE_RETENTION_DAYS"] = "0";
  await service.restart();
  await service.batch(Array(5).fill({ event_name: "stays" }));
  await compact(service);
  expect(await agreedCount(service)).toBe(24);
  await expectSoundFolder(service);
});

test("nothing of what expired is left in the bytes of the folder; without a retention time nothing goes at all", async () => {
  const env: Record<string, string> = { ...briefGrace };
  await using service = await sealedHistory(env, 0.5);
  await compact(service);
  expect(await agreedCount(service)).toBe(40);
  const needles = new Map([[mark, Buffer.from(mark)]]);
  expect(filesWith(service.dataDir, needles).length).toBeGreaterThan(0);
  // Half a day: of each of these segments something has been expired for more than a day, or all of it has.
  env["MILLRACE_RETENTION_DAYS"] = briefRetention;
  await service.restart();
  await until(async () => (await service.stats()).total_events === 8, { what: "what expired to go", limitMs: 40_000 });
  await until(() => segmentsOf(service.dataDir).replaced.length === 0, {
    what: "replaced files to go",
    limitMs: 40_000,
  });
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  expect(await agreedCount(service)).toBe(8);
  await expectSoundFolder(service);
});
