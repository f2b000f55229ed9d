/** Segments become few by themselves, and nobody who reads notices anything but that. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { queryFile, single } from "../support/catalog.ts";
import { millrace } from "../support/command.ts";
import { layEvents } from "../support/journals.ts";
import { Ledger } from "../support/ledger.ts";
import { spawn } from "../support/process.ts";
import { Service, startService, testMsMax } from "../support/service.ts";
import { patience, until } from "../support/until.ts";
import {
  agreedCount,
  briefGrace,
  compact,
  erase,
  expectSoundFolder,
  segmentsOf,
  wholeContent,
} from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const reading = Type.Union([
  Type.Object({ rows: Type.Integer(), ids: Type.Integer() }),
  Type.Object({ error: Type.String() }),
]);

/** Dozens of flushes, and merges of merges: by the rule of sizes, fewer than half as many stay, whatever the pace. */
const segmentsMade = 60;
const ingestMsMax = 35_000;

/** Values that a careless copy would change. */
const unusual = [
  { event_name: "n", properties: '{"price":1.50,"id":9007199254740993,"big":1e400,"zero":-0.0,"e":1E+2}' },
  { event_name: "null", properties: "null" },
  { event_name: "empty", properties: "{}", session_id: "", page_url: "" },
  { event_name: "nul", properties: '{"a\\u0000b":"\\u0000"}', session_id: "s\\u0000t", referrer: "\\u0000" },
  { event_name: "\u{1f980}'\\\"", properties: '{"__proto__":{"x":["\\u2028",[[[]]]]}}', user_agent: "ü\\n\\t" },
  { event_name: "old", properties: '{"a":1,"b":{"c":null}}', timestamp: "0001-01-01T00:00:00.000001Z" },
  { event_name: "new", properties: `{"long":"${"x".repeat(100_000)}"}`, timestamp: "9999-12-31T23:59:59.999999Z" },
];

/** The body of an event, whose values are JSON text within already. */
function bodyOf(event: Readonly<Record<string, string>>): string {
  const fields = Object.entries(event).map(([name, text]) =>
    name === "properties"
      ? `"properties":${text}`
      : `"${name}":${name === "event_name" ? JSON.stringify(text) : `"${text}"`}`,
  );
  return `{${fields.join(",")}}`;
}

/** Sends batches one after another until it is enough; gives how many events. */
async function ingest(service: Service, isEnough: () => boolean): Promise<number> {
  const batch = Array.from({ length: 50 }, (_, index) => ({ event_name: `name ${index % 7}`, session_id: `${index}` }));
  let sent = 0;
  while (!isEnough()) {
    sent += (await service.batch(batch)).events_queued;
    // Flushes are what is wanted, not events: they would cost the service little, and the reader, who counts them all
    // again and again, much.
    await Bun.sleep(40);
  }
  return sent;
}

test("many flushes become few segments by themselves, and a reader sees each event once all the time", async () => {
  await using service = await startService({
    env: { MILLRACE_GRACE_SECONDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "0.1" },
  });
  const program = join(import.meta.dirname, "../support/catalog-reader.ts");
  const reader = spawn([process.execPath, "--no-orphans", program, service.catalogPath], { env: {} });
  const made = new Set<string>();
  const look = setInterval(() => {
    for (const file of segmentsOf(service.dataDir).current) made.add(file);
  }, 50);
  try {
    const endMs = Date.now() + ingestMsMax * patience;
    const isEnough = () => made.size >= segmentsMade || Date.now() > endMs;
    const sent = (await Promise.all([ingest(service, isEnough), ingest(service, isEnough)])).reduce((a, b) => a + b, 0);
    await service.waitSealed();
    // What was replaced goes, and a few segments of each size stay.
    await until(
      () => {
        const { current, replaced } = segmentsOf(service.dataDir);
        return replaced.length === 0 && current.length < made.size / 2;
      },
      { what: "few segments", limitMs: 15_000, state: () => JSON.stringify(segmentsOf(service.dataDir)) },
    );
    expect(made.size).toBeGreaterThanOrEqual(segmentsMade);
    const lines = () => reader.stdout.text.split("\n").slice(0, -1);
    await until(() => lines().at(-1)?.includes(`:${sent},`), { what: `the reader to count ${sent}`, limitMs: 10_000 });
    const readings = lines().map((line) => shaped(reading, JSON.parse(line)));
    expect(readings.filter((one) => "error" in one)).toEqual([]);
    const counts = readings.filter((one) => "rows" in one);
    expect(counts.filter(({ rows, ids }) => rows !== ids)).toEqual([]);
    expect(counts.filter(({ rows }, at) => rows < (counts[at - 1]?.rows ?? 0))).toEqual([]);
    expect(new Set(counts.map(({ rows }) => rows)).size).toBeGreaterThan(5);
    expect(await agreedCount(service)).toBe(sent);
  } finally {
    clearInterval(look);
    reader.child.kill("SIGKILL");
  }
  await expectSoundFolder(service);
});

