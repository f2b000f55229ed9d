/** GET /api/v1/analytics/stats: exact, at once, and after every restart. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { categories } from "../support/arbitraries.ts";
import { paths, type Service, sharedService, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService({ env: { MILLRACE_MAX_BUFFER_EVENTS: "54321" } });

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Pending and flushed make up the whole, in one and the same answer. */
async function consistentStats(of: Service) {
  const stats = await of.stats();
  const { events_pending, events_flushed_total } = stats.buffer_status;
  expect(events_pending + events_flushed_total).toBe(stats.total_events);
  const byCategory = Object.values(stats.events_by_category).reduce((sum, count) => sum + count, 0);
  expect(byCategory).toBe(stats.total_events);
  return stats;
}

test("a new service counts nothing, names all eight categories, and has not flushed", async () => {
  await using fresh = await startService();
  const stats = await consistentStats(fresh);
  expect(stats).toMatchObject({ total_events: 0, events_today: 0, events_this_hour: 0 });
  expect(new Set(Object.keys(stats.events_by_category))).toEqual(new Set(categories));
  expect(stats.buffer_status).toMatchObject({ last_flush: null, events_pending: 0, events_flushed_total: 0 });
});

test("the fields are the reference's, in its order", async () => {
  const answer = JSON.parse(await (await service().request(paths.stats)).text());
  expect(Object.keys(answer).slice(0, 5)).toEqual([
    "total_events",
    "events_by_category",
    "events_today",
    "events_this_hour",
    "buffer_status",
  ]);
  expect(Object.keys(answer.buffer_status).slice(0, 6)).toEqual([
    "buffer_size",
    "max_buffer_size",
    "flush_interval_seconds",
    "last_flush",
    "events_pending",
    "events_flushed_total",
  ]);
  expect(answer.buffer_status).toMatchObject({ max_buffer_size: 54321, flush_interval_seconds: 0.2 });
});

test("an event acknowledged before the call is counted, each time", async () => {
  let { total_events } = await service().stats();
  for (let event = 0; event < 50; event++) {
    await service().track({ event_name: "own write", category: "auth" });
    expect((await consistentStats(service())).total_events).toBe(++total_events);
  }
});

test("a hundred writers at once are counted to the last event, while flushes run", async () => {
  const before = await service().stats();
  const writers = Array.from({ length: 100 }, async (_, writer) => {
    for (let round = 0; round < 5; round++) {
      await service().batch(Array(writer % 7 === 0 ? 50 : 3).fill({ event_name: "many", category: "feature" }));
      if (writer === 0) await consistentStats(service());
    }
  });
  await Promise.all(writers);
  const sent = 5 * (15 * 50 + 85 * 3);
  const after = await consistentStats(service());
  expect(after.total_events).toBe(before.total_events + sent);
  expect(after.events_by_category.feature).toBe(before.events_by_category.feature + sent);
});

test("each category is counted apart", async () => {
  const before = await service().stats();
  await service().batch(
    categories.flatMap((category, at) => Array.from({ length: at + 1 }, () => ({ event_name: "apart", category }))),
  );
  const after = await service().stats();
  for (const [at, category] of categories.entries()) {
    expect(after.events_by_category[category]).toBe(before.events_by_category[category] + at + 1);
  }
});

test("today and this hour are by timestamp, in UTC, to the microsecond", async () => {
  await using apart = await startService();
  const hour = Math.floor(Date.now() / hourMs) * hourMs;
  const day = Math.floor(hour / dayMs) * dayMs;
  const micros = (ms: number, less: number) => BigInt(ms) * 1000n - BigInt(less);
  // The edges of the hour and of the day, one microsecond before each, and far away.
  const edges = [hour, hour + hourMs, day, day + dayMs, 0].flatMap((ms) => [micros(ms, 0), micros(ms, 1)]);
  const iso = (at: bigint) => {
    const ms = Number((at - (((at % 1000n) + 1000n) % 1000n)) / 1000n);
    const rest = String(((at % 1000n) + 1000n) % 1000n).padStart(3, "0");
    return new Date(ms).toISOString().replace("Z", `${rest}Z`);
  };
  await apart.batch(edges.map((at) => ({ event_name: "edge", timestamp: iso(at) })));
  const expectedAt = (nowMs: number) => {
    const within = (length: number) => {
      const start = BigInt(Math.floor(nowMs / length) * length) * 1000n;
      return edges.filter((at) => at >= start && at < start + BigInt(length) * 1000n).length;
    };
    return { events_today: within(dayMs), events_this_hour: within(hourMs) };
  };
  const compare = async () => {
    for (;;) {
      const before = Date.now();
      const stats = await apart.stats();
      // An hour that turns during the call leaves open which one was meant.
      if (Math.floor(before / hourMs) !== Math.floor(Date.now() / hourMs)) continue;
      expect(stats).toMatchObject({ total_events: edges.length, ...expectedAt(before) });
      return;
    }
  };
  await compare();
  await apart.waitSealed();
  await compare();
  await apart.stop();
  await apart.restart();
  await compare();
});

test("an event without a timestamp is of today and of this hour", async () => {
  await using apart = await startService();
  const hourOf = () => Math.floor(Date.now() / hourMs);
  const before = hourOf();
  await apart.track({ event_name: "now" });
  const stats = await apart.stats();
  if (before === hourOf()) expect(stats).toMatchObject({ events_today: 1, events_this_hour: 1 });
});

test("a flush moves pending to flushed and sets last_flush", async () => {
  await service().track({ event_name: "to flush" });
  await service().waitSealed();
  const { total_events, buffer_status } = await consistentStats(service());
  expect(buffer_status).toMatchObject({ events_pending: 0, events_flushed_total: total_events });
  expect(Math.abs(Date.now() - Date.parse(buffer_status.last_flush ?? ""))).toBeLessThan(10_000);
});

test("duplicates are counted nowhere", async () => {
  const event = { event_name: "twice", event_id: randomUUID(), category: "system" };
  await service().track(event);
  const before = await service().stats();
  await service().track(event);
  await service().batch([event, event]);
  const after = await consistentStats(service());
  expect(after.total_events).toBe(before.total_events);
  expect(after.events_by_category).toEqual(before.events_by_category);
});

test("stats survive a stop, a kill -9 with events pending, and both again", async () => {
  await using apart = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  const batch = categories.map((category) => ({ event_name: "survives", category, timestamp: "2001-02-03T04:05:06Z" }));
  let total = 0;
  for (const end of ["stop", "kill9", "stop", "kill9", "kill9"] as const) {
    await apart.batch(batch);
    total += batch.length;
    const before = await consistentStats(apart);
    await apart[end]();
    await apart.restart();
    const after = await consistentStats(apart);
    expect(after).toMatchObject({
      total_events: total,
      events_by_category: before.events_by_category,
      events_today: 0,
      events_this_hour: 0,
    });
  }
});

test("B14: last_flush is null before the first flush, and known after a restart", async () => {
  await using own = await startService({ env: { MILLRACE_SHARDS: "2" } });
  const lastFlush = async () => (await own.stats()).buffer_status.last_flush;
  expect(await lastFlush()).toBeNull();
  await own.track({ event_name: "flushed" });
  await own.waitSealed();
  const before = Date.parse((await lastFlush()) ?? "");
  for (const end of [() => own.stop(), () => own.kill9()]) {
    await end();
    await own.restart();
    // The file's time is of its last write, which a seal is done with a little later.
    const after = Date.parse((await lastFlush()) ?? "");
    expect(after).toBeLessThanOrEqual(before);
    expect(after).toBeGreaterThan(before - 60_000);
  }
});
