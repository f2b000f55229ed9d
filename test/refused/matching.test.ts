/** Which refused events an erasure means: by a value, or by an SQL condition on the columns of `events`. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { openLog } from "../../src/base/log.ts";
import { belongsTo, belongsToPerson } from "../../src/refused/matching.ts";
import { type RefusedRecord, refusedLine } from "../../src/refused/record.ts";
import { RefusedStore } from "../../src/refused/refused-store.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { openLockedDuckDB } from "../../src/store/sql/lock-duckdb.ts";
import { findRefused } from "../../src/upkeep/find-refused.ts";
import { fc } from "../support/property.ts";

const recordOf = (event: string, { is_mapped = true, subject = null as string | null } = {}): RefusedRecord => ({
  refused_at: "2026-11-27T10:00:00.000Z",
  subject,
  protocol: "segment",
  reason: "r",
  event_id: "01900000-0000-7000-8000-000000000001",
  is_mapped,
  event,
});

describe("by a value", () => {
  const session = { column: "session_id", value: "s 1" };

  test("an event in the own API's form belongs to whom its field names, whatever the field's type", () => {
    expect(belongsTo(recordOf('{"session_id":"s 1"}'), session)).toBe(true);
    expect(belongsTo(recordOf('{"session_id":["s 1"]}'), session)).toBe(true);
    expect(belongsTo(recordOf('{"session_id":7}'), { column: "session_id", value: "7" })).toBe(true);
    expect(belongsTo(recordOf('{"session_id":"s 12","properties":{"session_id":"s 1"}}'), session)).toBe(false);
    expect(belongsTo(recordOf("[]"), session)).toBe(false);
    expect(belongsTo(recordOf("{}", { subject: "s 1" }), session)).toBe(false);
    expect(belongsTo(recordOf("{}", { subject: "s 1" }), { column: "subject", value: "s 1" })).toBe(true);
  });

  test("an event as an SDK sent it belongs to everybody whose value stands anywhere in it", () => {
    const value = fc.oneof(fc.string({ minLength: 1 }), fc.integer().map(String));
    fc.assert(
      fc.property(value, fc.json(), fc.json(), (found, before, after) => {
        const nested = `{"a":[${before},{"b":${JSON.stringify(found)}}],"c":${after}}`;
        expect(belongsTo(recordOf(nested, { is_mapped: false }), { column: "user_id", value: found })).toBe(true);
        // Not JSON: it may stand there as it is.
        expect(belongsTo(recordOf(`${nested}}`, { is_mapped: false }), { column: "user_id", value: found })).toBe(true);
      }),
    );
    expect(belongsTo(recordOf('{"a":[1,{"b":"s 12"}]}', { is_mapped: false }), session)).toBe(false);
    const deep = `${"[".repeat(100_000)}"s 1"${"]".repeat(100_000)}`;
    expect(belongsTo(recordOf(deep, { is_mapped: false }), session)).toBe(true);
  });
});

describe("by a person", () => {
  const isOf = belongsToPerson({ person: "u", ids: new Set(["a 1", "a 2"]) });
  const isTheirs = (event: string, is_mapped = true) => isOf(recordOf(event, { is_mapped }));

  test("an event in the own API's form by its user, or else its anonymous id, or else its client, whatever their types", () => {
    for (const event of [
      '{"user_id":"u","anonymous_id":"another"}',
      '{"user_id":["u"]}',
      '{"user_id":null,"anonymous_id":"a 1"}',
      '{"anonymous_id":["a 2"],"client_id":"c"}',
      '{"client_id":"u"}',
    ])
      expect([event, isTheirs(event)]).toEqual([event, true]);
    for (const event of [
      '{"user_id":"another","anonymous_id":"a 1","client_id":"u"}',
      // The user's own id is somebody else's anonymous id, or else it would be among theirs.
      '{"anonymous_id":"u"}',
      '{"anonymous_id":"b","client_id":"u"}',
      '{"client_id":"a 1"}',
      '{"properties":{"user_id":"u"}}',
      "[]",
    ])
      expect([event, isTheirs(event)]).toEqual([event, false]);
  });

  test("an event as an SDK sent it, if one of their ids stands anywhere in it", () => {
    for (const event of ['{"a":[{"b":"a 2"}]}', '{"distinct_id":"u"}', '{"broken":"a 1"', "[1, a 2]"])
      expect([event, isTheirs(event, false)]).toEqual([event, true]);
    for (const event of ['{"a":[{"b":"a 3"}]}', '{"broken":"a 3"', "5"])
      expect([event, isTheirs(event, false)]).toEqual([event, false]);
  });

  test("many ids are found in what is not JSON as few are, in the time of its length", () => {
    const ids = new Set(Array.from({ length: 100_000 }, (_, index) => `device "${String(index).padStart(9, "0")}"`));
    const isTheirsOf = belongsToPerson({ person: "somebody", ids });
    const padding = "x".repeat(1024 * 1024);
    const stands = (text: string) => isTheirsOf(recordOf(`{"a":"${padding}${text}`, { is_mapped: false }));
    expect(
      ["", 'device "000077777" {', 'device \\"000099999\\" {', 'device "000100000" {', "somebody"].map(stands),
    ).toEqual([false, true, true, false, true]);
  });
});

describe("by an SQL condition", () => {
  const folder = prepareDataFolder(mkdtempSync(join(tmpdir(), "millrace-test-")));
  const events = [
    '{"event_name":"a","user_id":"u","properties":{"n":1.50},"category":"trading","timestamp":"2026-01-02T00:00:00Z"}',
    '{"event_name":"","properties":{"n":"x"},"category":"none","timestamp":"never"}',
    '{"event_name":5,"user_id":"u"',
  ];

  beforeAll(async () => {
    await using store = RefusedStore.open({ folder, log: openLog("silent", "test"), clock: systemClock });
    const from = { subject: "me", protocol: "segment", is_mapped: true, refusedAtMs: 0 } as const;
    await store.keep(events.map((event) => refusedLine({ reason: "r", eventId: null, event }, from)));
    await store.keep([
      refusedLine({ reason: "r", eventId: null, event: events[0] ?? "" }, { ...from, is_mapped: false }),
    ]);
  });
  afterAll(() => rmSync(folder.root, { recursive: true, force: true }));

  test.each([
    ["user_id = 'u'", [0]],
    ["category = 'trading'", [0]],
    ["category = 'user_action'", [1, 2]],
    ["(properties->>'n')::DOUBLE > 1", [0]],
    ["\"timestamp\" < '2026-06-01'", [0, 1, 2]],
    ["received_at = '1970-01-01' AND subject = 'me'", [0, 1, 2]],
    ["event_name = ''", [1]],
    ["event_name IS NULL", [2]],
    ["client_id IS NOT NULL", []],
    ["event_name::DATE IS NULL", [2]],
  ])("%s", async (where, expected) => {
    using duckdb = await openLockedDuckDB({ threads: 1, memoryMiB: 256 }, { folders: [folder.refusedEvents] });
    await using store = RefusedStore.open({ folder, log: openLog("silent", "test"), clock: systemClock });
    const lines = await store.read(store.paths[0] ?? "");
    const keys = lines.map(({ kept }) => kept?.key ?? "");
    const found = await findRefused(duckdb, folder, { request: { where } });
    expect(found.map((key) => keys.indexOf(key)).sort()).toEqual(expected);
  });
});