test("replaced segments stay for the grace time, and a catalog that was opened before can be read until then", async () => {
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "3600" } });
  for (let round = 0; round < 2; round++) {
    await service.batch(Array(10).fill({ event_name: "stays" }));
    await service.waitSealed();
  }
  const before = segmentsOf(service.dataDir).current;
  await compact(service);
  const { current, replaced } = segmentsOf(service.dataDir);
  expect(current).toHaveLength(1);
  expect(replaced.filter((file) => before.includes(file))).toEqual(before);
  // Restarts do not end it.
  await service.restart();
  await service.track({ event_name: "more" });
  await service.waitSealed();
  expect(segmentsOf(service.dataDir).replaced).toEqual(replaced);
  expect(await agreedCount(service)).toBe(21);
});

test("what is merged is what was sent, in every column, with and without a running server", async () => {
  await using service = await startService({ env: briefGrace });
  for (let round = 0; round < 3; round++) {
    for (const event of unusual) await service.track(bodyOf(event));
    await service.waitSealed();
  }
  const before = await wholeContent(service);
  expect(before.join("\n")).toContain('"price":1.50,"id":9007199254740993,"big":1e400,"zero":-0.0,"e":1E+2');
  const { segments } = await compact(service);
  expect(segments).toBe(segmentsOf(service.dataDir).current.length);
  expect(segments).toBe(1);
  expect(await wholeContent(service)).toEqual(before);
  expect(await agreedCount(service)).toBe(before.length);
  // Nothing is left to do.
  expect(await compact(service)).toEqual({ merges: 0, repeats_removed: 0, segments: 1 });
  await service.track({ event_name: "one more" });
  expect(await service.stop()).toBe(0);
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_GRACE_SECONDS: "0" };
  const { code, stdout } = await millrace(["compact"], { env });
  expect({ code, stdout }).toEqual({ code: 0, stdout: "1 merges, 0 repeats removed, 1 segments\n" });
  await service.restart();
  const after = await wholeContent(service);
  expect(before.filter((event) => !after.includes(event))).toEqual([]);
  expect(after).toHaveLength(before.length + 1);
  expect(await agreedCount(service)).toBe(after.length);
  await expectSoundFolder(service);
});

test("`millrace compact` reaches the running server, and ends while events come in without pause", async () => {
  await using service = await startService({ env: { ...briefGrace, MILLRACE_FLUSH_INTERVAL_SECONDS: "0.1" } });
  let isOver = false;
  const sending = (async () => {
    let sent = 0;
    while (!isOver) sent += (await service.batch(Array(20).fill({ event_name: "goes on" }))).events_queued;
    return sent;
  })();
  await until(() => segmentsOf(service.dataDir).current.length > 4, { what: "some segments", limitMs: 10_000 });
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const { code, stdout, stderr } = await millrace(["compact"], { env });
  isOver = true;
  // The last batch is answered before anything is counted: it may come between two of the counts.
  const sent = await sending;
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^[1-9]\d* merges, 0 repeats removed, \d+ segments\n$/);
  expect(await agreedCount(service)).toBe(sent);
});

