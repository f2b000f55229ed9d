/** An export holds what the catalog holds, in every format, whatever interrupts it. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventColumns } from "../../src/event/columns.ts";
import { parseTimestamp } from "../../src/event/timestamp.ts";
import { exportEvents } from "../../src/offline/export.ts";
import { lockFile } from "../../src/store/folder/lock.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import { queryFile, single } from "../support/catalog.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { faultyCalls } from "../support/faults.ts";
import { cleanEnv, entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { paths, type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { compact, erase } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

type Format = "parquet" | "csv" | "ndjson";

/**
 * Events of four days, with all that a format may stumble over; bodies as text, for numbers and blanks as they are
 * sent.
 */
const odd = [
  '{"event_name":"a, \\"b\\"","timestamp":"2026-02-27T23:59:59.999999Z","properties":{"n":1.50,"big":9007199254740993}}',
  '{"event_name":"line\\nend\\ttab","timestamp":"2026-02-28T00:00:00Z","properties":{ "a" :\n 1.0 },"session_id":"s\'1"}',
  '{"event_name":"ünï 🎈","timestamp":"2026-03-01T00:30:00+01:00","properties":{"text":"x\\ny\\\\"},"page_url":"NULL"}',
  '{"event_name":"first","timestamp":"0001-01-01T00:00:00.000001Z","category":"error","priority":"critical"}',
  '{"event_name":"last","timestamp":"9999-12-31T23:59:59.999999Z","referrer":"\\\\N","user_agent":"-","user_id":"u,\\"1\\"","anonymous_id":""}',
];

async function sendOdd(service: Service): Promise<void> {
  for (const event of odd) await service.track(event);
  await service.waitSealed();
}

/** An event at each 10 minutes of three days. */
const regular = Array.from({ length: 3 * 144 }, (_, at) =>
  JSON.stringify({ event_name: "regular", timestamp: Date.UTC(2026, 4, 1) + at * 600_000 }),
);

async function sendRegular(service: Service): Promise<Service> {
  for (let at = 0; at < regular.length; at += 100)
    await service.post(paths.batch, `{"events":[${regular.slice(at, at + 100).join(",")}]}`);
  await service.waitSealed();
  return service;
}

const shared = sharedService();

/** A service with the regular events, for tests that only read. */
const regularService = async () =>
  (await shared().stats()).total_events === 0 ? await sendRegular(shared()) : shared();

const sharedOdd = sharedService();

/** A service with the odd events, for tests that only read. */
async function oddService(): Promise<Service> {
  if ((await sharedOdd().stats()).total_events === 0) await sendOdd(sharedOdd());
  return sharedOdd();
}

const run = (service: Service, out: string, ...words: readonly string[]) =>
  millrace(["export", "--out", out, ...words], { env: { MILLRACE_DATA_DIR: service.dataDir } });

