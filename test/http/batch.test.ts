/** POST /api/v1/analytics/batch: 1 to 100 events, kept whole or refused whole. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { shaped, validationAnswer } from "../support/answers.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const named = (name: string, count: number) => Array.from({ length: count }, () => ({ event_name: name }));

test("a 200 has the reference's fields in its order, then events_duplicate", async () => {
  const response = await service().post(paths.batch, { events: named("shape", 2) });
  expect(response.status).toBe(200);
  const keys = Object.keys(JSON.parse(await response.text()));
  expect(keys.slice(0, 6)).toEqual([
    "success",
    "events_received",
    "events_queued",
    "events_failed",
    "message",
    "timestamp",
  ]);
  expect(keys).toContain("events_duplicate");
});

test.each([1, 2, 100])("a batch of %i is counted in full and stored in full", async (size) => {
  const name = `sized ${size}`;
  expect(await service().batch(named(name, size))).toMatchObject({
    events_received: size,
    events_queued: size,
    events_failed: 0,
    events_duplicate: 0,
  });
  await service().waitSealed();
  expect(await service().count(`event_name = '${name}'`)).toBe(size);
});

test("client_id stands on each event of its batch, and nowhere else", async () => {
  await service().batch(named("of client", 3), "client “1” 😀");
  await service().batch(named("of client", 2), null);
  await service().batch(named("of client", 1));
  await service().waitSealed();
  expect(
    await service().rows(
      "SELECT client_id, count(*)::INT AS n FROM events WHERE event_name = 'of client' GROUP BY 1 ORDER BY 2",
    ),
  ).toEqual([
    { client_id: "client “1” 😀", n: 3 },
    { client_id: null, n: 3 },
  ]);
});

test("one bad event refuses the batch whole, with its index, and its neighbours' ids stay free", async () => {
  const before = await service().stats();
  const good = [randomUUID(), randomUUID()].map((event_id) => ({ event_name: "neighbour", event_id }));
  const response = await service().post(paths.batch, { events: [good[0], { event_name: "" }, good[1]] });
  expect(response.status).toBe(422);
  const { detail } = shaped(validationAnswer, await response.json());
  expect(detail.map(({ loc }) => loc)).toEqual([["body", "events", 1, "event_name"]]);
  expect(await service().stats()).toMatchObject({ total_events: before.total_events });
  expect(await service().batch(good)).toMatchObject({ events_queued: 2, events_duplicate: 0 });
});

test("repeats inside one batch are stored once and counted as queued", async () => {
  const [a, b] = [randomUUID(), randomUUID()];
  const events = [a, b, a, a].map((event_id) => ({ event_name: "repeats", event_id }));
  const before = await service().stats();
  expect(await service().batch(events)).toMatchObject({
    events_received: 4,
    events_queued: 4,
    events_failed: 0,
    events_duplicate: 2,
  });
  expect((await service().stats()).total_events).toBe(before.total_events + 2);
  await service().waitSealed();
  expect(await service().count("event_name = 'repeats'")).toBe(2);
});

test("a batch that holds only repeats is a 200 that stores nothing", async () => {
  const events = Array.from({ length: 100 }, () => ({ event_name: "again", event_id: randomUUID() }));
  await service().batch(events);
  expect(await service().batch(events)).toMatchObject({ events_queued: 100, events_duplicate: 100 });
  await service().waitSealed();
  expect(await service().count("event_name = 'again'")).toBe(100);
});

test("events of one batch may differ in every field", async () => {
  const events = [
    { event_name: "mix 1", category: "error", properties: { a: [1, { b: null }] }, timestamp: 0 },
    { event_name: "mix 2", priority: "low", session_id: "s", timestamp: "2024-01-01" },
    { event_name: "mix 3", event_id: randomUUID() },
  ];
  expect(await service().batch(events)).toMatchObject({ events_queued: 3 });
  await service().waitSealed();
  expect(
    await service().rows(
      `SELECT event_name, category, priority, epoch_us("timestamp") AS micros FROM events
       WHERE event_name IN ('mix 1', 'mix 2') ORDER BY 1`,
    ),
  ).toEqual([
    { event_name: "mix 1", category: "error", priority: "medium", micros: "0" },
    { event_name: "mix 2", category: "user_action", priority: "low", micros: "1704067200000000" },
  ]);
});