test("a merged segment is in an order in which one session, one name, one stretch of time lie together", async () => {
  await using service = await startService({ env: briefGrace });
  const names = 5;
  for (let round = 0; round < 40; round++) {
    const batch = Array.from({ length: 100 }, (_, index) => ({
      event_name: `name ${index % names}`,
      session_id: `session ${index % 97}`,
      timestamp: new Date(Date.UTC(2026, 0, 1, 0, round, index % 60)).toISOString(),
    }));
    await service.batch(batch);
  }
  await compact(service);
  const [file] = segmentsOf(service.dataDir).current;
  const changes = single(
    await queryFile(
      join(service.dataDir, "segments", file ?? ""),
      `SELECT count(*) FROM (SELECT event_name, lag(event_name) OVER (ORDER BY rowid) AS before FROM events)
       WHERE event_name IS DISTINCT FROM before`,
    ),
  );
  // Four parts of time with four of sessions in each, and each name once in a part; as they came it was each time
  // another.
  expect(changes).toBeLessThanOrEqual(4 * 4 * names);
  expect(await agreedCount(service)).toBe(4_000);
});

test("a session_id with the character U+0000 does not keep segments from being merged, nor itself from being erased", async () => {
  await using service = await startService({ env: briefGrace });
  await service.batch(Array(100).fill({ event_name: "nul", session_id: "a\0'b" }));
  await service.batch([{ event_name: "other", session_id: "a" }]);
  expect((await compact(service)).segments).toBe(1);
  expect((await erase(service, { session_id: "a\0'b" })).erased).toBe(100);
  expect(await agreedCount(service)).toBe(1);
});

test("an event_id that comes again after its id was forgotten is stored once after compaction: as it came first", async () => {
  await using service = await startService({ env: briefGrace });
  const ids = Array.from({ length: 20 }, () => randomUUID());
  const send = (name: string) => service.batch(ids.map((event_id) => ({ event_name: name, event_id })));
  await send("first");
  expect((await send("known")).events_duplicate).toBe(20);
  await service.waitSealed();
  await service.stop();
  // As a service left them that had forgotten the ids: to the same shard and to the other one.
  const late = (event_id: string) => ({ receivedMs: Date.now() + 1_000, event: { event_name: "late", event_id } });
  const shard = Number(segmentsOf(service.dataDir).current[0]?.slice(0, 4));
  layEvents(service.dataDir, { shard: 1 - shard, from: 1 }, ids.slice(0, 10).map(late));
  layEvents(service.dataDir, { shard, from: 21 }, ids.slice(10).map(late));
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(40);
  expect((await service.stats()).total_events).toBe(40);
  const { repeats_removed } = await compact(service);
  expect(repeats_removed).toBe(20);
  expect(await agreedCount(service)).toBe(20);
  expect(await service.count("event_name = 'first'")).toBe(20);
  expect(await service.rows("FROM events_hourly WHERE event_name = 'late'")).toEqual([]);
  expect((await service.batch(ids.map((event_id) => ({ event_name: "known", event_id })))).events_duplicate).toBe(20);
  await expectSoundFolder(service);
});

test("of repeats in one segment, in two and in two shards at the same instant exactly one stays", async () => {
  await using service = new Service({ env: briefGrace });
  const [inOne, inTwo, atOnce] = [randomUUID(), randomUUID(), randomUUID()];
  const at = (receivedMs: number, event_id: string, event_name: string) => ({
    receivedMs,
    event: { event_id, event_name },
  });
  const nowMs = Date.now() - 60_000;
  layEvents(service.dataDir, { from: 1 }, [
    at(nowMs + 5, inOne, "later"),
    at(nowMs, inOne, "first"),
    at(nowMs + 9, inTwo, "later"),
    at(nowMs, atOnce, "first"),
  ]);
  layEvents(service.dataDir, { shard: 1, from: 1 }, [at(nowMs + 3, inTwo, "first"), at(nowMs, atOnce, "later")]);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(6);
  expect((await compact(service)).repeats_removed).toBe(3);
  expect(await agreedCount(service)).toBe(3);
  expect(await service.count("event_name = 'first'")).toBe(3);
});

test("a stop during merges ends within its 10 s with code 0, and leaves nothing unfinished", async () => {
  await using service = await startService({ env: briefGrace });
  const ledger = new Ledger();
  for (let round = 0; round < 10; round++) {
    await ledger.send(service, Ledger.ids(50));
    await Bun.sleep(100);
  }
  const compacting = compact(service).catch(() => undefined);
  // It ends with code 0: a stop that is not done after 9 s ends with another.
  await expectSoundFolder(service);
  await compacting;
  await service.restart();
  await service.waitSealed();
  expect(await ledger.violations(service)).toEqual([]);
});
