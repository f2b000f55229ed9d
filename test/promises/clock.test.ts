/** A clock far in the future, and one that jumps: the service starts, counts, deletes and stops as ever. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { shaped, statsAnswer } from "../support/answers.ts";
import { fakeClock } from "../support/clock.ts";
import { millrace } from "../support/command.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { compact, segmentsOf } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** Good in every year that a test visits. */
const longSeconds = 400 * 365 * 86_400;

const dayMs = 86_400_000;

async function send(service: Service, events: readonly object[]) {
  const token = service.token({ ttlSeconds: longSeconds });
  const response = await service.request(paths.batch, { body: JSON.stringify({ events }), token });
  expect(response.status).toBe(200);
}

async function statsOf(service: Service) {
  const token = service.token({ ttlSeconds: longSeconds });
  return shaped(statsAnswer, await (await service.request(paths.stats, { token })).json());
}

/** What the clock is set forward by to show noon, in UTC. */
const untilNoon = () => `+${Math.round((dayMs - ((Date.now() + dayMs / 2) % dayMs)) / 1_000)}`;

async function sealed(service: Service, events: number) {
  await until(async () => (await service.count()) === events, {
    what: `${events} events in the catalog`,
    limitMs: 20_000,
  });
}

test.each(["2038-01-19 03:14:06", "2038-01-20 10:00:00", "2100-02-28 23:30:00", "2299-12-31 12:00:00"])(
  "A5: a service starts at %s on what it sealed then, and counts today and this hour",
  async (time) => {
    using clock = fakeClock(`@${time}`);
    if (clock === undefined) return;
    await using service = await startService({ env: clock.env });
    const iso = `${time.replace(" ", "T")}Z`;
    const far = [
      "0001-01-01T00:00:00Z",
      "1969-12-31T23:59:59Z",
      "9999-12-31T23:59:59.999999Z",
      -62_135_596_800,
      253_402_300_799,
    ];
    await send(service, [
      ...far.map((timestamp) => ({ event_name: "far", timestamp })),
      { event_name: "now" },
      { event_name: "said", timestamp: iso },
    ]);
    await sealed(service, 7);
    for (let start = 1; start <= 2; start++) {
      const stats = await statsOf(service);
      expect([stats.total_events, stats.events_today, stats.events_this_hour]).toEqual([7, 2, 2]);
      if (start === 2) break;
      // After a restart it is the time of a file, which the machine's own clock gives.
      expect(stats.buffer_status.last_flush?.slice(0, 4) ?? time.slice(0, 4)).toBe(time.slice(0, 4));
      await service.restart();
    }
    const [row] = await service.rows(
      `SELECT (SELECT sum(events) FROM events_hourly WHERE hour >= TIMESTAMPTZ '${iso}' - INTERVAL 1 HOUR AND hour < '9999-01-01')::INTEGER AS late,
         (SELECT count(*) FROM events WHERE received_at >= TIMESTAMPTZ '${iso}' - INTERVAL 1 HOUR)::INTEGER AS received,
         (SELECT min(uuid_extract_timestamp(event_id)) >= TIMESTAMPTZ '${iso}' - INTERVAL 1 HOUR FROM events) AS ids`,
    );
    expect(row).toEqual({ late: 2, received: 7, ids: true });
    const years = "SELECT count(*)::INTEGER AS n FROM timeline(INTERVAL 1 YEAR) WHERE events > 0";
    const { code, stdout } = await millrace(["sql", years], {
      env: { ...clock.env, MILLRACE_DATA_DIR: service.dataDir },
    });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "n\n6\n" });
    expect(await service.stop()).toBe(0);
  },
);

test("A5: a running service whose clock jumps to 2100, and back, says what is of today and of this hour", async () => {
  // Away from midnight, so that the day does not change of itself.
  const usual = untilNoon();
  using clock = fakeClock(usual);
  if (clock === undefined) return;
  await using service = await startService({ env: clock.env });
  await send(service, [
    { event_name: "now" },
    { event_name: "then", timestamp: "2100-01-01T12:30:00Z" },
    { event_name: "then", timestamp: "2100-01-01T01:00:00Z" },
  ]);
  await sealed(service, 3);
  expect((await statsOf(service)).events_today).toBe(1);
  clock.set("@2100-01-01 12:00:00");
  await until(async () => (await statsOf(service)).events_today === 2, {
    what: "the day of the new clock",
    limitMs: 20_000,
  });
  expect((await statsOf(service)).events_this_hour).toBe(1);
  await send(service, [{ event_name: "now" }]);
  await sealed(service, 4);
  const then = await statsOf(service);
  expect([then.total_events, then.events_today, then.events_this_hour]).toEqual([4, 3, 2]);
  clock.set(usual);
  await until(async () => (await statsOf(service)).events_today === 1, {
    what: "the day of the old clock",
    limitMs: 20_000,
  });
  await send(service, [{ event_name: "now" }]);
  expect((await statsOf(service)).events_today).toBe(2);
  expect(await service.stop()).toBe(0);
});

test("C14: two days forward for 3 s, with a retention time of one day, drop nothing", async () => {
  using clock = fakeClock();
  if (clock === undefined) return;
  await using service = await startService({
    env: { ...clock.env, MILLRACE_RETENTION_DAYS: "1", MILLRACE_LOG: "info" },
  });
  await send(service, Array(50).fill({ event_name: "kept" }));
  await sealed(service, 50);
  clock.set("+2d");
  await until(() => service.stderr.includes("the clock jumped"), { what: "the jump to be told", limitMs: 20_000 });
  // Looks for something to do come every half second: six of them, at this clock.
  await Bun.sleep(3_000);
  clock.set("+0");
  await until(() => service.stderr.match(/the clock jumped/g)?.length === 2, {
    what: "the way back to be told",
    limitMs: 20_000,
  });
  await Bun.sleep(1_000);
  expect((await statsOf(service)).total_events).toBe(50);
  expect(await service.count()).toBe(50);
  expect(await service.stop()).toBe(0);
});

test("C14: replaced segments stay for their grace time though the clock jumps past it", async () => {
  using clock = fakeClock();
  if (clock === undefined) return;
  await using service = await startService({ env: { ...clock.env, MILLRACE_GRACE_SECONDS: "3600" } });
  for (const total of [1, 2]) {
    await send(service, [{ event_name: "merged" }]);
    await sealed(service, total);
  }
  await compact(service);
  const { replaced } = segmentsOf(service.dataDir);
  expect(replaced.length).toBeGreaterThan(0);
  clock.set("+2d");
  await Bun.sleep(2_000);
  expect(segmentsOf(service.dataDir).replaced).toEqual(replaced);
});

test.each(["+3d", "-3d"])(
  "C14: a stop during which the clock goes %s seals everything and ends in time",
  async (jump) => {
    using clock = fakeClock();
    if (clock === undefined) return;
    await using service = await startService({ env: { ...clock.env, MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
    await send(service, Array(100).fill({ event_name: "last" }));
    const beganMs = performance.now();
    service.signal("SIGTERM");
    clock.set(jump);
    expect(await service.exited()).toBe(0);
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    expect(await service.count()).toBe(100);
  },
);
