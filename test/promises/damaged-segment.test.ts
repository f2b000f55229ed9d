import { expect, setDefaultTimeout, test } from "bun:test";
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { millrace } from "../support/command.ts";
import { warned, warningsOf } from "../support/health.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const eventId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

/**
 * A stopped service of one shard with three segments of 2, 3 and 4 events, which nobody merges; ids count up from 1.
 */
const threeSegments = copiesOf({ env: { MILLRACE_SHARDS: "1" } }, async (service) => {
  let next = 1;
  for (const size of [2, 3, 4]) {
    const events = Array.from({ length: size }, () => ({
      event_name: "e",
      event_id: eventId(next++),
      session_id: `s${size}`,
    }));
    await service.batch(events);
    await service.waitSealed();
  }
});

/** The segment that holds these events. */
const segmentOf = (service: Service, from: number): string =>
  service.segmentPaths().find((path) => basename(path).startsWith(`0000-${String(from).padStart(16, "0")}-`)) ?? "";

async function counted(service: Service, events: number): Promise<void> {
  let state = "";
  await until(
    async () => {
      const { total_events, buffer_status } = await service.stats();
      const inCatalog = await service.count();
      state = JSON.stringify({ total_events, inCatalog, ...buffer_status });
      expect(buffer_status.events_pending + buffer_status.events_flushed_total).toBe(total_events);
      return total_events === events && inCatalog === events;
    },
    { what: `${events} events in stats and catalog`, limitMs: 30_000, state: () => state },
  );
}

const damages: Record<string, (path: string) => void> = {
  "its head is zeros": (path) => writeFileSync(path, readFileSync(path).fill(0, 0, 8_000)),
  "it is cut": (path) => writeFileSync(path, readFileSync(path).subarray(0, 20_000)),
  "it is empty": (path) => writeFileSync(path, ""),
  "it is text": (path) => writeFileSync(path, "not a database"),
  "one bit of its data is flipped": (path) => {
    const bytes = readFileSync(path);
    bytes.writeUInt8(bytes.readUInt8(bytes.length - 9_000) ^ 1, bytes.length - 9_000);
    writeFileSync(path, bytes);
  },
  "a folder is in its place": (path) => {
    unlinkSync(path);
    mkdirSync(path);
  },
};

for (const [what, damage] of Object.entries(damages))
  test(`C16: a service starts beside a segment that cannot be read (${what}), takes events, and names it`, async () => {
    await using service = threeSegments();
    const path = segmentOf(service, 3);
    copyFileSync(path, join(service.dataDir, "kept"));
    damage(path);
    await service.restart();
    expect((await service.track({ event_name: "after" })).success).toBe(true);
    const warning = await warned(service, basename(path));
    expect(warning).toContain(`millrace quarantine ${basename(path)}`);
    expect(warning).not.toContain(service.dataDir);
    expect((await warningsOf(service)).status).toBe("ok");
    await counted(service, 7);
    const verified = await millrace(["verify", service.dataDir]);
    expect(verified.code).toBe(1);
    expect(verified.stdout).toContain(`${path}: `);
    // Put back: noticed without a restart.
    rmSync(path, { recursive: true });
    renameSync(join(service.dataDir, "kept"), path);
    await counted(service, 10);
    await until(async () => (await warningsOf(service)).warnings.length === 0, { what: "no warning", limitMs: 30_000 });
  });

