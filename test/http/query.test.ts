import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { catalogMacros } from "../../src/store/catalog/questions/questions.ts";
import { currentFormat, segmentName } from "../../src/store/folder/names.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { childrenOf, programOf } from "../support/process.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type RequestOptions, type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const path = "/api/v1/analytics/query";

/** A folder for temporary files that is not there is nothing to a service. */
const env = { TMPDIR: "/nowhere/at/all" };

const service = sharedService({ env });

/** Asks; `headers` and `token` as `request` takes them. */
function ask(of: Service, body: object, options: Omit<RequestOptions, "body"> = {}): Promise<Response> {
  return of.request(path, { token: of.token({ scope: "query" }), ...options, body: JSON.stringify(body) });
}

/** The rows of a query's JSON answer. */
async function rowsOf(of: Service, sql: string, params: unknown = []): Promise<unknown[][]> {
  const response = await ask(of, { sql, params });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`answered ${response.status}: ${text}`);
  const { rows }: { rows: unknown[][] } = JSON.parse(text);
  return rows;
}

test("an event is seen as soon as it is acknowledged, sealed or not, and once", async () => {
  for (let round = 0; round < 8; round++) {
    const { event_id } = await service().track({ event_name: "own-write", properties: { round } });
    const rows = await rowsOf(service(), "SELECT count(*) FROM events WHERE event_id = $id", { id: event_id });
    expect(rows).toEqual([[1]]);
  }
  const { total_events } = await service().stats();
  expect(await rowsOf(service(), "SELECT count(*) FROM events")).toEqual([[total_events]]);
});

test("json has columns with types and rows with all their digits", async () => {
  await service().track('{"event_name":"digits","properties":{"price":1.50,"big":9007199254740993},"timestamp":1.5}');
  const response = await ask(service(), {
    sql: `SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, 1.10::DECIMAL(9, 2) AS exact, 'nan'::DOUBLE AS nan,
      0.1::FLOAT AS float, timestamp, properties, [properties] AS list, {'a': 1, 'b': [1.0]} AS struct, MAP {1: 'x'} AS map,
      uuid_extract_version(event_id) AS version, NULL AS nothing, '-infinity'::TIMESTAMPTZ AS never,
      '1969-12-31 23:59:59.999999+00'::TIMESTAMPTZ AS before FROM events WHERE event_name = 'digits'`,
  });
  expect(response.headers.get("content-type")).toBe("application/json");
  const text = await response.text();
  const [row] = text.split("\n").slice(1, 2);
  expect(row).toBe(
    '[170141183460469231731687303715884105727,1.10,"NaN",0.1,"1970-01-01T00:00:01.500000Z",{"price":1.50,"big":9007199254740993},' +
      '[{"price":1.50,"big":9007199254740993}],{"a":1,"b":[1.0]},{"1":"x"},7,null,"-infinity","1969-12-31T23:59:59.999999Z"]',
  );
  const answer: unknown = JSON.parse(text);
  expect(answer).toMatchObject({
    row_count: 1,
    columns: { 0: { name: "huge", type: "HUGEINT" }, 5: { name: "properties", type: "JSON" } },
  });
});

for (const [format, reader] of [
  ["ndjson", "read_json"],
  ["csv", "read_csv"],
  ["parquet", "read_parquet"],
] as const)
  test(`${format} is read back by DuckDB as it was`, async () => {
    using folder = temporaryFolder();
    const sql = "SELECT i, 'text, \"' || i AS text, (i / 7)::DECIMAL(9, 3) AS part FROM range(5000) t(i)";
    const response = await ask(service(), { sql: `${sql};`, format });
    const file = join(folder.path, `rows.${format}`);
    await Bun.write(file, await response.bytes());
    using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
    const [difference] = await duckdb.rows(
      `SELECT (SELECT count(*) FROM ${reader}('${file}')) AS rows,
        (SELECT count(*) FROM (${sql} EXCEPT SELECT i, text, part::DECIMAL(9, 3) FROM ${reader}('${file}'))) AS others`,
    );
    expect(difference).toEqual({ rows: "5000", others: "0" });
  });

test("json is read back as it was, and repeated names are told apart where they are keys", async () => {
  expect(await rowsOf(service(), "SELECT i, i AS i FROM range(5000) t(i)")).toEqual(
    Array.from({ length: 5000 }, (_, i) => [i, i]),
  );
  const response = await ask(service(), { sql: "SELECT 1 AS a, 2 AS a, 3 AS a_1", format: "ndjson" });
  expect(await response.text()).toBe('{"a":1,"a_1":2,"a_1_1":3}\n');
});

