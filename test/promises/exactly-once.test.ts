/** An event_id that was accepted is stored once, however it comes back. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMetrics, sum } from "../support/prometheus.ts";
import { draws, fc } from "../support/property.ts";
import { type Service, sharedService, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const event = (event_id: string) => ({ event_name: "once", event_id });
const fresh = () => event(randomUUID());

async function expectOnce(of: Service, ids: readonly string[]) {
  await of.waitSealed();
  const list = ids.map((id) => `'${id}'`).join(",");
  const rows = await of.rows(`SELECT event_id, count(*)::INT AS n FROM events WHERE event_id IN (${list}) GROUP BY 1`);
  expect(rows.filter(({ n }) => n !== 1)).toEqual([]);
  expect(rows).toHaveLength(ids.length);
}

test("a repeat alone, and in another batch beside new events, is stored once", async () => {
  const [first, ...others] = [fresh(), fresh(), fresh(), fresh()];
  if (first === undefined) throw new Error("four events");
  expect(await service().track(first)).toMatchObject({ event_id: first.event_id, duplicate: false });
  expect(await service().track(first)).toMatchObject({ event_id: first.event_id, duplicate: true });
  expect(await service().batch([...others.slice(0, 2), first], "a")).toMatchObject({
    events_queued: 3,
    events_duplicate: 1,
  });
  expect(await service().batch([first, ...others], "b")).toMatchObject({ events_queued: 4, events_duplicate: 3 });
  await expectOnce(
    service(),
    [first, ...others].map(({ event_id }) => event_id),
  );
});

test("an id posted over 50 connections at once, in 50 batches, is new in exactly one of them", async () => {
  const shared = fresh();
  const own = Array.from({ length: 50 }, fresh);
  const answers = await Promise.all(own.map((mine, at) => service().batch([mine, shared], `client ${at}`)));
  expect(answers.reduce((total, { events_duplicate }) => total + events_duplicate, 0)).toBe(49);
  expect(answers.every(({ events_queued }) => events_queued === 2)).toBe(true);
  await expectOnce(
    service(),
    [shared, ...own].map(({ event_id }) => event_id),
  );
});

test("an id posted over 50 connections at once, alone, is new in exactly one answer", async () => {
  const shared = fresh();
  const answers = await Promise.all(Array.from({ length: 50 }, () => service().track(shared)));
  expect(answers.filter(({ duplicate }) => !duplicate)).toHaveLength(1);
  expect(new Set(answers.map(({ event_id }) => event_id))).toEqual(new Set([shared.event_id]));
  await expectOnce(service(), [shared.event_id]);
});

test("batches that share all their ids, in opposite orders, at once, end and store each id once", async () => {
  const events = Array.from({ length: 100 }, fresh);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, at) => service().batch(at % 2 === 0 ? events : events.toReversed(), `c${at}`)),
  );
  const stored = answers.reduce((total, answer) => total + answer.events_queued - answer.events_duplicate, 0);
  expect(stored).toBe(100);
  await expectOnce(
    service(),
    events.map(({ event_id }) => event_id),
  );
});

test("any overlap of batches sent at once stores each id once and counts every repeat", async () => {
  const overlap = fc.record({
    ids: fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 30 }),
    picks: fc.array(fc.array(fc.nat(), { minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 16 }),
  });
  await fc.assert(
    fc.asyncProperty(overlap, async ({ ids, picks }) => {
      const salted = ids.map(() => randomUUID());
      const batches = picks.map((batch) => batch.map((pick) => salted[pick % salted.length] ?? ""));
      const before = await service().stats();
      const answers = await Promise.all(batches.map((batch) => service().batch(batch.map(event))));
      const distinct = new Set(batches.flat()).size;
      const stored = answers.reduce((total, answer) => total + answer.events_queued - answer.events_duplicate, 0);
      expect(stored).toBe(distinct);
      expect((await service().stats()).total_events).toBe(before.total_events + distinct);
    }),
    draws(40, { withinMs: 20_000 }),
  );
  await service().waitSealed();
  expect(await service().rows("SELECT (count(*) - count(DISTINCT event_id))::INT AS extra FROM events")).toEqual([
    { extra: 0 },
  ]);
});

test("the number of shards may change between starts, also after kill -9", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "millrace-shards-"));
  try {
    const known: ReturnType<typeof fresh>[] = [];
    for (const shards of ["4", "1", "3", "2"]) {
      await using apart = await startService({
        dataDir,
        env: { MILLRACE_SHARDS: shards, MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
      });
      const newcomers = Array.from({ length: 40 }, fresh);
      const batches = Array.from({ length: 20 }, (_, at) => [
        ...newcomers.slice(2 * at, 2 * at + 2),
        ...known.slice(0, 9),
      ]);
      const answers = await Promise.all(batches.map((batch) => apart.batch(batch)));
      const duplicates = answers.reduce((total, { events_duplicate }) => total + events_duplicate, 0);
      expect(duplicates).toBe(known.length === 0 ? 0 : 20 * 9);
      known.push(...newcomers);
      expect((await apart.stats()).total_events).toBe(known.length);
      await apart.kill9();
    }
    await using last = await startService({ dataDir, env: { MILLRACE_SHARDS: "1" } });
    await expectOnce(
      last,
      known.map(({ event_id }) => event_id),
    );
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
});

test("the same id with other content is a duplicate, the first content stays, and it is counted as a conflict", async () => {
  const conflicts = async () =>
    sum(parseMetrics(await service().metricsText()), /^millrace_.*conflict.*(?<!_created)$/);
  const before = await conflicts();
  const event_id = randomUUID();
  await service().track({ event_name: "first", event_id, properties: { a: 1 } });
  expect(await service().track({ event_name: "second", event_id, properties: { a: 2 } })).toMatchObject({
    event_id,
    duplicate: true,
  });
  expect(await service().batch([{ event_name: "third", event_id }])).toMatchObject({ events_duplicate: 1 });
  expect(await conflicts()).toBe(before + 2);
  await service().waitSealed();
  expect(await service().rows(`SELECT event_name FROM events WHERE event_id = '${event_id}'`)).toEqual([
    { event_name: "first" },
  ]);
  expect(service().stderr).toContain(event_id);
});

test.each([
  ["kill -9 before anything was sealed", "3600", "kill9"],
  ["kill -9 after sealing", "0.2", "kill9"],
  ["a stop", "3600", "stop"],
] as const)("an id is known after %s", async (_what, interval, end) => {
  await using apart = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: interval } });
  const events = Array.from({ length: 60 }, fresh);
  const [alone, ...batched] = events;
  if (alone === undefined) throw new Error("sixty events");
  await apart.track(alone);
  await apart.batch(batched);
  if (interval === "0.2") await apart.waitSealed();
  for (let round = 0; round < 2; round++) {
    await apart[end]();
    await apart.restart();
    expect(await apart.track(alone)).toMatchObject({ event_id: alone.event_id, duplicate: true });
    const newcomer = fresh();
    expect(await apart.batch([...batched, newcomer])).toMatchObject({ events_queued: 60, events_duplicate: 59 });
    events.push(newcomer);
  }
  await apart.stop();
  await apart.restart();
  await expectOnce(
    apart,
    events.map(({ event_id }) => event_id),
  );
  expect(await apart.stats()).toMatchObject({ total_events: 62 });
});
