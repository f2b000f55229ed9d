/**
 * A6: statements that are no plain SELECT run to their end over events in several segments and unsealed ones, in every
 * format, over HTTP and at the command line.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const path = "/api/v1/analytics/query";
let service: Service;

/** Six events of three names, in two segments and a journal. */
beforeAll(async () => {
  service = await startService({ env: { MILLRACE_SHARDS: "2", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  for (const session of ["a", "b"]) {
    await service.batch([
      { event_name: "view", category: "page_view", session_id: session, properties: { price: 1.5 } },
      { event_name: "buy", category: "trading", session_id: session },
    ]);
    await service.stop();
    await service.restart();
  }
  await service.batch([
    { event_name: "view", category: "page_view", session_id: "c" },
    { event_name: "leave", category: "auth", session_id: "c" },
  ]);
});
afterAll(() => service[Symbol.asyncDispose]());

const ask = (sql: string, more: object = {}) =>
  service.request(path, { token: service.token({ scope: "query" }), body: JSON.stringify({ sql, ...more }) });

const run = (...words: readonly string[]) =>
  millrace(["sql", ...words], { env: { MILLRACE_DATA_DIR: service.dataDir } });

/** The answer of each statement as CSV with its rows in order; undefined: it must only have rows. */
const statements: Readonly<Record<string, string | undefined>> = {
  "SUMMARIZE events": undefined,
  "SUMMARIZE SELECT event_name, category FROM events WHERE session_id <> 'c'": undefined,
  "SELECT column_name, count FROM (SUMMARIZE events) WHERE column_name = 'event_name'":
    "column_name,count\nevent_name,6\n",
  "PIVOT events ON category IN ('trading', 'auth') USING count(*) GROUP BY session_id ORDER BY session_id":
    "session_id,trading,auth\na,1,0\nb,1,0\nc,0,1\n",
  "PIVOT events ON event_name USING count(*) GROUP BY session_id ORDER BY session_id":
    "session_id,buy,leave,view\na,1,0,1\nb,1,0,1\nc,0,1,1\n",
  "PIVOT (SELECT event_name, session_id FROM events) ON event_name, session_id IN ('a') USING count(*)":
    "buy_a,leave_a,view_a\n1,0,1\n",
  "WITH p AS (PIVOT events ON event_name USING count(*) GROUP BY category) SELECT sum(view) AS n FROM p": "n\n3\n",
  "FROM events PIVOT (count(*) FOR event_name IN ('buy', 'view') GROUP BY session_id) ORDER BY session_id":
    "session_id,buy,view\na,1,1\nb,1,1\nc,0,1\n",
  "UNPIVOT (SELECT event_name, session_id FROM events WHERE session_id = 'c' ORDER BY event_name) ON event_name, session_id INTO NAME k VALUE v":
    "k,v\nevent_name,leave\nsession_id,c\nevent_name,view\nsession_id,c\n",
  "SELECT count(*) AS n FROM (UNPIVOT events ON event_name, session_id INTO NAME k VALUE v)": "n\n12\n",
  "DESCRIBE events": undefined,
  "DESCRIBE SELECT count(*) AS n FROM events": "column_name,column_type,null,key,default,extra\nn,BIGINT,YES,,,\n",
  "SHOW TABLES": undefined,
  "SHOW ALL TABLES": undefined,
  "SHOW events": undefined,
  "EXPLAIN SELECT event_name, count(*) FROM events GROUP BY ALL": undefined,
  "EXPLAIN ANALYZE SUMMARIZE events": undefined,
  "EXPLAIN (FORMAT json) FROM events": undefined,
  "EXPLAIN PIVOT events ON event_name USING count(*)": undefined,
  "SELECT view_name FROM duckdb_views() WHERE view_name = 'events' AND comment IS NOT NULL": "view_name\nevents\n",
  "SELECT count(*) > 0 AS has FROM duckdb_columns() WHERE table_name = 'events' AND comment IS NOT NULL": "has\ntrue\n",
  "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name = 'funnel'": "function_name\nfunnel\n",
  "SELECT count(*) AS n FROM events; -- all of them": "n\n6\n",
};

for (const [sql, rows] of Object.entries(statements))
  describe(sql, () => {
    test("over HTTP, as csv, json and parquet", async () => {
      using folder = temporaryFolder();
      const csv = await ask(sql, { format: "csv" });
      expect(csv.status).toBe(200);
      const text = await csv.text();
      if (rows !== undefined) expect(text).toBe(rows);
      expect(text.split("\n").length).toBeGreaterThan(2);
      expect(text).not.toContain(service.dataDir);
      const json = await ask(sql, { format: "json" });
      const document: { columns: unknown[]; rows: unknown[][]; row_count: number } = JSON.parse(await json.text());
      const { columns, rows: whole, row_count } = document;
      expect(columns.length).toBe(text.split("\n", 1)[0]?.split(",").length ?? 0);
      for (const row of whole) expect(row.length).toBe(columns.length);
      expect(whole.length).toBe(row_count);
      const file = `${folder.path}/rows.parquet`;
      await Bun.write(file, await (await ask(sql, { format: "parquet" })).bytes());
      using duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
      expect(await duckdb.rows(`SELECT count(*)::INTEGER AS n FROM '${file}'`)).toEqual([{ n: row_count }]);
    });
  });

describe("at the command line, one statement after another", () => {
  const texts = Object.keys(statements);

  const output = async (text: string, format: string) => {
    const { code, stdout, stderr } = await run(text, "--format", format);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return stdout;
  };

  /** What stands between the marks: the output of each statement. */
  const outputs = async (format: string, markOf: (index: number) => string) => {
    const marked = texts.map((sql, index) => `${sql}\n; SELECT 'end of ${index}' AS mark;`);
    let left = await output(marked.join("\n"), format);
    return texts.map((_, index) => {
      const mark = markOf(index);
      const at = left.indexOf(mark);
      expect({ mark, isThere: at > 0 }).toEqual({ mark, isThere: true });
      const before = left.slice(0, at);
      left = left.slice(at + mark.length);
      return before;
    });
  };

  test("as csv, which the command line does not limit to the catalog", async () => {
    const found = await outputs("csv", (index) => `mark\nend of ${index}\n`);
    for (const [index, sql] of texts.entries()) {
      expect({ sql, hasRows: (found[index]?.split("\n").length ?? 0) > 2 }).toEqual({ sql, hasRows: true });
      if (statements[sql] !== undefined) expect({ sql, text: found[index] }).toEqual({ sql, text: statements[sql] });
    }
  });

  test("as json and as ndjson, with the same number of rows", async () => {
    const documents = (await output(texts.map((sql) => `${sql}\n;`).join("\n"), "json"))
      .split(/(?<="row_count":\d+\})\n/)
      .filter((document) => document !== "")
      .map((document): { rows: unknown[]; row_count: number } => JSON.parse(document));
    const lines = (await outputs("ndjson", (index) => `{"mark":"end of ${index}"}\n`)).map((found) =>
      found
        .trimEnd()
        .split("\n")
        .map((line): unknown => JSON.parse(line)),
    );
    expect(documents.map(({ row_count }) => row_count)).toEqual(lines.map(({ length }) => length));
    for (const { rows, row_count } of documents) expect(rows.length).toBe(row_count);
  });

  test("as a table", async () => {
    for (const found of await outputs("table", (index) => `end of ${index}`)) expect(found.trim()).not.toBe("");
  });

  test("as parquet, a file each", async () => {
    const files = (await output(texts.map((sql) => `${sql}\n;`).join("\n"), "parquet")).split("PAR1PAR1");
    expect(files.length).toBe(texts.length);
  });
});

test("ndjson over HTTP has the rows of json, also where a statement is not a plain SELECT", async () => {
  for (const sql of [
    "SUMMARIZE events",
    "PIVOT events ON event_name USING count(*)",
    "EXPLAIN (FORMAT json) FROM events",
  ]) {
    const { columns, row_count } = JSON.parse(await (await ask(sql, { format: "json" })).text());
    const lines = (await (await ask(sql, { format: "ndjson" })).text()).trimEnd().split("\n");
    for (const line of lines) expect(Object.keys(JSON.parse(line)).length).toBe(columns.length);
    expect(lines.length).toBe(row_count);
  }
});

test("parameters are taken where DuckDB takes them", async () => {
  const answers = async (sql: string, params: unknown) => {
    const response = await ask(sql, { params, format: "csv" });
    return [response.status, await response.text()];
  };
  const pivot =
    "PIVOT (FROM events WHERE session_id <> $1) ON category IN ('trading') USING count(*) GROUP BY session_id";
  expect(await answers(`${pivot} ORDER BY ALL`, ["b"])).toEqual([200, "session_id,trading\na,1\nc,0\n"]);
  expect(await answers("SELECT count FROM (SUMMARIZE FROM events WHERE session_id = $s) LIMIT 1", { s: "a" })).toEqual([
    200,
    "count\n2\n",
  ]);
  expect((await answers("EXPLAIN SELECT * FROM events WHERE session_id = $1", ["a"]))[0]).toBe(200);
  expect((await answers("EXPLAIN ANALYZE FROM events WHERE session_id = ?", ["a"]))[0]).toBe(200);
  // DuckDB asks for the columns' names here.
  expect(await answers("PIVOT (FROM events WHERE session_id <> $1) ON category", ["b"])).toEqual([
    400,
    expect.stringContaining("PIVOT"),
  ]);
});

test("no list of the catalog shows a path, and no plan does", async () => {
  for (const sql of [
    "FROM duckdb_views()",
    "FROM duckdb_columns()",
    "FROM duckdb_functions()",
    "FROM duckdb_tables()",
    "SHOW ALL TABLES",
    "EXPLAIN FROM events",
    "EXPLAIN (FORMAT json) FROM events",
    "EXPLAIN ANALYZE FROM events",
    "FROM catalog",
  ]) {
    const text = await (await ask(sql)).text();
    expect(text).not.toContain(service.dataDir);
  }
});
