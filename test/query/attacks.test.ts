import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { queryFormats } from "../../src/query/protocol.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const path = "/api/v1/analytics/query";

/** Some of the attacks take a query's whole time, so it is short; and its memory is the least that there may be. */
const env = {
  MILLRACE_QUERY_SECONDS: "4",
  MILLRACE_QUERY_MEMORY_MIB: "512",
  MILLRACE_QUERY_ROWS: "100000",
  // The default: there are events that are sealed and events that are not.
  MILLRACE_FLUSH_INTERVAL_SECONDS: "2",
};

let service: Service;
let sent = 0;
let isSending = true;
let sending: Promise<void> | undefined;

beforeAll(async () => {
  service = await startService({ env });
  sending = (async () => {
    while (isSending) {
      await service.batch(Array.from({ length: 50 }, () => ({ event_name: "beside", properties: { sent: sent++ } })));
      await Bun.sleep(50);
    }
  })();
});

afterAll(async () => {
  isSending = false;
  await sending;
  await service[Symbol.asyncDispose]();
});

async function ask(sql: string, format = "json"): Promise<{ status: number; text: string }> {
  const response = await service.request(path, {
    token: service.token({ scope: "query" }),
    body: JSON.stringify({ sql, format }),
  });
  return { status: response.status, text: await response.text().catch(() => "cut") };
}

/** What every attack must leave: events go on being accepted, a query answers, and it sees them. */
async function expectHealthy(): Promise<void> {
  const before = sent;
  expect((await service.health()).status).toBe(200);
  const sql = "SELECT count(*) >= 1 AS seen, count(*) = count(DISTINCT event_id) AS once FROM events";
  // On a busy machine a query may take longer than it may.
  const inTime = async () => {
    const answer = await ask(sql);
    return answer.status === 504 ? undefined : answer;
  };
  const { status, text } = await until(inTime, { what: "an answer in time", limitMs: 20_000 });
  expect([status, text.split("\n")[1]]).toEqual([200, "[true,true]"]);
  await until(() => sent > before, { what: "more events to be accepted", limitMs: 10_000 });
}

const deep = (open: string, close: string, levels: number) => `SELECT ${open.repeat(levels)}1${close.repeat(levels)}`;

const limitsExceeded = {
  "a string of 4 GB": "SELECT length(repeat('x', 4000000000))",
  "strings of 400 MB, many of them": "SELECT max(length(repeat('x', 400000000 + i::INTEGER))) FROM range(100) t(i)",
  "a list of all numbers": "SELECT list(i) FROM range(1000000000) t(i)",
  "a list from a range": "SELECT len(range(2000000000))",
  "one text of all texts": "SELECT string_agg(repeat('x', 1000), '') FROM range(10000000)",
  "a cross join, sorted":
    "SELECT * FROM range(1000000) a, range(1000000) b ORDER BY hash(a.range + b.range) LIMIT 1 OFFSET 90000000",
  "a cross join, grouped":
    "SELECT count(*) FROM (SELECT a.range, b.range, count(*) FROM range(1000000) a, range(1000000) b GROUP BY ALL)",
  "recursion without an end":
    "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t WHERE i < 0",
  "recursion that doubles":
    "WITH RECURSIVE t(s) AS (SELECT 'x' UNION ALL SELECT s || s FROM t) SELECT max(length(s)) FROM t",
  "a long sleep": "SELECT sleep_ms(1000000)",
};

for (const [name, sql] of Object.entries(limitsExceeded))
  for (const format of ["json", "csv"])
    test(`${name}, as ${format}, ends its own process at most`, async () => {
      const { status, text } = await ask(sql, format);
      expect([400, 504]).toContain(status);
      expect(JSON.parse(text)).toEqual({ detail: expect.any(String) });
      await expectHealthy();
    });