test("B8: a segment that somebody removed is named, at start and while it runs; its ids stay duplicates, its sequences are not used again", async () => {
  await using service = threeSegments();
  const middle = segmentOf(service, 3);
  const last = segmentOf(service, 6);
  const kept = readFileSync(last);
  unlinkSync(last);
  const verified = await millrace(["verify", service.dataDir]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain("events 6 to 9 of shard 0 are missing");
  await service.restart();
  await warned(service, "events 6 to 9 of shard 0 are missing");
  await counted(service, 5);
  unlinkSync(middle);
  await warned(service, "events 3 to 9 of shard 0 are missing");
  await counted(service, 2);
  expect((await service.track({ event_name: "again", event_id: eventId(7) })).duplicate).toBe(true);
  await service.track({ event_name: "new" });
  await counted(service, 3);
  expect(basename(segmentOf(service, 10))).toStartWith("0000-0000000000000010-0000000000000010-");
  writeFileSync(last, kept);
  await counted(service, 7);
});

test("B8: a journal file that somebody removed is named after a start, also when it was the last one", async () => {
  await using service = threeSegments();
  await service.restart();
  await service.stop();
  await using second = await startService({
    dataDir: service.dataDir,
    env: { MILLRACE_SHARDS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
  });
  await second.batch([{ event_name: "lost" }, { event_name: "lost" }]);
  await second.kill9();
  for (const path of second.journalPaths()) if (path.endsWith(".ndjson")) unlinkSync(path);
  const verified = await millrace(["verify", service.dataDir]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain("events 10 to ");
  await service.restart();
  const warning = await warned(service, "events 10 to ");
  await service.track({ event_name: "after" });
  await counted(service, 10);
  const [, stretch = ""] = /millrace quarantine (\S+)"/.exec(warning) ?? [];
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  expect(await millrace(["quarantine", stretch], { env })).toMatchObject({ code: 0 });
  await until(async () => (await warningsOf(service)).warnings.length === 0, { what: "no warning", limitMs: 30_000 });
});

test("B9: an erasure that meets an unreadable segment says which, waits for a person, and goes on after its quarantine", async () => {
  await using service = threeSegments();
  const path = segmentOf(service, 6);
  writeFileSync(path, "damaged");
  await service.restart();
  const token = service.token({ scope: "admin" });
  const erase = (sessionId: string) =>
    service.request("/api/v1/analytics/erase", { body: JSON.stringify({ session_id: sessionId }), token });
  const refused = await erase("s3");
  expect(refused.status).toBe(503);
  const { detail } = JSON.parse(await refused.text());
  expect(detail).toContain(`millrace quarantine ${basename(path)}`);
  expect(await service.count("session_id = 's3'")).toBe(3);
  await warned(service, "The erasure is written down, and waits");
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  expect((await millrace(["quarantine", path], { env })).code).toBe(0);
  await until(async () => (await service.rows("FROM erasures")).length === 1, { what: "a receipt", limitMs: 30_000 });
  expect(await service.count("session_id = 's3'")).toBe(0);
  const answer = await erase("s2");
  expect(JSON.parse(await answer.text())).toMatchObject({ erased: 2, not_searched: [`quarantine/${basename(path)}`] });
});

test("quarantine moves a damaged segment away and marks what is missing, with and without a service; a sound one is refused", async () => {
  await using service = threeSegments();
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const [first, second, third] = [1, 3, 6].map((from) => segmentOf(service, from));
  const sound = await millrace(["quarantine", first ?? ""], { env });
  expect([sound.code, sound.stderr.includes("is sound")]).toEqual([1, true]);
  writeFileSync(second ?? "", "damaged");
  const offline = await millrace(["quarantine", basename(second ?? "")], { env });
  expect(offline.code).toBe(0);
  expect(offline.stdout).toContain("events 3 to 5 of shard 0");
  await service.restart();
  await counted(service, 6);
  writeFileSync(third ?? "", "damaged");
  const online = await millrace(["quarantine", third ?? ""], { env });
  expect([online.code, online.stderr]).toEqual([0, ""]);
  await counted(service, 2);
  const kept = readdirSync(join(service.dataDir, "quarantine"));
  expect(kept.filter((file) => file.endsWith(".duckdb")).sort()).toEqual(
    [second, third].map((path) => basename(path ?? "")),
  );
  const again = await millrace(["quarantine", basename(third ?? "")], { env });
  expect(again.code).toBe(0);
  let seen = "";
  const isWell = async () => {
    const { status, warnings } = await warningsOf(service);
    seen = JSON.stringify({ status, warnings });
    return status === "ok" && warnings.length === 0;
  };
  await until(isWell, { what: "health without a warning", limitMs: 30_000, state: () => seen });
  await service.stop();
  const verified = await millrace(["verify", service.dataDir]);
  expect(verified.code).toBe(0);
  for (const words of ["events 3 to 5 of shard 0", "events 6 to 9 of shard 0"])
    expect(verified.stdout).toContain(words);
  // A copy knows of it, too.
  const [snapshot, restored] = [`${service.dataDir}-snapshot`, `${service.dataDir}-restored`];
  try {
    expect((await millrace(["snapshot", snapshot], { env })).code).toBe(0);
    expect((await millrace(["restore", snapshot], { env: { MILLRACE_DATA_DIR: restored } })).code).toBe(0);
    const copied = await millrace(["verify", restored]);
    expect({ code: copied.code, stdout: copied.stdout }).toMatchObject({ code: 0 });
    expect(copied.stdout).toContain("events 3 to 5 of shard 0");
  } finally {
    for (const folder of [snapshot, restored]) rmSync(folder, { recursive: true, force: true });
  }
  const unknown = await millrace(["quarantine", "0000-0000000000000900-0000000000000901-00000000.duckdb"], { env });
  expect([unknown.code, unknown.stderr.includes("is not in segments")]).toEqual([1, true]);
  expect(dirname(second ?? "")).toBe(join(service.dataDir, "segments"));
});
