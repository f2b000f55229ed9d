/** Refused events are kept durably, within a bound, and leave only as asked. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLog } from "../../src/base/log.ts";
import type { Protocol } from "../../src/event/protocols.ts";
import { refusedLine } from "../../src/refused/record.ts";
import { damagedRefused } from "../../src/refused/refused-file.ts";
import { RefusedStore } from "../../src/refused/refused-store.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import type { DataFolder } from "../../src/store/folder/names.ts";

let folder: DataFolder;
const clock = { wallMs: 1_000_000, nowMs: () => clock.wallMs, monotonicMs: () => clock.wallMs };

beforeEach(() => {
  folder = prepareDataFolder(mkdtempSync(join(tmpdir(), "millrace-test-")));
});
afterEach(() => rmSync(folder.root, { recursive: true, force: true }));

const open = (sizes: { bytesMax?: number; fileBytesMax?: number } = {}) =>
  RefusedStore.open({ folder, log: openLog("silent", "test"), clock, ...sizes });

const lineOf = (
  reason: string,
  { event = "{}", subject = null as string | null, protocol = "segment" as Protocol } = {},
) => refusedLine({ reason, eventId: null, event }, { subject, protocol, is_mapped: true, refusedAtMs: clock.nowMs() });

async function reasonsIn(store: RefusedStore): Promise<(string | undefined)[]> {
  const lines = await Promise.all(store.paths.map((path) => store.read(path)));
  return lines.flat().map(({ kept }) => kept?.record.reason);
}

describe("what is kept", () => {
  test("is there after a restart, in its order, whatever was kept at the same time", async () => {
    const reasons = Array.from({ length: 50 }, (_, index) => `reason ${index}`);
    {
      await using store = open({ fileBytesMax: 2_000 });
      await Promise.all(reasons.map((reason) => store.keep([lineOf(reason)])));
      expect(store.counts.keptEvents).toBe(50);
    }
    await using store = open({ fileBytesMax: 2_000 });
    expect(await reasonsIn(store)).toEqual(reasons);
  });

  test("goes on after a line that a crash cut short, and the view never shows half of it", async () => {
    {
      await using store = open();
      await store.keep([lineOf("whole")]);
    }
    const path = join(folder.refusedEvents, "00000001.ndjson");
    appendFileSync(path, lineOf("torn").slice(0, 70));
    await using store = open();
    await store.keep([lineOf("next")]);
    expect(await reasonsIn(store)).toEqual(["whole", "next"]);
    expect(damagedRefused(folder)).toEqual([]);
  });

  test("has an id: its own in canonical form, or one that is made", async () => {
    await using store = open();
    const from = { subject: null, protocol: "otlp", is_mapped: false, refusedAtMs: 0 } as const;
    const ids = ["01900000-0000-7000-8000-00000000000A", "no uuid", null];
    await store.keep(ids.map((eventId) => refusedLine({ reason: "r", eventId, event: "{}" }, from)));
    const [own, other, none] = (await store.read(store.paths[0] ?? "")).map(({ kept }) => kept?.record.event_id);
    expect(own).toBe("01900000-0000-7000-8000-00000000000a");
    for (const made of [other, none]) expect(made).toMatch(/^[0-9a-f-]{36}$/);
    expect(other).not.toBe(none ?? "");
  });

  test("is whole unless its line would be longer than 16 MiB, and then its beginning", async () => {
    await using store = open();
    const long = `"${'\\"'.repeat(3_500_000)}"`;
    await store.keep([lineOf("long", { event: long }), lineOf("longest", { event: "\u0001".repeat(3_000_000) })]);
    const [whole, cut] = (await store.read(store.paths[0] ?? "")).map(({ kept }) => kept?.record);
    expect(whole?.event === long).toBe(true);
    expect(cut?.reason).toBe("longest (too long to be kept whole)");
    expect(cut?.event.length).toBe(2 * 1024 * 1024);
  });
});

describe("the bound", () => {
  test("drops the oldest, counts them, and tells", async () => {
    await using store = open({ bytesMax: 10_000, fileBytesMax: 1_000 });
    expect(store.warnings).toEqual([]);
    for (let index = 0; index < 200; index++) await store.keep([lineOf(`reason ${index}`)]);
    const sizes = readdirSync(folder.refusedEvents).map((file) => statSync(join(folder.refusedEvents, file)).size);
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    expect(bytes).toBeLessThanOrEqual(10_000);
    expect(store.counts.bytes).toBe(bytes);
    const left = await reasonsIn(store);
    expect(left.at(-1)).toBe("reason 199");
    expect(store.counts).toMatchObject({ keptEvents: 200, droppedEvents: 200 - left.length });
    expect(store.warnings).toEqual([expect.stringContaining(`${200 - left.length} refused events were dropped`)]);
  });

  test("holds across restarts", async () => {
    for (let life = 0; life < 5; life++) {
      await using store = open({ bytesMax: 3_000, fileBytesMax: 1_000 });
      for (let index = 0; index < 10; index++) await store.keep([lineOf(`reason ${life} ${index}`)]);
      expect(store.counts.bytes).toBeLessThanOrEqual(3_000);
      expect((await reasonsIn(store)).at(-1)).toBe(`reason ${life} 9`);
    }
  });
});

describe("what is removed", () => {
  test("leaves the others, damaged lines too, and a file for the catalog", async () => {
    await using store = open({ fileBytesMax: 600 });
    for (let index = 0; index < 20; index++) await store.keep([lineOf(`${index % 2}`, { subject: `s ${index}` })]);
    const [first = ""] = store.paths;
    appendFileSync(first, '{"damaged":1,"crc32":"00000000"}\n');
    let removed = 0;
    for (const path of store.paths) removed += await store.removeFrom(path, ({ record }) => record.reason === "1");
    expect(removed).toBe(10);
    expect(await reasonsIn(store)).toEqual([...["0", "0", undefined], ...Array<string>(8).fill("0")].slice(0, 11));
    for (const path of [...store.paths]) await store.removeFrom(path, () => true);
    expect(readFileSync(first, "utf8")).toBe('{"damaged":1,"crc32":"00000000"}\n');
    expect(store.paths.length).toBe(2);
    expect(damagedRefused(folder).length).toBe(1);
    await store.keep([lineOf("later")]);
    expect(await reasonsIn(store)).toEqual([undefined, "later"]);
  });

  test("loses no event that is kept at the same time", async () => {
    await using store = open({ fileBytesMax: 1_000 });
    const work: Promise<unknown>[] = [];
    for (let index = 0; index < 100; index++) {
      work.push(store.keep([lineOf(`${index}`)]));
      if (index % 10 === 0)
        for (const path of store.paths)
          work.push(store.removeFrom(path, ({ record }) => Number(record.reason) % 3 === 0));
    }
    await Promise.all(work);
    for (const path of store.paths) await store.removeFrom(path, ({ record }) => Number(record.reason) % 3 === 0);
    const expected = Array.from({ length: 100 }, (_, index) => index).filter((index) => index % 3 > 0);
    expect((await reasonsIn(store)).map(Number)).toEqual(expected);
  });
});

test("what is older than the retention goes, at most the span of a file later", async () => {
  await using store = open();
  const startMs = clock.wallMs;
  const retentionMs = 1_000;
  const look = () => store.dropExpired({ cutoffMs: clock.wallMs - retentionMs, retentionMs });
  await store.keep([lineOf("old")]);
  clock.wallMs += 50;
  await store.keep([lineOf("not as old")]);
  clock.wallMs = startMs + 900;
  await look();
  await store.keep([lineOf("new")]);
  clock.wallMs = startMs + 1_040;
  await look();
  expect(await reasonsIn(store)).toEqual(["old", "not as old", "new"]);
  clock.wallMs = startMs + 1_100;
  await look();
  expect(await reasonsIn(store)).toEqual(["new"]);
  {
    // Times are read from the files after a restart.
    await store[Symbol.asyncDispose]();
    clock.wallMs = startMs + 5_000;
    await using next = open();
    await next.dropExpired({ cutoffMs: clock.wallMs - retentionMs, retentionMs });
    expect(await reasonsIn(next)).toEqual([]);
    expect(next.counts.droppedEvents).toBe(0);
  }
});

test("a file that somebody removed takes no event with it that is kept later", async () => {
  await using store = open();
  await store.keep([lineOf("gone")]);
  rmSync(store.paths[0] ?? "");
  await store.keep([lineOf("there")]);
  expect(await reasonsIn(store)).toEqual(["there"]);
});

test("a disk that refuses refuses the request, and the next one is kept in another file", async () => {
  await using store = open();
  await store.keep([lineOf("before")]);
  rmSync(folder.refusedEvents, { recursive: true });
  await expect(store.keep([lineOf("refused")])).rejects.toMatchObject({ name: "Overloaded", reason: "commit_failed" });
  prepareDataFolder(folder.root);
  await store.keep([lineOf("after")]);
  expect(await reasonsIn(store)).toEqual(["after"]);
});
