/** The catalog's views: what they say of segments and unsealed events, in any session, from any place. */
import { describe, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { shardId } from "../../src/base/brand.ts";
import type { ErasureReceipt, ShardWatermark } from "../../src/store/catalog/views.ts";
import { literal } from "../../src/store/sql/literals.ts";
import { queryFile, type Row, single } from "../support/catalog.ts";
import { type NamedEvent, openDuckDB, sealedFolder } from "../support/sealed.ts";

const visits: readonly (readonly NamedEvent[])[] = [
  [
    { at: "2024-03-10T06:59:00Z", session: "a", client: "x" },
    { at: "2024-03-10T07:00:00Z", session: "a", page: "/home", client: "x", name: "opened" },
    { at: "2024-03-11T07:00:00Z", session: "b", page: "/only", client: "y" },
  ],
  [
    { at: "2024-03-11T07:30:00.5Z", session: "a", page: "/bye", client: "x" },
    { at: "2024-03-11T08:00:00Z", session: "a", client: "x" },
    { at: "2024-03-11T08:00:00Z", page: "/nobody" },
  ],
];

const unsealed: readonly NamedEvent[] = [
  { at: "2024-03-11T07:15:00Z", session: "c" },
  { at: "2024-03-11T07:45:00Z", session: "b", page: "/late" },
];

const described = async (path: string, name: string) =>
  (await queryFile(path, `DESCRIBE ${name}`)).map((row) => [row["column_name"], row["column_type"]]);

const strangeZones = ["UTC", "America/New_York", "Asia/Kolkata"].map((zone) => [`SET TimeZone = '${zone}'`]);

test("an empty catalog answers every question, in the same columns as a full one", async () => {
  using empty = await sealedFolder([]);
  using full = await sealedFolder(visits, { unsealed });
  for (const name of ["events", "events_hourly", "sessions", "persons", "freshness", "erasures", "catalog"])
    expect(await described(empty.folder.catalog, name)).toEqual(await described(full.folder.catalog, name));
  for (const name of ["events", "events_hourly", "sessions", "erasures", "top(event_name, 3)", "timeline('1 day')"])
    expect(await queryFile(empty.folder.catalog, `FROM ${name}`)).toEqual([]);
  expect(await queryFile(empty.folder.catalog, "FROM retention('day')")).toEqual([]);
  const shares = { of_first: null, of_previous: null, median_seconds: null, median_seconds_from_first: null };
  const nobody = { reached: "0", ...shares, dropped: "0", breakdown: null };
  expect(await queryFile(empty.folder.catalog, "FROM funnel(['a', 'b'], INTERVAL 1 HOUR)")).toEqual([
    { step: "1", event_name: "a", ...nobody },
    { step: "2", event_name: "b", ...nobody },
  ]);
  expect(await queryFile(empty.folder.catalog, "FROM freshness")).toEqual([
    { shard: null, watermark: null, rows: "0", segments: "0", bytes: "0", age: null },
  ]);
});

test("unsealed events stand beside the sealed ones, and hours are UTC's in any session", async () => {
  using full = await sealedFolder(visits, { unsealed });
  using fresh = await sealedFolder([], { unsealed });
  expect(single(await queryFile(full.folder.catalog, "SELECT count(*) FROM events"))).toBe(8);
  expect(single(await queryFile(fresh.folder.catalog, "SELECT count(*) FROM events"))).toBe(2);
  for (const settings of strangeZones) {
    const sql =
      "SELECT epoch(hour)::BIGINT AS hour, sum(events)::INT AS events FROM events_hourly GROUP BY ALL ORDER BY 1";
    const hours = [
      ["2024-03-10T06", 1],
      ["2024-03-10T07", 1],
      ["2024-03-11T07", 4],
      ["2024-03-11T08", 2],
    ] as const;
    expect(await queryFile(full.folder.catalog, sql, settings)).toEqual(
      hours.map(([hour, events]) => ({ hour: String(Date.parse(`${hour}:00:00Z`) / 1000), events })),
    );
  }
});

test("a session has its first and last page, and its length by the clock, also where a zone leaps", async () => {
  using sealed = await sealedFolder(visits, { unsealed });
  for (const settings of strangeZones) {
    const sql = `SELECT session_id, epoch_ms(start)::VARCHAR AS start, epoch_ms("end")::VARCHAR AS "end",
      duration::VARCHAR AS duration, events, entry_page, exit_page, person FROM sessions ORDER BY session_id, start`;
    const ms = (text: string) => String(Date.parse(`2024-03-${text}Z`));
    const row = (session_id: string, [start, end, duration]: [string, string, string], rest: object) => ({
      session_id,
      start: ms(start),
      end: ms(end),
      duration,
      ...rest,
    });
    // A pause of more than 30 minutes begins another session of the same session_id.
    expect(await queryFile(sealed.folder.catalog, sql, settings)).toEqual([
      row("a", ["10T06:59:00", "10T07:00:00", "00:01:00"], {
        events: "2",
        entry_page: "/home",
        exit_page: "/home",
        person: "x",
      }),
      row("a", ["11T07:30:00.5", "11T08:00:00", "00:29:59.5"], {
        events: "2",
        entry_page: "/bye",
        exit_page: "/bye",
        person: "x",
      }),
      row("b", ["11T07:00:00", "11T07:00:00", "00:00:00"], {
        events: "1",
        entry_page: "/only",
        exit_page: "/only",
        person: "y",
      }),
      row("b", ["11T07:45:00", "11T07:45:00", "00:00:00"], {
        events: "1",
        entry_page: "/late",
        exit_page: "/late",
        person: null,
      }),
      row("c", ["11T07:15:00", "11T07:15:00", "00:00:00"], {
        events: "1",
        entry_page: null,
        exit_page: null,
        person: null,
      }),
    ]);
  }
  expect((await described(sealed.folder.catalog, "sessions")).map(([name]) => name).slice(0, 9)).toEqual([
    "session_id",
    "start",
    "end",
    "duration",
    "events",
    "entry_page",
    "exit_page",
    "session",
    "person",
  ]);
});

test("freshness adds up by shard and for all, from segments without events and shards without segments too", async () => {
  const watermarkMs = Date.now() - 3_600_000;
  const watermarks = [0, 1, 2].map(
    (shard): ShardWatermark => ({ shard: shardId(shard), watermarkMs: watermarkMs + shard * 1000 }),
  );
  using sealed = await sealedFolder([...visits, []], { watermarks, unsealed });
  const bytes = sealed.content.segments.map((segment) => segment.bytes);
  const [first, second, third] = [bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0];
  const sql = `SELECT shard, epoch_ms(watermark)::VARCHAR AS watermark, rows, segments, bytes FROM freshness`;
  const row = (shard: number | null, [after, rows, segments, size]: [number, number, number, number]) => ({
    shard,
    watermark: String(watermarkMs + after),
    rows: String(rows),
    segments: String(segments),
    bytes: String(size),
  });
  expect(await queryFile(sealed.folder.catalog, sql)).toEqual([
    row(null, [0, 8, 3, first + second + third]),
    row(0, [0, 3, 2, first + third]),
    row(1, [1000, 3, 1, second]),
    row(2, [2000, 0, 0, 0]),
  ]);
  const ages = "SELECT count(*)::INT FROM freshness WHERE age BETWEEN INTERVAL 59 MINUTE AND INTERVAL 2 HOUR";
  expect(single(await queryFile(sealed.folder.catalog, ages))).toBe(4);
});

test("thousands of erasures have their receipts", async () => {
  const receipt = (by: string | null): ErasureReceipt => ({
    id: randomUUID(),
    erasedAtMs: Date.parse("2024-05-06T07:08:09.010Z"),
    by,
    requestHash: "ab".repeat(32),
    events: 7,
    catalogVersion: 9,
  });
  const first = receipt("o'brien");
  using sealed = await sealedFolder([], { erasures: [first, ...Array.from({ length: 3000 }, () => receipt(null))] });
  expect(await queryFile(sealed.folder.catalog, "FROM erasures WHERE by_subject IS NOT NULL")).toEqual([
    {
      id: first.id,
      erased_at: "2024-05-06 07:08:09.01+00",
      by_subject: "o'brien",
      request_hash: first.requestHash,
      events: "7",
      catalog_version: "9",
    },
  ]);
  expect(single(await queryFile(sealed.folder.catalog, "SELECT sum(events) FROM erasures"))).toBe(3001 * 7);
});

describe("elsewhere", () => {
  test("a moved folder answers after its new place is told, in views and macros alike", async () => {
    using sealed = await sealedFolder(visits, { version: 42, publishedAtMs: Date.parse("2024-01-02T03:04:05Z") });
    const moved = `${sealed.folder.root} moved, o'er there`;
    renameSync(sealed.folder.root, moved);
    const path = join(moved, "millrace.duckdb");
    await expect(queryFile(path, "FROM events")).rejects.toThrow();
    const settings = ["SET TimeZone = 'UTC'", `SET VARIABLE millrace_dir = ${literal(moved)}`];
    for (const name of ["events", "top(event_id, 10)"])
      expect(single(await queryFile(path, `SELECT count(*) FROM ${name}`, settings))).toBe(6);
    expect(single(await queryFile(path, "SELECT rows FROM freshness WHERE shard IS NULL", settings))).toBe(6);
    expect(await queryFile(path, "FROM catalog", settings)).toEqual([
      { version: "42", published_at: "2024-01-02 03:04:05+00", millrace_dir: moved },
    ]);
    rmSync(moved, { recursive: true });
  });

  test("an attached catalog answers by its name, and with its macros after USE", async () => {
    using sealed = await sealedFolder(visits);
    for (const options of ["(READ_ONLY)", ""]) {
      using duckdb = await openDuckDB();
      await duckdb.run(`ATTACH ${literal(sealed.folder.catalog)} AS m ${options}`);
      const counts = `SELECT (SELECT count(*) FROM m.events)::INT AS events, (SELECT count(*) FROM m.sessions)::INT AS sessions,
      (SELECT sum(events) FROM m.events_hourly)::INT AS hourly, (SELECT max(rows) FROM m.freshness)::INT AS rows`;
      expect(await duckdb.rows(counts)).toEqual([{ events: 6, sessions: 3, hourly: 6, rows: 6 }]);
      await duckdb.run("USE m");
      expect(await duckdb.rows("FROM top(event_name, 3)")).toEqual([
        { value: "tested", events: "5" },
        { value: "opened", events: "1" },
      ]);
    }
  });
});

describe("comments", () => {
  const commented = `
    SELECT view_name AS name, comment FROM duckdb_views() WHERE NOT internal
    UNION ALL
    SELECT function_name, comment FROM duckdb_functions() WHERE function_type = 'table_macro' AND NOT internal
    UNION ALL
    SELECT table_name || '.' || column_name, comment FROM duckdb_columns() WHERE comment IS NOT NULL`;

  const exampleOf = ({ comment }: Row) => /^.+[.;] Example: (.+)$/s.exec(String(comment))?.[1];

  test("every view and macro has one, the example in each runs, and stands in the README too", async () => {
    using sealed = await sealedFolder(visits, { unsealed });
    const page = await Bun.file(new URL("../../src/README.md", import.meta.url)).text();
    const rows = await queryFile(sealed.folder.catalog, commented);
    const names = rows.map((row) => String(row["name"]));
    for (const name of ["events", "events_hourly", "sessions", "persons", "top", "timeline", "funnel", "retention"])
      expect(names).toContain(name);
    // The view, and the macro that takes another gap.
    expect(names.filter((name) => name === "sessions").length).toBe(2);
    for (const name of ["freshness", "erasures", "catalog", "freshness.watermark", "events.properties"])
      expect(names).toContain(name);
    for (const row of rows) {
      const example = exampleOf(row);
      expect({ name: row["name"], hasExample: example !== undefined }).toEqual({ name: row["name"], hasExample: true });
      await queryFile(sealed.folder.catalog, String(example));
      // Columns have theirs in the catalog alone.
      if (!String(row["name"]).includes(".")) expect(page).toContain(`\`${example}\``);
    }
  });
});
