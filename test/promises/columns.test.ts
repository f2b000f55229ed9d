/** What lies on disk: the views, their columns and types, each segment alone, time to the microsecond. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { categories, category, moment, priorities, priority } from "../support/arbitraries.ts";
import { queryFile, single } from "../support/catalog.ts";
import { draws, fc } from "../support/property.ts";
import { paths, sharedService, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const enumOf = (members: readonly string[]) => `ENUM(${members.map((member) => `'${member}'`).join(", ")})`;

const eventColumns = [
  ["event_id", "UUID"],
  ["event_name", "VARCHAR"],
  ["category", enumOf(categories)],
  ["priority", enumOf(priorities)],
  ["timestamp", "TIMESTAMP WITH TIME ZONE"],
  ["received_at", "TIMESTAMP WITH TIME ZONE"],
  ["subject", "VARCHAR"],
  ["client_id", "VARCHAR"],
  ["user_id", "VARCHAR"],
  ["anonymous_id", "VARCHAR"],
  ["session_id", "VARCHAR"],
  ["page_url", "VARCHAR"],
  ["referrer", "VARCHAR"],
  ["user_agent", "VARCHAR"],
  ["properties", "JSON"],
];

const pairs = (rows: readonly Record<string, unknown>[]) => rows.map((row) => [row["column_name"], row["column_type"]]);

/** The hours of `events`, counted again, with the columns of the rollups. */
const countedHours = `SELECT date_trunc('hour', "timestamp") AS hour, category, priority, event_name, count(*) AS events
  FROM events GROUP BY ALL`;

test("an empty service has its catalog, and its views have their columns", async () => {
  await using fresh = await startService();
  expect(await fresh.count()).toBe(0);
  expect(pairs(await fresh.rows("DESCRIBE events"))).toEqual(eventColumns);
  expect(await fresh.rows("SELECT * FROM events_hourly")).toEqual([]);
});

test("events has exactly the contract's columns", async () => {
  await service().track({ event_name: "columns" });
  await service().waitSealed();
  expect(pairs(await service().rows("DESCRIBE events"))).toEqual(eventColumns);
});

test("events_hourly has exactly the contract's columns", async () => {
  await service().track({ event_name: "columns" });
  await service().waitSealed();
  const described = pairs(await service().rows("DESCRIBE events_hourly"));
  expect(described.map(([name]) => name)).toEqual(["hour", "category", "priority", "event_name", "events"]);
  expect(Object.fromEntries(described)).toMatchObject({ hour: "TIMESTAMP WITH TIME ZONE", events: "BIGINT" });
});

test("the catalog answers from any folder, with the time zone of whoever asks", async () => {
  const { event_id } = await service().track({ event_name: "zone", timestamp: "2024-07-01T00:30:00Z" });
  await service().waitSealed();
  const program = `
    import { DuckDBInstance } from ${JSON.stringify(Bun.resolveSync("@duckdb/node-api", import.meta.dirname))};
    const instance = await DuckDBInstance.create("millrace.duckdb", { access_mode: "READ_ONLY" });
    const connection = await instance.connect();
    await connection.run("SET TimeZone = 'Asia/Tokyo'");
    const reader = await connection.runAndReadAll("SELECT hour(\\"timestamp\\") AS h FROM events WHERE event_id = '${event_id}'");
    console.log(JSON.stringify(reader.getRowObjectsJson()));
  `;
  const ran = Bun.spawnSync([process.execPath, "-e", program], { cwd: service().dataDir });
  expect(ran.stdout.toString().trim()).toBe('[{"h":"9"}]');
});

describe("segments", () => {
  test("each is readable alone, with tables events and rollup that agree", async () => {
    for (let round = 0; round < 3; round++) {
      await service().batch(categories.map((category) => ({ event_name: `round ${round}`, category })));
      await service().waitSealed();
    }
    const paths = service().segmentPaths();
    expect(paths).not.toBeEmpty();
    for (const path of paths) {
      const tables = await queryFile(
        path,
        "SELECT table_name FROM information_schema.tables WHERE table_name IN ('events', 'rollup') ORDER BY 1",
      );
      expect(tables.map((row) => row["table_name"])).toEqual(["events", "rollup"]);
      expect(pairs(await queryFile(path, "DESCRIBE events"))).toEqual([...eventColumns, ["sequence", "BIGINT"]]);
      const rows = single(await queryFile(path, "SELECT count(*) FROM events"));
      expect(rows).toBeGreaterThan(0);
      expect(single(await queryFile(path, "SELECT sum(events) FROM rollup"))).toBe(rows);
    }
  });

  test("a segment does not change once it is there", async () => {
    await service().track({ event_name: "fixed" });
    await service().waitSealed();
    const hashes = () =>
      Promise.all(
        service()
          .segmentPaths()
          .map(async (path) => [path, Bun.hash(await Bun.file(path).arrayBuffer()).toString()] as const),
      );
    const before = new Map(await hashes());
    await service().batch(Array(100).fill({ event_name: "fixed later" }));
    await service().waitSealed();
    for (const [path, hash] of await hashes()) {
      const was = before.get(path);
      if (was !== undefined) expect({ path, hash }).toEqual({ path, hash: was });
    }
  });
});