async function exported(service: Service, out: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(service, out, ...words);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

/** A time as `--from` and `--to` pass it on. */
function timeOf(given: string | undefined): string | null {
  if (given === undefined) return null;
  const parsed = parseTimestamp(given);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.timestamp.text;
}

/**
 * The same export in this process, where a test needs one before or after the one that it is about: starting the
 * command takes longer than a small export.
 */
const exportedHere = (
  service: Service,
  out: string,
  range: { from?: string | undefined; to?: string | undefined } = {},
) =>
  exportEvents({
    folder: dataFolder(service.dataDir),
    from: timeOf(range.from),
    to: timeOf(range.to),
    format: "parquet",
    out,
    onProgress: () => undefined,
  });

/** SQL that reads an export back in the columns of `events`. */
function readBack(out: string, format: Format): string {
  const files = `'${join(out, "*", `events.${format}`)}'`;
  const columns = `columns = {${Object.entries(eventColumns)
    .map(([name, type]) => `${name}: '${type.replaceAll("'", "''")}'`)
    .join(", ")}}`;
  switch (format) {
    case "parquet":
      return `read_parquet(${files}, hive_partitioning = false)`;
    case "csv":
      return `read_csv(${files}, header = true, quote = '"', escape = '"', allow_quoted_nulls = false, hive_partitioning = false, ${columns})`;
    case "ndjson":
      return `read_json(${files}, format = 'newline_delimited', hive_partitioning = false, ${columns})`;
  }
}

const texts = Object.keys(eventColumns).map((name) => `${name}::VARCHAR AS ${name}`);

/**
 * Rows that the catalog has and the export has not, and the other way round. DuckDB's reader of JSON spells what it
 * reads again, so that for ndjson both sides are.
 */
async function differences(service: Service, out: string, format: Format, where = "true"): Promise<number> {
  const columns = texts.map((text) =>
    text.startsWith("properties") && format === "ndjson" ? "json(properties)::VARCHAR AS properties" : text,
  );
  const [catalog, files] = [`events WHERE ${where}`, readBack(out, format)].map(
    (from) => `SELECT ${columns} FROM ${from}`,
  );
  return single(
    await service.rows(
      `SELECT (SELECT count(*) FROM (${catalog} EXCEPT ALL ${files})) + (SELECT count(*) FROM (${files} EXCEPT ALL ${catalog}))`,
    ),
  );
}

const daysIn = (out: string) => readdirSync(out).filter((file) => file.startsWith("day="));

test.each(["parquet", "csv", "ndjson"] as const)(
  "%s holds all events by day, as they are in the catalog",
  async (format) => {
    using scratch = temporaryFolder();
    const service = await oddService();
    const out = join(scratch.path, "it's out");
    expect(await exported(service, out, "--format", format)).toContain("exported 5 events of 4 days");
    expect(daysIn(out).sort()).toEqual(["day=0001-01-01", "day=2026-02-27", "day=2026-02-28", "day=9999-12-31"]);
    const escaped = out.replaceAll("'", "''");
    expect(await differences(service, escaped, format)).toBe(0);
    expect(readdirSync(join(out, "day=2026-02-28"))).toEqual([`events.${format}`]);
    if (format === "parquet") return;
    // Digits as they were sent, which no reader has to be trusted for.
    const text = readFileSync(join(out, "day=2026-02-27", `events.${format}`), "utf8");
    expect(text).toContain("1.50");
    expect(text).toContain("9007199254740993");
  },
);

test("each file is ordered by timestamp", async () => {
  using scratch = temporaryFolder();
  await using service = await startService();
  for (const events of [regular.slice(50, 100), regular.slice(0, 50)])
    await service.post(paths.batch, `{"events":[${events.join(",")}]}`);
  const out = join(scratch.path, "out");
  await exported(service, out, "--format", "csv");
  const lines = readFileSync(join(out, "day=2026-05-01", "events.csv"), "utf8")
    .split("\n")
    .slice(1, -1);
  const times = lines.map((line) => line.split(",")[4]);
  expect(times.length).toBe(100);
  expect(times).toEqual(times.toSorted());
});

test("what is accepted and not sealed is exported, too", async () => {
  using scratch = temporaryFolder();
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  await service.track({ event_name: "unsealed" });
  const out = join(scratch.path, "out");
  expect(await exported(service, out)).toContain("exported 1 events");
  await service.stop();
  expect(await differences(service, out, "parquet")).toBe(0);
});

test.each([
  ["2026-05-01", "2026-05-02", 144],
  ["2026-05-01T10:10:00Z", "2026-05-01T10:40:00Z", 3],
  ["2026-05-01T10:10:00.000001Z", "2026-05-03T00:00:00.000001Z", 144 - 62 + 144 + 1],
  ["2026-05-01T10:00:00Z", "2026-05-01T11:00:00Z", 6],
  ["2026-05-01T10:30:00Z", "2026-05-01T11:10:00Z", 4],
  ["2026-05-02T02:00:00+02:00", undefined, 288],
  [undefined, "2026-05-01T00:10:00Z", 1],
  ["2027-01-01", undefined, 0],
] as const)("--from %s is in, --to %s is not", async (from, to, events) => {
  using scratch = temporaryFolder();
  const service = await regularService();
  const out = join(scratch.path, "out");
  const words = [...(from === undefined ? [] : ["--from", from]), ...(to === undefined ? [] : ["--to", to])];
  expect(await exported(service, out, ...words)).toContain(`exported ${events} events`);
  const where = [from && `timestamp >= '${from}'`, to && `timestamp < '${to}'`].filter(Boolean).join(" AND ");
  if (events > 0) expect(await differences(service, out, "parquet", where)).toBe(0);
  else expect(daysIn(out)).toEqual([]);
  // Done is done: counted in the same way, nothing is left to do.
  expect(await exportedHere(service, out, { from, to })).toMatchObject({ events, skipped: daysIn(out).length });
});

test("a second run does what changed, what is missing, and nothing else", async () => {
  using scratch = temporaryFolder();
  await using service = await sendRegular(await startService());
  const out = join(scratch.path, "out");
  await exportedHere(service, out);
  const fileOf = (day: string) => join(out, `day=${day}`, "events.parquet");
  const written = () => ["2026-05-01", "2026-05-02", "2026-05-03"].map((day) => statSync(fileOf(day)).ino);
  const before = written();
  await service.track({ event_name: "late", timestamp: "2026-05-02T12:00:00Z" });
  await service.waitSealed();
  expect(await exported(service, out)).toContain("2 days were there already");
  const after = written();
  expect(after.map((inode, at) => inode === before[at])).toEqual([true, false, true]);
  rmSync(fileOf("2026-05-03"));
  expect(await exportedHere(service, out)).toMatchObject({ skipped: 2 });
  expect(await differences(service, out, "parquet")).toBe(0);
});

/** Imports one event of a day, at `hour`, with what else it has. */
async function importOne(service: Service, folder: string, event: object): Promise<void> {
  const file = join(folder, `${crypto.randomUUID()}.ndjson`);
  writeFileSync(file, `${JSON.stringify({ event_name: "late", timestamp: "2026-05-02T23:00:00Z", ...event })}\n`);
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  expect(await millrace(["import", file], { env })).toMatchObject({ code: 0 });
}

test("a day whose events changed and whose count did not is written again", async () => {
  using scratch = temporaryFolder();
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "0.3" } });
  const out = join(scratch.path, "out");
  const at = (session_id: string, day: number) => ({
    event_name: "e",
    session_id,
    timestamp: `2026-05-0${day}T12:00:00Z`,
  });
  await service.batch([at("stays", 2), at("goes", 2), at("stays", 3)]);
  await service.waitSealed();
  expect(await exportedHere(service, out)).toMatchObject({ events: 3, days: 2 });
  await erase(service, { session_id: "goes" });
  await importOne(service, scratch.path, { session_id: "late" });
  expect(await exported(service, out)).toContain("1 days were there already");
  expect(await differences(service, out, "parquet")).toBe(0);
  const sessions = `SELECT session_id FROM '${join(out, "day=2026-05-02", "events.parquet")}' ORDER BY ALL`;
  expect(await queryFile(service.catalogPath, sessions)).toEqual([{ session_id: "late" }, { session_id: "stays" }]);
  // The same id, name and times with other properties are another event.
  const event_id = crypto.randomUUID();
  await importOne(service, scratch.path, { event_id, session_id: "mended", properties: { price: 1 } });
  await exportedHere(service, out);
  await erase(service, { session_id: "mended" });
  await importOne(service, scratch.path, { event_id, session_id: "mended", properties: { price: 2 } });
  expect(await exportedHere(service, out)).toMatchObject({ skipped: 1 });
  expect(await differences(service, out, "parquet")).toBe(0);
});

test("a merge of its segments is no reason to write a day again", async () => {
  using scratch = temporaryFolder();
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "0" } });
  const out = join(scratch.path, "out");
  for (let flush = 0; flush < 3; flush++) {
    await service.batch(Array(9).fill({ event_name: "e", timestamp: "2026-05-02T12:00:00Z", properties: { n: 1.5 } }));
    await service.waitSealed();
  }
  await exportedHere(service, out);
  const written = statSync(join(out, "day=2026-05-02", "events.parquet")).ino;
  await compact(service);
  expect(await exported(service, out)).toContain("1 days were there already");
  expect(await exportedHere(service, out)).toMatchObject({ skipped: 1 });
  expect(statSync(join(out, "day=2026-05-02", "events.parquet")).ino).toBe(written);
});

test("an export of the release before goes on under the new names, and its days are written again", async () => {
  using scratch = temporaryFolder();
  const service = await regularService();
  const out = join(scratch.path, "out");
  await exportedHere(service, out);
  const earlier = { from: null, to: null, format: "parquet", days: { "2026-05-01": 144, "2026-05-02": 144 } };
  for (const name of ["_export.json", "_lock"]) rmSync(join(out, name));
  writeFileSync(join(out, "export.json"), `${JSON.stringify(earlier, null, 2)}\n`);
  for (const left of ["lock", "scratch.tmp", "day=2026-05-01/events.parquet.tmp"]) writeFileSync(join(out, left), "");
  const refused = await run(service, out, "--format", "csv");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("other parameters") });
  expect(await exported(service, out)).toContain("exported 432 events of 3 days");
  expect(await exportedHere(service, out)).toMatchObject({ skipped: 3 });
  expect(readdirSync(out).filter((file) => !/^(_|day=)/.test(file))).toEqual([]);
  expect(readdirSync(join(out, "day=2026-05-01"))).toEqual(["events.parquet"]);
  expect(await differences(service, out, "parquet")).toBe(0);
});

test("a manifest that is damaged is named, and nothing is written", async () => {
  using scratch = temporaryFolder();
  const service = await regularService();
  const out = join(scratch.path, "out");
  await exportedHere(service, out);
  const path = join(out, "_export.json");
  const text = readFileSync(path, "utf8");
  for (const spoilt of [text.replace("144", "145"), text.slice(0, -20), "[]"]) {
    writeFileSync(path, spoilt);
    const { code, stderr } = await run(service, out);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining("_export.json") });
    expectPlainWords(stderr);
  }
});

test("a parquet export is a data set for others: nothing beside days without _, and plain strings in it", async () => {
  using scratch = temporaryFolder();
  const service = await oddService();
  const out = join(scratch.path, "out");
  await exportedHere(service, out);
  for (const file of readdirSync(out, { recursive: true, encoding: "utf8" }).sort())
    expect(file).toMatch(/^(_[^/]+|day=\d{4}-\d\d-\d\d(\/events\.parquet)?)$/);
  const file = join(out, "day=2026-02-27", "events.parquet");
  const schema = await queryFile(
    service.catalogPath,
    `SELECT name, type, converted_type, logical_type FROM parquet_schema('${file}') WHERE type IS NOT NULL`,
  );
  const times = ["timestamp", "received_at"];
  const plain = schema.filter(({ name }) => !times.includes(String(name)));
  expect(plain.map(({ name }) => name)).toContain("event_id");
  expect(plain.map(({ name }) => name)).toContain("properties");
  for (const { name, type, converted_type } of plain)
    expect({ name, type, converted_type }).toEqual({ name, type: "BYTE_ARRAY", converted_type: "UTF8" });
  for (const { logical_type } of plain) expect(logical_type ?? "StringType()").toBe("StringType()");
  const [row] = await queryFile(service.catalogPath, `SELECT event_id, properties FROM '${file}'`);
  expect(row?.["event_id"]).toMatch(/^[0-9a-f-]{36}$/);
  expect(row?.["properties"]).toBe('{"n":1.50,"big":9007199254740993}');
});

test("exports during ingest and merges finish, and the last one has everything", async () => {
  using scratch = temporaryFolder();
  // Replaced segments go at once: an export may lose one that it is about to read.
  await using service = await startService({ env: { MILLRACE_GRACE_SECONDS: "0" } });
  const out = join(scratch.path, "out");
  let isLoading = true;
  const write = async () => {
    for (let day = 1; isLoading; day = (day % 5) + 1) {
      await service.batch(Array(50).fill({ event_name: "during", timestamp: `2026-06-0${day}T01:02:03Z` }));
      // Flushes and merges are wanted, not events: each export reads them all.
      await Bun.sleep(50);
    }
  };
  const merge = async () => {
    const admin = service.token({ scope: "admin" });
    while (isLoading) await service.request("/api/v1/analytics/compact", { token: admin, body: "{}" });
  };
  const load = [write(), merge()];
  for (let round = 0; round < 4; round++) await exported(service, out);
  isLoading = false;
  await Promise.all(load);
  await service.waitSealed();
  // Nothing is left to merge, so no file goes while the catalog is compared.
  await service.request("/api/v1/analytics/compact", { token: service.token({ scope: "admin" }), body: "{}" });
  await exported(service, out);
  expect(await differences(service, out, "parquet")).toBe(0);
});

test("a terminal sees a bar", async () => {
  using scratch = temporaryFolder();
  const service = await regularService();
  let shown = "";
  const child = Bun.spawn([process.execPath, entryPath, "export", "--out", join(scratch.path, "out")], {
    env: cleanEnv({ MILLRACE_DATA_DIR: service.dataDir }),
    terminal: {
      cols: 100,
      rows: 30,
      data: (_terminal, bytes) => {
        shown += Buffer.from(bytes).toString();
      },
    },
  });
  expect(await child.exited).toBe(0);
  await until(() => shown.includes("exported 432 events"), { what: "the report", limitMs: 5_000, state: () => shown });
  expect(shown).toContain("█ 100% 2026-05-03: 3 of 3 days, 432 of 432 events");
});

test("another place or other parameters are refused, and so is a second export at the same time", async () => {
  using scratch = temporaryFolder();
  const service = await oddService();
  const out = join(scratch.path, "out");
  await exported(service, out, "--to", "2026-03-01");
  const full = join(scratch.path, "full");
  mkdirSync(full);
  writeFileSync(join(full, "mine"), "mine");
  const expectRefused = async (words: readonly string[], what: string, code = 1) => {
    const ended = await run(service, ...(words as [string]));
    expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code, stdout: "" });
    expect(ended.stderr).toContain(what);
    expectPlainWords(ended.stderr);
  };
  await expectRefused([out], "other parameters");
  await expectRefused([out, "--to", "2026-03-01", "--format", "csv"], "other parameters");
  await expectRefused([full], "not an export");
  await expectRefused([join(scratch.path, "new"), "--from", "soon"], "--from", 2);
  const inverted = ["--from", "2026-01-02", "--to", "2026-01-01"];
  await expectRefused([join(scratch.path, "new"), ...inverted], "must be later than --from", 2);
  await expectRefused([join(scratch.path, "new"), "--format", "xls"], "xls", 2);
  using lock = lockFile(join(out, "_lock"));
  expect(lock).toBeDefined();
  await expectRefused([out, "--to", "2026-03-01"], "running");
  expect(readdirSync(full)).toEqual(["mine"]);
});

test.each([
  ["rename", 1],
  ["rename", 2],
  ["rename", 3],
  ["rename", 5],
  ["folderSync", 2],
  ["folderSync", 4],
  ["remove", 2],
] as const)("an export killed at %s number %i is completed by the next run", async (calls, from) => {
  using scratch = temporaryFolder();
  const service = await regularService();
  const out = join(scratch.path, "out");
  const wrapper = faultyCalls({ calls, fault: "kill", from, to: from, logPath: "/dev/null" });
  if (wrapper === undefined) return;
  const { code } = await runToEnd([...wrapper, process.execPath, entryPath, "export", "--out", out], {
    env: { MILLRACE_DATA_DIR: service.dataDir },
  });
  expect(code).toBe(null);
  // What has its name is whole.
  for (const day of existsSync(out) ? daysIn(out) : []) {
    const path = join(out, day, "events.parquet");
    if (!existsSync(path)) continue;
    const counted = `SELECT count(*) FROM '${path}'`;
    expect(single(await queryFile(service.catalogPath, counted))).toBe(144);
  }
  expect(await exportedHere(service, out)).toMatchObject({ events: 432, days: 3 });
  expect(await differences(service, out, "parquet")).toBe(0);
  const left = readdirSync(out, { recursive: true }).filter((file) => String(file).endsWith(".tmp"));
  expect(left).toEqual([]);
});
