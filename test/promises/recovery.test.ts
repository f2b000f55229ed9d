import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { commitLine } from "../../src/journal/format.ts";
import { currentFormat, journalName } from "../../src/store/folder/names.ts";
import { linesOf, rowAt } from "../support/rows.ts";
import { type Service, startService } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";
import { until } from "../support/until.ts";

const receivedMs = Date.now();

const eventId = (number: number) => `00000000-0000-4000-8000-${number.toString(16).padStart(12, "0")}`;

/** A journal of groups with these numbers of events, whose ids count up from `from`. */
function journalOf(from: number, sizes: readonly number[]): Buffer {
  const pieces: Buffer[] = [];
  let next = from;
  for (const size of sizes) {
    const rows = Array.from({ length: size }, (_, index) => rowAt(receivedMs, { event_id: eventId(next + index) }));
    const group = linesOf(rows);
    pieces.push(Buffer.from(group.lines), Buffer.from(commitLine({ sequence: sequence(next), ...group })));
    next += size;
  }
  return Buffer.concat(pieces);
}

/** A service that was stopped, to be started again on the journal that a test lays into its folder. */
const stoppedService = copiesOf({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "0.2" } }, async () => undefined);

function layJournal(service: Service, from: number, bytes: Uint8Array, shard = 0): void {
  const name = journalName({ shard: shardId(shard), from: sequence(from) });
  mkdirSync(join(service.dataDir, "journal"), { recursive: true });
  writeFileSync(join(service.dataDir, "journal", name), bytes);
}

test("a torn end of the last journal is cut, and what was whole before it is kept", async () => {
  await using service = stoppedService();
  const whole = journalOf(1, [2, 3]);
  const torn = journalOf(6, [4]);
  layJournal(service, 1, Buffer.concat([whole, torn.subarray(0, torn.byteLength - 30)]));
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(5);
  expect((await service.stats()).total_events).toBe(5);
  expect(readdirSync(join(service.dataDir, "journal", "corrupt"))).toEqual([]);
});

test("corruption in the middle of a journal is kept aside and told, and every group that checks is kept", async () => {
  await using service = stoppedService();
  const bytes = journalOf(1, [2, 3, 4]);
  const corrupt = Buffer.from(bytes);
  const second = journalOf(1, [2]).byteLength + 40;
  corrupt[second] = 0x21;
  layJournal(service, 1, corrupt);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(6);
  const [aside] = readdirSync(join(service.dataDir, "journal", "corrupt"));
  expect(readFileSync(join(service.dataDir, "journal", "corrupt", aside ?? "")).equals(corrupt)).toBe(true);
  const health = await service.health();
  expect(health.status).toBe(200);
  expect(await health.text()).toContain("corrupt journal files");
  // The ids of what was saved are known, those of what was lost are free again.
  expect((await service.track({ event_name: "again", event_id: eventId(1) })).duplicate).toBe(true);
  expect((await service.track({ event_name: "again", event_id: eventId(3) })).duplicate).toBe(false);
});

test("a torn group in a journal that is not the last is corruption, and is kept aside", async () => {
  await using service = stoppedService();
  const first = journalOf(1, [2, 3]);
  layJournal(service, 1, first.subarray(0, first.byteLength - 20));
  layJournal(service, 6, journalOf(6, [1]));
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(3);
  expect(readdirSync(join(service.dataDir, "journal", "corrupt")).length).toBe(1);
});

test("a journal that a segment covers is dropped, not stored again", async () => {
  await using service = stoppedService();
  const bytes = journalOf(1, [3]);
  layJournal(service, 1, bytes);
  await service.restart();
  await service.waitSealed();
  await service.kill9();
  layJournal(service, 1, bytes);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(3);
  expect((await service.stats()).total_events).toBe(3);
});

test("a segment that is corrupt while its journal is still there is made again from the journal", async () => {
  await using service = stoppedService();
  const bytes = journalOf(1, [3]);
  layJournal(service, 1, bytes);
  await service.restart();
  await service.waitSealed();
  await service.kill9();
  const [segment] = service.segmentPaths();
  writeFileSync(segment ?? "", readFileSync(segment ?? "").fill(0, 0, 8_000));
  layJournal(service, 1, bytes);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(3);
  expect(service.stderr).toContain("made again from its journal");
});

test("leftovers of an unfinished flush are removed", async () => {
  await using service = stoppedService();
  const leftover = join(
    service.dataDir,
    "segments",
    `0000-0000000000000001-0000000000000003-f${currentFormat}-00000000.duckdb.tmp`,
  );
  writeFileSync(leftover, "half of a file");
  writeFileSync(`${leftover}.wal`, "half of a log");
  layJournal(service, 1, journalOf(1, [3]));
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(3);
  expect(readdirSync(join(service.dataDir, "segments")).filter((file) => file.includes(".tmp"))).toEqual([]);
});

