/** An imported event and one that a client sends are one event where they have one id, whichever comes first. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeEventId } from "../../src/event/event-id.ts";
import { place } from "../import/files.ts";
import { millrace } from "../support/command.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const limitMs = 50_000;

const idOf = (number: number) => `01a20919-3612-70a9-873d-${String(number).padStart(12, "0")}`;

/** A history of `count` events with ids from `first` on. */
const history = (first: number, count: number) =>
  Array.from(
    { length: count },
    (_, index) =>
      `{"event_id":"${idOf(first + index)}","event_name":"old","session_id":"s ${first + index}","timestamp":1700000000}\n`,
  ).join("");

const environment = (service: Service, dataDir = service.dataDir) => ({
  MILLRACE_DATA_DIR: dataDir,
  MILLRACE_JWT_SECRET: service.secret,
});

const run = async (service: Service, words: readonly string[]) => {
  const { code, stdout, stderr } = await millrace(words, { env: environment(service), limitMs });
  return { code, stdout, stderr: code === 0 ? "" : stderr };
};

const resent = (number: number) => ({ event_name: "old", event_id: idOf(number) });

const idFiles = (service: Service) =>
  readdirSync(join(service.dataDir, "ids")).filter((file) => file.startsWith("imported-"));

/** Every event is there once, in events and in the rollups. */
async function expectOnce(service: Service, events: number) {
  expect((await service.stats()).total_events).toBe(events);
  await service.waitSealed();
  expect(
    await service.rows("SELECT count(*)::INTEGER AS events, count(DISTINCT event_id)::INTEGER AS ids FROM events"),
  ).toEqual([{ events, ids: events }]);
  expect(await service.rows("SELECT sum(events)::INTEGER AS events FROM events_hourly")).toEqual([{ events }]);
}

test("an imported id that a client sends is a duplicate: alone, in a batch, after kill -9, and after its import is repeated", async () => {
  using files = place();
  await using service = await startService();
  const path = files.file("a.ndjson", history(0, 1_000));
  expect((await run(service, ["import", path])).stdout).toBe("1000 of 1000 events imported\n");
  expect((await service.track(resent(7))).duplicate).toBe(true);
  const batch = await service.batch([
    resent(0),
    { event_name: "new", event_id: idOf(5_000) },
    resent(999),
    resent(999),
  ]);
  expect(batch).toMatchObject({ events_queued: 4, events_duplicate: 3 });
  await service.kill9();
  await service.restart();
  expect((await service.track(resent(500))).duplicate).toBe(true);
  expect((await service.track(resent(5_000))).duplicate).toBe(true);
  expect((await run(service, ["import", path])).stdout).toBe(
    "0 of 1000 events imported, all of them were there already\n",
  );
  for (const number of [0, 254, 255, 256, 998, 999]) expect((await service.track(resent(number))).duplicate).toBe(true);
  await expectOnce(service, 1_001);
  expect((await run(service, ["verify", service.dataDir])).code).toBe(0);
});

test("an id that a client sent is not imported, though its event is not sealed yet", async () => {
  using files = place();
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  await service.track(resent(1));
  await service.batch([resent(2), resent(3)]);
  const path = files.file("a.ndjson", history(0, 10));
  expect((await run(service, ["import", path])).stdout).toBe(
    "7 of 10 events imported, the other 3 were there already\n",
  );
  await expectOnce(service, 10);
});

test("clients that send the ids of an import while it runs are answered, and each event is there once", async () => {
  using files = place();
  await using service = await startService();
  const path = files.file("a.ndjson", history(0, 2_000));
  let isDone = false;
  const importing = run(service, ["import", path, "--piece-events", "500"]).finally(() => {
    isDone = true;
  });
  const statuses = new Set<number>();
  // Each client sends every fifth id, and begins elsewhere; a 503 is sent again.
  const clients = Array.from({ length: 5 }, async (_, client) => {
    for (let number = client; number < 2_000 && !isDone; number += 5) {
      for (;;) {
        const answer = await service.post("/api/v1/analytics", resent((number * 7) % 2_000));
        statuses.add(answer.status);
        if (answer.status === 200) break;
        await Bun.sleep(50);
      }
    }
  });
  expect(await importing).toMatchObject({ code: 0, stderr: "" });
  await Promise.all(clients);
  expect([...statuses].filter((status) => status !== 200 && status !== 503)).toEqual([]);
  await expectOnce(service, 2_000);
});

