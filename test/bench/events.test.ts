import { expect, test } from "bun:test";
import { batchBodies, idPlace, seededChance, singleBodies } from "../../bench/load/events.ts";
import { batchEventsMax } from "../../src/event/limits.ts";

const nowMs = Date.parse("2024-11-03T12:00:00Z");
const bytesEach = (bodies: readonly string[]) =>
  bodies.reduce((total, body) => total + Buffer.byteLength(body), 0) / bodies.length;

test("the same seed makes the same bodies, another seed makes others", () => {
  const make = (seed: number) => batchBodies({ seed, nowMs, ids: "server", count: 2 });
  expect(make(7)).toEqual(make(7));
  expect(make(7)).not.toEqual(make(8));
});

test("events have the sizes that the figures are given for", () => {
  expect(bytesEach(singleBodies({ seed: 1, nowMs, ids: "server", count: 1_000 }))).toBeWithin(240, 265);
  expect(bytesEach(batchBodies({ seed: 1, nowMs, ids: "server", count: 20 })) / batchEventsMax).toBeWithin(345, 375);
});

test("a batch has as many events as were asked for", () => {
  for (const eventsPerBatch of [1, 10, batchEventsMax])
    for (const body of batchBodies({ seed: 1, nowMs, ids: "server", count: 3, eventsPerBatch }))
      expect(JSON.parse(body).events).toHaveLength(eventsPerBatch);
});

test("few names carry most of the traffic", () => {
  const seen = new Map<string, number>();
  for (const body of singleBodies({ seed: 1, nowMs, ids: "server", count: 2_000 })) {
    const { event_name } = JSON.parse(body);
    seen.set(event_name, (seen.get(event_name) ?? 0) + 1);
  }
  const counts = [...seen.values()].sort((a, b) => b - a);
  expect(counts.length).toBeGreaterThan(8);
  expect((counts[0] ?? 0) + (counts[1] ?? 0) + (counts[2] ?? 0)).toBeGreaterThan(1_000);
});

test("a place for the client's id is in each event when clients make them, and in none otherwise", () => {
  const places = (ids: "server" | "client") =>
    (batchBodies({ seed: 1, nowMs, ids, count: 1 })[0] ?? "").split(idPlace).length - 1;
  expect(places("client")).toBe(batchEventsMax);
  expect(places("server")).toBe(0);
});

test("the seeded stream stays within 0 and 1, and is spread evenly", () => {
  const chance = seededChance(42);
  const values = Array.from({ length: 10_000 }, () => chance());
  expect(values.every((value) => value >= 0 && value < 1)).toBe(true);
  expect(values.reduce((total, value) => total + value, 0) / values.length).toBeCloseTo(0.5, 1);
});