const refused = {
  "a file as text": "FROM read_text('/etc/passwd')",
  "a file as a table": "FROM '/etc/passwd'",
  "a file of the service": "FROM read_blob('secret')",
  "all files": "FROM glob('**')",
  "the network": "FROM read_csv('https://127.0.0.1/x.csv')",
  "writing a file": "COPY (SELECT 1) TO 'x.csv'",
  "another database": "ATTACH 'x.duckdb'",
  "an extension": "INSTALL httpfs",
  "an extension, loaded": "LOAD httpfs",
  "an export": "EXPORT DATABASE 'x'",
  "a pragma": "PRAGMA database_list",
  "a plan of a write": "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
  "a plan of a copy": "EXPLAIN ANALYZE COPY (SELECT 1) TO 'x.csv'",
  "a plan of a file": "EXPLAIN ANALYZE FROM read_text('/etc/passwd')",
  "a file, described": "DESCRIBE FROM read_csv('/etc/passwd')",
  "a file, summarized": "SUMMARIZE FROM read_csv('/etc/passwd')",
  "a file, summarized by its name": "SUMMARIZE '/etc/passwd'",
  "a file, pivoted": "PIVOT (FROM read_text('/etc/passwd')) ON content",
  "a pivot and a write": "PIVOT events ON category; DROP VIEW events",
  "a setting, shown": "SHOW temp_directory",
  "databases, shown": "SHOW DATABASES",
  "SQL of DuckDB's views": "FROM system.main.duckdb_views()",
  "a setting": "SET lock_configuration = false",
  "a call": "CALL pragma_database_size()",
  "two statements": "SELECT 1; SELECT 2",
  "a second statement behind a comment": "SELECT 1 -- \n; DROP VIEW events",
  "SQL from text": "FROM query('SELECT 1')",
  settings: "FROM duckdb_settings()",
  "one setting": "SELECT current_setting('allowed_paths')",
  "a closed bracket": "SELECT 1) TO 'x.csv' (FORMAT csv); --",
  "deep brackets": deep("(", ")", 20_000),
  "deep calls": deep("abs(", ")", 20_000),
  "deep lists": deep("[", "]", 20_000),
  "deep queries": deep("(SELECT ", ")", 20_000),
  "a long chain": `SELECT ${"1 + ".repeat(50_000)}1`,
  "a huge text": `SELECT '${"x".repeat(900_000)}' FROM nowhere`,
  "nothing but brackets": "(".repeat(900_000),
  "a zero character": "SELECT 1\u0000; DROP VIEW events",
};

// Each in one format, in turn: what is refused is refused before anything is written in it.
for (const [index, [name, sql]] of Object.entries(refused).entries()) {
  const format = queryFormats[index % queryFormats.length];
  test(`${name}, as ${format}, is refused without a path`, async () => {
    const { status, text } = await ask(sql, format);
    expect([400, 504]).toContain(status);
    const { detail }: { detail: unknown } = JSON.parse(text);
    expect(detail).toBeString();
    expect(text).not.toContain(service.dataDir);
    expect(text).not.toContain("query-");
    expect(text.length).toBeLessThan(20_000);
  });
}

test("more rows than may be is 400, or an answer that breaks off and never one that looks whole", async () => {
  expect(await ask("FROM range(100001)", "parquet")).toMatchObject({ status: 400 });
  expect(JSON.parse((await ask("SELECT 1 FROM range(100001)", "csv")).text)).toEqual({
    detail: "The result has more than 100000 rows; aggregate, or add a LIMIT",
  });
  for (const format of ["json", "ndjson", "csv"])
    expect(await ask("SELECT repeat('x', 100) FROM range(100001)", format)).toEqual({ status: 200, text: "cut" });
  const whole = await ask("SELECT repeat('x', 100) FROM range(100000)", "ndjson");
  expect(whole.text.split("\n").length).toBe(100_001);
});

test("after all of it the service is as it was, every event is there once, and no scratch folder is left", async () => {
  await expectHealthy();
  isSending = false;
  await sending;
  expect((await ask("SELECT count(*) FROM events")).text).toContain(`\n[${sent}]\n`);
  expect((await service.stats()).total_events).toBe(sent);
  // The log tells of the answers that broke off, and of nothing else.
  const lines = service.stderr.split("\n").filter((line) => line !== "");
  expect(lines.filter((line) => !line.includes('"msg":"query broke off"'))).toEqual([]);
  expect(await service.stop()).toBe(0);
  expect(readdirSync(join(service.dataDir, "scratch"))).toEqual([]);
});