test("an import, and the service beneath it, that are killed between pieces are finished by the same command", async () => {
  using files = place();
  await using service = await startService();
  const rows = Array.from(
    { length: 4_000 },
    (_, index) => `row ${index % 3_000},${index % 2 === 0 ? "" : idOf(index)}\n`,
  );
  const path = files.file("a.csv", `event_name,event_id\n${rows.join("")}`);
  const words = ["import", path, "--piece-events", "1000"];
  for (let round = 0; round < 2; round++) {
    const running = run(service, words);
    const before = service.segmentPaths().length;
    while (service.segmentPaths().length === before) await Bun.sleep(5);
    await service.kill9();
    const { code, stderr } = await running;
    expect({ code, stack: stderr.includes("    at ") }).toEqual({ code: 1, stack: false });
    await service.restart();
  }
  expect((await run(service, words)).code).toBe(0);
  expect((await run(service, words)).stdout).toBe("0 of 4000 events imported, all of them were there already\n");
  expect((await service.track(resent(3_999))).duplicate).toBe(true);
  await expectOnce(service, 4_000);
});

test("an erased event's id is forgotten, and those of the others are not", async () => {
  using files = place();
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "0" } });
  await run(service, ["import", files.file("a.ndjson", history(0, 600))]);
  expect((await run(service, ["erase", "--session-id", "s 300"])).code).toBe(0);
  const words = new Uint32Array(4);
  const isInFiles = (number: number) => {
    writeEventId(idOf(number), words, 0);
    const bytes = new Uint8Array(words.buffer);
    return idFiles(service).some((file) => readFileSync(join(service.dataDir, "ids", file)).includes(bytes));
  };
  expect([299, 300, 301].map(isInFiles)).toEqual([true, false, true]);
  await service.restart();
  expect((await service.track(resent(301))).duplicate).toBe(true);
  expect((await service.track(resent(300))).duplicate).toBe(false);
  await expectOnce(service, 600);
});

test("a snapshot carries imported ids, and a folder that is restored from it knows them", async () => {
  using files = place();
  await using service = await startService();
  await run(service, ["import", files.file("a.ndjson", history(0, 100))]);
  const [snapshot, restored] = [join(files.path, "snapshot"), join(files.path, "restored")];
  expect((await run(service, ["snapshot", snapshot])).code).toBe(0);
  const ended = await millrace(["restore", snapshot], { env: environment(service, restored), limitMs });
  expect(ended.code).toBe(0);
  await using copy = await startService({ dataDir: restored });
  expect((await copy.track(resent(42))).duplicate).toBe(true);
  expect((await copy.track(resent(100))).duplicate).toBe(false);
  await expectOnce(copy, 101);
});

test("many small imports keep few files of ids, and all of their ids", async () => {
  using files = place();
  await using service = await startService();
  const paths = Array.from({ length: 4 }, (_, index) => files.file(`${index}.ndjson`, history(index * 100, 100)));
  expect((await run(service, ["import", ...paths, "--piece-events", "40"])).code).toBe(0);
  expect(idFiles(service).length).toBeLessThanOrEqual(4);
  for (const number of [0, 39, 40, 199, 200, 399]) expect((await service.track(resent(number))).duplicate).toBe(true);
  await expectOnce(service, 400);
});

test("a damaged file of ids is told by verify, and what it has in sound blocks is known", async () => {
  using files = place();
  await using service = await startService();
  await run(service, ["import", files.file("a.ndjson", history(0, 1_000))]);
  const [file = ""] = idFiles(service);
  const path = join(service.dataDir, "ids", file);
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(4_096 + 100) ^ 1, 4_096 + 100);
  writeFileSync(path, bytes);
  expect((await service.track(resent(0))).duplicate).toBe(true);
  expect((await service.track(resent(999))).duplicate).toBe(true);
  const verified = await millrace(["verify", service.dataDir], { limitMs });
  expect(verified.code).toBe(1);
  expect(verified.stdout + verified.stderr).toContain(file);
});