test("Accept chooses where the body does not, and what cannot be given is 406", async () => {
  const typeFor = async (accept: string, format?: string) => {
    const response = await ask(service(), { sql: "SELECT 1", format }, { headers: { accept } });
    await response.bytes();
    return response.status === 200 ? response.headers.get("content-type") : response.status;
  };
  expect(await typeFor("*/*")).toBe("application/json");
  expect(await typeFor("text/*")).toBe("text/csv; charset=utf-8");
  expect(await typeFor("application/x-ndjson")).toBe("application/x-ndjson");
  expect(await typeFor("text/csv;q=0.5, application/vnd.apache.parquet")).toBe("application/vnd.apache.parquet");
  expect(await typeFor("image/png, text/csv;q=0")).toBe(406);
  expect(await typeFor("image/png", "csv")).toBe("text/csv; charset=utf-8");
});

test("parameters are bound by position and by name, and in every format", async () => {
  expect(await rowsOf(service(), "SELECT $1, ?2, $1 IS NULL", ["a", true])).toEqual([["a", true, false]]);
  expect(await rowsOf(service(), "SELECT ?, ?, ?", [null, 1.5, "'; DROP"])).toEqual([[null, 1.5, "'; DROP"]]);
  expect(await rowsOf(service(), "SELECT $a + $b", { a: 1, b: 2 })).toEqual([[3]]);
  const big = await service().request(path, {
    token: service().token({ scope: "query" }),
    body: '{"sql":"SELECT $1 AS big","params":[9007199254740993],"format":"csv"}',
  });
  expect(await big.text()).toBe("big\n9007199254740993\n");
  const since = "SELECT count(*) FROM events WHERE timestamp >= $since AND category = $category";
  expect(await rowsOf(service(), since, { since: "2000-01-01T00:00:00Z", category: "auth" })).toEqual([[0]]);
  expect(await rowsOf(service(), "SELECT $1, len($2), $1[2]", [["a", "b"], [1, [], null].slice(0, 1)])).toEqual([
    [["a", "b"], 1, "b"],
  ]);
  const names = ["auth", "trading", "none"];
  const among = "SELECT count(*) FROM events WHERE category::VARCHAR IN $names AND list_contains($names, 'none')";
  expect(await rowsOf(service(), among, { names })).toEqual([[0]]);
  expect(await rowsOf(service(), "SELECT $1, [1.5] = $2", [[[1, 2], [3], [null]], [1.5]])).toEqual([
    [[[1, 2], [3], [null]], true],
  ]);
  for (const params of [[], [1, 2], { a: 1 }, [{ a: 1 }], [[1, { a: 1 }]]])
    for (const format of ["json", "parquet"]) {
      const response = await ask(service(), { sql: "SELECT $1", params, format });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({ detail: expect.any(String) });
    }
});

test("a query that fails is 400 with DuckDB's words and the place, and no folder's name", async () => {
  const failed = async (sql: string, format = "json") => {
    const response = await ask(service(), { sql, format });
    expect(response.status).toBe(400);
    const body = await response.json();
    expect(JSON.stringify(body)).not.toContain(service().dataDir);
    expect(JSON.stringify(body)).not.toContain("query-");
    return body;
  };
  for (const format of ["json", "ndjson", "csv", "parquet"]) {
    const body = await failed("SELECT 'ä', nothing FROM events", format);
    expect(body).toMatchObject({ detail: expect.stringContaining('Referenced column "nothing"'), position: 12 });
    expect(await failed("SELEC 1", format)).toMatchObject({ detail: 'Parser Error: syntax error at or near "SELEC"' });
    expect(await failed("SELECT 'x'::INTEGER", format)).toMatchObject({
      detail: expect.stringContaining("Conversion"),
    });
  }
  expect(await failed("SELECT 'x'::INTEGER FROM events")).toMatchObject({ position: 10 });
  // DuckDB's place would be one within the macro's definition, far past the end of this statement.
  expect(await failed("FROM funnel('view', INTERVAL 1 HOUR)")).toEqual({
    detail: expect.stringContaining("Conversion Error"),
  });
  expect(await failed("FROM top(nothing, 5)")).toMatchObject({ position: 5 });
  await failed(`SELECT error('${service().dataDir}/segments')`);
  await failed(`FROM '${join("segments", "x.duckdb")}'`);
  expect(await rowsOf(service(), "SELECT * FROM catalog")).toEqual([[0, expect.any(String), "."]]);
});