test("shards that no longer run are taken over by those that do", async () => {
  await using service = stoppedService({ MILLRACE_SHARDS: "1" });
  layJournal(service, 1, journalOf(1, [2]), 0);
  layJournal(service, 1, journalOf(10, [3]).subarray(0, 0), 2);
  layJournal(service, 10, journalOf(10, [3]), 3);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(5);
  await service.kill9();
  await service.restart();
  expect((await service.stats()).total_events).toBe(5);
});

test("a line that DuckDB cannot read never stops the rest: it is kept aside with the reason", async () => {
  await using service = stoppedService();
  const sound = rowAt(receivedMs, { event_id: eventId(1) });
  const bad = rowAt(receivedMs, { event_id: eventId(2), session_id: "half a pair" });
  const group = linesOf([sound, { ...bad, line: bad.line.replace("half a pair", "\\ud800") }, rowAt(receivedMs)]);
  const commit = Buffer.from(commitLine({ sequence: sequence(1), ...group }));
  layJournal(service, 1, Buffer.concat([group.lines, commit]));
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(2);
  const { total_events, buffer_status } = await service.stats();
  expect([total_events, buffer_status.events_flushed_total]).toEqual([2, 2]);
  const [kept] = readdirSync(join(service.dataDir, "journal", "refused"));
  const line: { reason: string; line: string } = JSON.parse(
    readFileSync(join(service.dataDir, "journal", "refused", kept ?? ""), "utf8"),
  );
  expect(line.line).toContain(eventId(2));
  expect(line.reason.length).toBeGreaterThan(10);
  expect(await (await service.health()).text()).toContain("could not be sealed");
});

test("a flush that fails keeps its events, is told by health, and succeeds when it can", async () => {
  await using service = stoppedService();
  layJournal(service, 1, journalOf(1, [3]));
  // A folder where the segment is to be written stands in its way, also for root.
  const inTheWay = join(
    service.dataDir,
    "segments",
    `0000-0000000000000001-0000000000000003-f${currentFormat}-00000000.duckdb.tmp.wal`,
  );
  await service.restart();
  await service.waitSealed();
  await service.track({ event_name: "before" });
  await service.waitSealed();
  mkdirSync(inTheWay.replace("0000000000000001-0000000000000003", "0000000000000005-0000000000000005"));
  await service.track({ event_name: "delayed" });
  await until(async () => (await (await service.health()).text()).includes("flush failed"), {
    what: "health tells of the failed flush",
    limitMs: 10_000,
  });
  expect((await service.stats()).total_events).toBe(5);
  expect((await service.track({ event_name: "meanwhile" })).success).toBe(true);
  const { rmdirSync } = await import("node:fs");
  rmdirSync(inTheWay.replace("0000000000000001-0000000000000003", "0000000000000005-0000000000000005"));
  await service.waitSealed();
  expect(await service.count()).toBe(6);
  expect((await service.health()).status).toBe(200);
});

test("B10: a zero byte in the last acknowledged group is told and kept, never cut as a torn end", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_SHARDS: "1" } });
  for (let event = 0; event < 3; event++) await service.track({ event_name: "acknowledged" });
  await service.kill9();
  const [path = ""] = service.journalPaths();
  const damaged = readFileSync(path);
  damaged[damaged.lastIndexOf("acknowledged") + 3] = 0;
  writeFileSync(path, damaged);
  await service.restart();
  expect(await (await service.health()).text()).toContain("corrupt journal files are in journal/corrupt");
  const [aside = ""] = readdirSync(join(service.dataDir, "journal", "corrupt"));
  expect(readFileSync(join(service.dataDir, "journal", "corrupt", aside)).equals(damaged)).toBe(true);
  expect((await service.stats()).total_events).toBe(2);
});

test("B10: a group whose commit line lacks its last bytes is proven by its checksum, and is kept whole", async () => {
  for (const [lacking, zerosBehind] of [
    [1, 0],
    [1, 512],
    [3, 100],
  ] as const) {
    await using service = stoppedService();
    const whole = journalOf(1, [2, 3]);
    layJournal(service, 1, Buffer.concat([whole.subarray(0, -lacking), Buffer.alloc(zerosBehind)]));
    await service.restart();
    await service.waitSealed();
    expect(await service.count()).toBe(5);
    expect(readdirSync(join(service.dataDir, "journal", "corrupt"))).toEqual([]);
  }
});