test("any event comes back in its columns, and the hours agree with the events", async () => {
  const text = fc.string({ unit: "binary", maxLength: 20 });
  const nullable = fc.option(text, { nil: null });
  const event = fc.record({
    event_name: fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
    category,
    priority,
    when: moment,
    session_id: nullable,
    page_url: nullable,
    referrer: nullable,
    user_agent: nullable,
    user_id: nullable,
    anonymous_id: nullable,
    event_id: fc.uuid(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(event, { minLength: 20, maxLength: 100, size: "max", selector: (one) => one.event_id }),
      nullable,
      async (events, client_id) => {
        const sent = events.map(({ when, ...rest }) => ({ ...rest, timestamp: when.text, event_id: randomUUID() }));
        await service().batch(sent, client_id);
        await service().waitSealed();
        const ids = sent.map(({ event_id }) => `'${event_id}'`).join(",");
        // Text is compared by its bytes, so that nothing on the way back can hide a difference.
        const rows = await service().rows(
          `SELECT event_id, hex(event_name) AS event_name, category, priority, epoch_us("timestamp") AS micros,
             hex(client_id) AS client_id, hex(session_id) AS session_id, hex(page_url) AS page_url,
             hex(referrer) AS referrer, hex(user_agent) AS user_agent, hex(user_id) AS user_id, hex(anonymous_id) AS anonymous_id
           FROM events WHERE event_id IN (${ids})`,
        );
        const hex = (text: string | null) => text && Buffer.from(text).toString("hex").toUpperCase();
        const expected = sent.map(({ timestamp: _timestamp, ...one }, at) => ({
          event_id: one.event_id,
          event_name: hex(one.event_name),
          category: one.category,
          priority: one.priority,
          micros: String(events[at]?.when.micros),
          client_id: hex(client_id),
          session_id: hex(one.session_id),
          page_url: hex(one.page_url),
          referrer: hex(one.referrer),
          user_agent: hex(one.user_agent),
          user_id: hex(one.user_id),
          anonymous_id: hex(one.anonymous_id),
        }));
        const byId = (a: { event_id?: unknown }, b: { event_id?: unknown }) =>
          String(a.event_id).localeCompare(String(b.event_id));
        expect(rows.sort(byId)).toEqual(expected.sort(byId));
      },
    ),
    draws(12, { withinMs: 30_000 }),
  );
  const hourly = "SELECT hour, category, priority, event_name, sum(events) AS events FROM events_hourly GROUP BY ALL";
  expect(await service().rows(`(${hourly}) EXCEPT (${countedHours})`)).toEqual([]);
  expect(await service().rows(`(${countedHours}) EXCEPT (${hourly})`)).toEqual([]);
});

test("each way to write a time is kept to the microsecond", async () => {
  const table: readonly (readonly [timestamp: string | number, micros: string])[] = [
    ["2024-01-01T00:00:00Z", "1704067200000000"],
    ["2024-01-01T00:00:00", "1704067200000000"],
    ["2024-01-01 00:00:00", "1704067200000000"],
    ["2024-01-01t00:00:00z", "1704067200000000"],
    ["2024-01-01T00:00", "1704067200000000"],
    ["2024-01-01", "1704067200000000"],
    ["2024-01-01T05:30:00+05:30", "1704067200000000"],
    ["2024-01-01T05:30:00+0530", "1704067200000000"],
    ["2023-12-31T19:00:00-05:00", "1704067200000000"],
    ["2024-01-01T00:00:00.1Z", "1704067200100000"],
    ["2024-01-01T00:00:00.123Z", "1704067200123000"],
    ["2024-01-01T00:00:00.123456Z", "1704067200123456"],
    ["2024-01-01T00:00:00.1234567Z", "1704067200123456"],
    ["2024-02-29T23:59:59.999999-12:34", "1709296439999999"],
    ["1969-12-31T23:59:59.999999Z", "-1"],
    ["9999-12-31T23:59:59.999999Z", "253402300799999999"],
    ["0001-01-01T00:00:00Z", "-62135596800000000"],
    [0, "0"],
    [-1, "-1000000"],
    [-1.5, "-1500000"],
    [1700000000, "1700000000000000"],
    [1700000000.123456, "1700000000123456"],
    [20_000_000_000, "20000000000000000"],
    [20_000_000_001, "20000000001000"],
    [-20_000_000_000, "-20000000000000000"],
    [1700000000123, "1700000000123000"],
    [1700000000123.456, "1700000000123456"],
  ];
  const client = randomUUID();
  const events = table.map(([timestamp], at) => ({ event_name: "t", timestamp, session_id: String(at) }));
  const response = await service().post(paths.batch, { events, client_id: client });
  expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT epoch_us("timestamp") AS micros FROM events WHERE client_id = '${client}' ORDER BY session_id::INT`,
  );
  expect(rows.map(({ micros }, at) => [table[at]?.[0], micros])).toEqual(table.map((row) => [...row]));
});