test("a body that is no query is 422 in pydantic's words; scope, token and kind are asked for", async () => {
  const issues = async (body: object) => {
    const response = await ask(service(), body);
    expect(response.status).toBe(422);
    return await response.json();
  };
  expect(await issues({})).toEqual({
    detail: [{ type: "missing", loc: ["body", "sql"], msg: "Field required", input: {} }],
  });
  expect(await issues({ sql: 1, params: "a", format: "xml" })).toEqual({
    detail: [
      { type: "string_type", loc: ["body", "sql"], msg: "Input should be a valid string", input: 1 },
      { type: "dict_type", loc: ["body", "params"], msg: "Input should be a valid dictionary or list", input: "a" },
      {
        type: "enum",
        loc: ["body", "format"],
        msg: "Input should be 'json', 'ndjson', 'csv' or 'parquet'",
        input: "xml",
        ctx: { expected: "'json', 'ndjson', 'csv' or 'parquet'" },
      },
    ],
  });
  expect((await service().post(path, { sql: "SELECT 1" })).status).toBe(403);
  expect((await ask(service(), { sql: "SELECT 1" }, { token: null })).status).toBe(401);
  expect((await ask(service(), { sql: "SELECT 1" }, { headers: { "content-type": "text/plain" } })).status).toBe(415);
  expect((await service().request(path, { method: "PUT", body: "{}" })).status).toBe(405);
});

test("the catalog's views and macros answer", async () => {
  await service().batch([
    { event_name: "macro", page_url: "/a", session_id: "s" },
    { event_name: "macro", page_url: "/a", session_id: "s" },
  ]);
  expect(await rowsOf(service(), "SELECT value, events FROM top(page_url, 9) WHERE value IS NOT NULL")).toEqual([
    ["/a", 2],
  ]);
  expect(await rowsOf(service(), "SELECT events FROM sessions WHERE session_id = 's'")).toEqual([[2]]);
  expect(await rowsOf(service(), "SELECT sum(events) FROM events_hourly WHERE event_name = 'macro'")).toEqual([[2]]);
  const tables = await rowsOf(service(), "SELECT table_name FROM information_schema.tables ORDER BY ALL");
  expect(tables.flat()).toContain("events");
});

test("every macro is listed with an example that runs here, and takes its events from a WITH", async () => {
  const listed = await rowsOf(
    service(),
    "SELECT function_name, comment FROM duckdb_functions() WHERE function_type = 'table_macro' ORDER BY ALL",
  );
  // The one that has a view of its name, too.
  expect(listed.map(([name]) => name)).toContain("sessions");
  expect(listed.length).toBe(catalogMacros.length);
  for (const [, comment] of listed) {
    const example = /Example: (.+)$/s.exec(String(comment))?.[1] ?? "";
    expect({ example, status: (await ask(service(), { sql: example })).status }).toEqual({ example, status: 200 });
  }
  const nobody = "WITH events AS (SELECT * FROM events WHERE false) SELECT count(*) FROM";
  for (const call of ["sessions()", "top(event_name)", "timeline(INTERVAL 1 HOUR)"])
    expect(await rowsOf(service(), `${nobody} ${call}`)).toEqual([[0]]);
});

test("as many queries run at once as may; one more is 429, and a client that leaves makes room", async () => {
  await using limited = await startService({ env: { ...env, MILLRACE_QUERIES_MAX: "1" } });
  const left = new AbortController();
  const running = fetch(limited.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${limited.token({ scope: "query" })}`, "content-type": "application/json" },
    body: JSON.stringify({ sql: endless }),
    signal: left.signal,
  }).catch((error: unknown) => error);
  await until(() => queryProcesses(limited).length > 0, { what: "a query's process", limitMs: 10_000 });
  const refused = await ask(limited, { sql: "SELECT 1" });
  expect(refused.status).toBe(429);
  expect(refused.headers.get("retry-after")).toBe("1");
  left.abort();
  await running;
  const again = await until(
    async () => {
      const response = await ask(limited, { sql: "SELECT 1" });
      return response.status === 200 ? response : undefined;
    },
    { what: "room after the client left", limitMs: 10_000 },
  );
  expect(await again.json()).toMatchObject({ rows: [[1]] });
  const metrics = await limited.metricsText();
  expect(metrics).toMatch(/^millrace_queries_total\{outcome="gone"\} 1$/m);
});

test("one subject leaves a place for others (C12)", async () => {
  await using limited = await startService({ env: { ...env, MILLRACE_QUERIES_MAX: "2" } });
  const token = (subject: string) => limited.token({ scope: "query", subject });
  const left = new AbortController();
  const running = fetch(limited.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${token("greedy")}`, "content-type": "application/json" },
    body: JSON.stringify({ sql: endless }),
    signal: left.signal,
  }).catch((error: unknown) => error);
  // Another thread may take the next request: it would take the one place, had the first one not begun.
  await until(() => queryProcesses(limited).length > 0, { what: "a query's process", limitMs: 10_000 });
  expect((await ask(limited, { sql: "SELECT 1" }, { token: token("greedy") })).status).toBe(429);
  expect((await ask(limited, { sql: "SELECT 1" }, { token: token("modest") })).status).toBe(200);
  left.abort();
  await running;
});

test("a body of too many values is 413 at once, wherever they stand (C2)", async () => {
  const numbers = Array.from({ length: 100_000 }, () => "1.0").join(",");
  for (const body of [
    `{"sql":"SELECT 1","params":[${numbers}]}`,
    `{"sql":"SELECT 1","params":{"a":[${numbers}]}}`,
    `{"sql":"SELECT 1","other":[${numbers}]}`,
  ]) {
    const response = await service().request(path, { token: service().token({ scope: "query" }), body });
    expect(response.status).toBe(413);
    expect(await response.json()).toEqual({ detail: expect.stringContaining("10000 values") });
  }
});

test("an empty Accept is JSON", async () => {
  for (const accept of ["", " "]) {
    const response = await ask(service(), { sql: "SELECT 1" }, { headers: { accept } });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  }
});

/** Runs until it is stopped, in little memory. */
const endless = "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) SELECT count(*) FROM t WHERE i < 0";

test("C16: a query beside a segment that cannot be read is a 503 without a path, until the segment is left out", async () => {
  await using damaged = await startService({ env });
  await damaged.track({ event_name: "sealed" });
  await damaged.waitSealed();
  const name = {
    shard: shardId(63),
    from: sequence(1),
    to: sequence(9),
    generation: 0,
    format: currentFormat,
    crc32: 0,
  };
  await Bun.write(join(damaged.dataDir, "segments", segmentName(name)), "no segment");
  const count = async () => {
    const response = await ask(damaged, { sql: "SELECT count(DISTINCT event_name) AS names FROM events" });
    const answer = await response.json();
    if (response.status === 200) return answer;
    expect([response.status, answer]).toEqual([503, { detail: "The query was interrupted; try again" }]);
    expect(response.headers.get("retry-after")).toBe("1");
    return undefined;
  };
  expect(await until(count, { what: "an answer without the segment", limitMs: 30_000 })).toMatchObject({
    row_count: 1,
  });
  await until(async () => (await (await damaged.health()).text()).includes(segmentName(name)), {
    what: "health to name it",
    limitMs: 30_000,
  });
});

test("what a killed service left of its queries goes at the next start", async () => {
  await using killed = await startService();
  await rowsOf(killed, "SELECT 1");
  const own = join(killed.dataDir, "scratch");
  expect(statSync(own).mode & 0o777).toBe(0o700);
  const [left = ""] = readdirSync(own);
  await killed.kill9();
  expect(readdirSync(own)).toEqual([left]);
  await Bun.write(join(own, "stray"), "not a folder");
  await killed.restart();
  expect(readdirSync(own)).toEqual(["stray"]);
});

test("a stop ends the queries that run", async () => {
  await using stopping = await startService({ env });
  const running = ask(stopping, { sql: endless }).then(
    ({ status }) => status,
    () => "cut",
  );
  await until(() => queryProcesses(stopping).some((pid) => isRunning(stopping, pid)), {
    what: "a running query's process",
    limitMs: 10_000,
  });
  const processes = queryProcesses(stopping);
  expect(await stopping.stop()).toBe(0);
  expect([503, "cut"]).toContain(await running);
  for (const pid of processes) expect(await Bun.file(`/proc/${pid}/stat`).exists()).toBe(false);
});

/** A process that has taken its query works in the data folder; a spare waits in its scratch folder. */
const isRunning = ({ dataDir }: Service, pid: number): boolean =>
  readlinkSync(`/proc/${pid}/cwd`) === realpathSync(dataDir);

/** Processes of queries that the service started, spares too; its keeper is another child. */
const queryProcesses = (of: Service): number[] =>
  childrenOf(of.pid).filter((pid) => /\/sandbox\.[tj]s$/.test(programOf(pid) ?? ""));
