import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { judgeCondition, judgeStatement } from "../../src/query/statement.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { draws, fc } from "../support/property.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

let duckdb: DuckDB;
beforeAll(async () => {
  duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
});
afterAll(() => duckdb[Symbol.dispose]());

const known = { catalog: new Set(["events", "events_hourly", "top"]), listings: new Set(["duckdb_views"]) };

/** What is wrong with it; undefined: it may run. */
async function judge(sql: string) {
  const judged = await judgeStatement(duckdb, sql, known);
  return judged.ok ? undefined : judged.fault;
}

describe("a statement is taken", () => {
  for (const sql of [
    "SELECT 1",
    "select count(*) from events;",
    "SELECT 1 -- and no more",
    "FROM events",
    "FROM main.events LIMIT $1",
    "VALUES (1), (2)",
    "DESCRIBE events",
    "DESCRIBE SELECT 1",
    "DESCRIBE",
    "SHOW TABLES",
    "SHOW ALL TABLES",
    "SHOW events",
    "FROM (SHOW TABLES)",
    "SHOW TABLES FROM main",
    "SELECT view_name, comment FROM duckdb_views()",
    "SUMMARIZE SELECT event_name FROM events",
    "EXPLAIN SELECT 1",
    "explain FROM events;",
    "-- why\n EXPLAIN ANALYZE SUMMARIZE events",
    "EXPLAIN (FORMAT json) SELECT $1",
    "EXPLAIN (ANALYZE, FORMAT 'json') FROM events",
    "EXPLAIN(SELECT 1)",
    "PIVOT events ON category",
    "PIVOT events ON category, event_name USING count(*) GROUP BY priority ORDER BY ALL LIMIT 5",
    "PIVOT events ON year(timestamp), category IN ('auth') USING count(*), max(event_name) AS last",
    "PIVOT_WIDER (SELECT * FROM events a JOIN events b ON a.event_id = b.event_id) ON event_name || category -- all\n;",
    "WITH p AS (PIVOT events ON category USING count(*)) FROM p",
    "SELECT * FROM (PIVOT (PIVOT events ON category USING count(*)) ON event_name) x JOIN events ON true",
    "EXPLAIN PIVOT events ON category",
    "WITH e AS (FROM events), f AS (FROM e) SELECT * FROM f JOIN e USING (event_id)",
    "WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t WHERE i < 5) FROM t",
    "SELECT * FROM (WITH e AS (SELECT 1 AS x) FROM e), (SELECT 2)",
    "FROM top(page_url, 3)",
    "FROM range(10) r(i), LATERAL (SELECT i + 1)",
    "SELECT unnest([1, 2]), list_transform([1], lambda x: x + 1), {'a': 1}, MAP {'b': 2}",
    "SELECT properties->>'plan', (properties->>'price')::DECIMAL(10, 2), try_cast('1' AS ENUM('a', '1')) FROM events",
    "SELECT count(*) FILTER (WHERE category = 'trading') OVER (PARTITION BY event_name ORDER BY timestamp) FROM events QUALIFY true",
    "SELECT event_name, CASE WHEN a.event_name LIKE 'x%' THEN 1 END FROM events a ASOF JOIN events b USING (session_id, timestamp)",
    "SELECT * FROM events WHERE event_id IN (SELECT event_id FROM events) AND EXISTS (FROM events)",
    "FROM events UNION ALL BY NAME SELECT 1 AS event_name",
    "PIVOT events ON category IN ('trading', 'auth') USING count(*) GROUP BY event_name",
    "SELECT * FROM (UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b)",
    "FROM events USING SAMPLE 10%",
    "SELECT table_name FROM information_schema.tables",
    "SELECT '); DROP TABLE events; --' AS text, \"event_name\" FROM events",
    "SELECT COLUMNS(c -> c LIKE 'event%') FROM events",
    "SELECT * EXCLUDE (properties) REPLACE (upper(event_name) AS event_name) FROM events ORDER BY ALL",
    "SELECT GROUPING_ID(category), count(*) FROM events GROUP BY ROLLUP (category)",
    "SELECT {'class': 'SUBQUERY', 'type': 'BASE_TABLE', 'table_name': 'x'}, '{\"class\": \"X\"}'::JSON",
  ])
    test(sql, async () => {
      expect(await judge(sql)).toBeUndefined();
    });
});

describe("a statement is refused", () => {
  for (const sql of [
    "",
    ";",
    "-- nothing",
    "SELECT 1; SELECT 2",
    "SELECT 1 /* ; */; DROP VIEW events",
    "SELECT 1;--\n;COPY events TO 'x'",
    "SELECT 1\0; DROP VIEW events",
    "INSERT INTO events SELECT 1",
    "CREATE TABLE t AS SELECT 1",
    "COPY events TO 'out.csv'",
    "COPY (SELECT 1) TO '/dev/stdout'",
    "ATTACH 'x.db'",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "EXPORT DATABASE 'x'",
    "PRAGMA database_list",
    "SET threads = 4",
    "RESET threads",
    "CALL pragma_version()",
    "CHECKPOINT",
    "EXPLAIN",
    "EXPLAIN INSERT INTO events SELECT 1",
    "EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1",
    "EXPLAIN ANALYZE COPY events TO 'x.csv'",
    "EXPLAIN (ANALYZE, FORMAT json) DELETE FROM events",
    "EXPLAIN ANALYZE FROM read_csv('/etc/passwd')",
    "EXPLAIN EXPLAIN SELECT 1",
    "EXPLAIN SELECT 1; DROP VIEW events",
    "EXPLAIN /* */ ANALYZE INSERT INTO events SELECT 1",
    "PREPARE p AS SELECT 1",
    "PREPARE p AS PIVOT events ON category",
    "EXECUTE p",
    "BEGIN",
    "VACUUM",
    "SHOW DATABASES",
    "SHOW VARIABLES",
    "SHOW timezone",
    "SHOW temp_directory",
    "FROM (SHOW DATABASES)",
    "SHOW TABLES FROM system",
    "SHOW TABLES FROM information_schema",
    "PIVOT 'file.csv' ON a",
    "PIVOT (FROM read_text('x')) ON content",
    "PIVOT events ON getvariable('a')",
    "PIVOT events ON category USING max(getvariable('a'))",
    "PIVOT events ON category; DROP VIEW events",
    "FROM (PIVOT (FROM (PIVOT (FROM read_text('x')) ON content)) ON a)",
    "WITH x AS (PIVOT (FROM read_text('x')) ON content) FROM x",
    "INSERT INTO events FROM (PIVOT events ON category)",
    "CREATE TABLE t AS PIVOT events ON category",
    "COPY (PIVOT events ON category) TO 'x.csv'",
    "UNPIVOT 'file.csv' ON a",
    "SUMMARIZE FROM read_csv('/etc/passwd')",
    "DESCRIBE FROM read_csv('/etc/passwd')",
    "DESCRIBE SELECT * FROM '/etc/passwd'",
    "FROM system.main.duckdb_views()",
    "FROM duckdb_tables()",
    "FROM 'file.csv'",
    "FROM '/etc/passwd'",
    'FROM "segments/x.parquet"',
    "DESCRIBE 'file.csv'",
    "SUMMARIZE 'file.csv'",
    "FROM read_text('/etc/passwd')",
    "FROM read_csv(['a.csv'])",
    "FROM read_duckdb('segments/x.duckdb', table_name = 'events')",
    "FROM main.read_blob('x')",
    "FROM system.main.read_blob('x')",
    "FROM glob('*')",
    "FROM sniff_csv('x')",
    "FROM query('SELECT 1')",
    "FROM query_table('events')",
    "FROM duckdb_settings()",
    "FROM duckdb_databases",
    "FROM duckdb_views",
    "FROM pragma_database_list",
    "FROM sqlite_master",
    "FROM pg_settings",
    "FROM pg_catalog.pg_views",
    "FROM information_schema.views",
    "FROM system.information_schema.tables",
    "FROM other.main.events",
    "FROM json_execute_serialized_sql('{}')",
    "FROM test_all_types()",
    "FROM which_secret('x', 'y')",
    "SELECT current_setting('temp_directory')",
    "SELECT CURRENT_SETTING('temp_directory')",
    "SELECT system.main.current_setting('temp_directory')",
    "SELECT 'temp_directory'.current_setting()",
    "SELECT getvariable('millrace_dir')",
    "SELECT getenv('HOME')",
    "SELECT current_query()",
    "SELECT pg_get_viewdef(1)",
    "SELECT json_serialize_plan('SELECT 1')",
    "SELECT list_transform(['temp_directory'], lambda x: current_setting(x))",
    "SELECT 1 ORDER BY getvariable('a')",
    "SELECT 1 LIMIT getvariable('a')::INTEGER",
    "SELECT count(*) FILTER (WHERE getvariable('a')) FROM events",
    "SELECT sum(1) OVER (ORDER BY getvariable('a'))",
    "SELECT CASE WHEN true THEN getvariable('a') END",
    "SELECT * REPLACE (getvariable('a') AS event_name) FROM events",
    "SELECT (SELECT getvariable('a'))",
    "VALUES (getvariable('a'))",
    "FROM events TABLESAMPLE reservoir(10) JOIN 'x.csv' USING (a)",
    "FROM top((SELECT content FROM read_text('x')), 3)",
    "FROM events WHERE event_name IN (FROM read_text('x'))",
    "FROM events UNION ALL FROM read_text('x')",
    "PIVOT (FROM read_text('x')) ON content IN ('a')",
    "WITH x AS (FROM read_text('x')) FROM x",
    "WITH x AS MATERIALIZED (FROM read_text('x')) SELECT 1",
    // A name from WITH counts only where DuckDB would find it.
    "WITH duckdb_views AS (FROM duckdb_views) FROM duckdb_views",
    "WITH RECURSIVE duckdb_views AS (FROM duckdb_views UNION ALL SELECT 1) SELECT 1",
    "SELECT * FROM (WITH duckdb_views AS (SELECT 1) FROM duckdb_views), duckdb_views",
    "WITH a AS (FROM duckdb_views), duckdb_views AS (SELECT 1) FROM a",
    "WITH read_text AS (SELECT 1) FROM read_text('x')",
  ])
    test(sql.slice(0, 100), async () => {
      expect((await judge(sql))?.message).toBeString();
    });
});

test("the place of a fault is told in characters", async () => {
  expect(await judge("SELECT 'äöü€', FROM nowhere WHERE x")).toMatchObject({ position: 20 });
  expect(await judge("SELECT '😀' FORM events x y")).toMatchObject({ position: 16 });
  expect(await judge("SELECT 'ä', getvariable('a')")).toMatchObject({ position: 12 });
});

const spaced = fc.constantFrom(" ", "\n", "\t", " /* ; */ ", " -- '\n");
const allowed = fc.constantFrom(
  "1",
  "event_name",
  "(SELECT 1)",
  "'a;b'",
  "count(*)",
  "$tag$ ' $tag$",
  "(FROM events LIMIT 1)",
);
const denied = fc.constantFrom(
  "getvariable('a')",
  "(FROM read_text('x'))",
  "(FROM 'x.csv')",
  "current_setting('x')",
  "(FROM pg_class)",
);
const around = fc.constantFrom(
  (inner: string) => inner,
  (inner: string) => `coalesce(NULL, ${inner})`,
  (inner: string) => `CASE WHEN true THEN ${inner} END`,
  (inner: string) => `[${inner}]`,
  (inner: string) => `{'key': ${inner}}`,
  (inner: string) => `(SELECT ${inner} FROM events)`,
  (inner: string) => `list_transform([1], lambda x: ${inner})`,
  (inner: string) => `(WITH w AS (SELECT ${inner} AS v) SELECT v FROM w)`,
  (inner: string) => `max(${inner}) OVER ()`,
  (inner: string) => `(${inner})::VARCHAR`,
  (inner: string) => `(SELECT * FROM (VALUES (1)) ORDER BY ${inner})`,
  (inner: string) => `(1 BETWEEN 0 AND ${inner})`,
);
const nested = (leaf: fc.Arbitrary<string>) =>
  fc.tuple(leaf, fc.array(around, { maxLength: 6 }), spaced).map(([inner, layers, space]) => {
    const expression = layers.reduce((text, layer) => layer(`${space}${text}${space}`), inner);
    return `SELECT${space}${expression}${space}FROM events`;
  });

test("what is denied is found however deep it lies, and what is allowed is not taken for it", async () => {
  await fc.assert(
    fc.asyncProperty(nested(allowed), nested(denied), async (good, bad) => {
      expect(await judge(good)).toBeUndefined();
      expect(await judge(bad)).toMatchObject({ message: expect.stringContaining("here") });
      expect(await judge(`${good};${good}`)).toMatchObject({ message: expect.stringContaining("One statement") });
    }),
  );
});

describe("a condition", () => {
  const condition = (text: string) => judgeCondition(duckdb, text);

  for (const text of [
    "true",
    "session_id = 'a'",
    "session_id = 'a' OR (client_id = 'b' AND timestamp < '2020-01-01')",
    "properties->>'user' IN ('a', 'b') -- the user\n",
    "event_name LIKE '%)%' OR event_name = '; --'",
    "list_contains(list_transform([1], lambda x: x + 1), 2)",
  ])
    test(`is taken: ${text}`, async () => {
      expect(await condition(text)).toBeUndefined();
    });

  for (const text of [
    "",
    " ",
    "true) OR (1=1",
    "true] OR [1=1",
    "true) UNION SELECT 1 FROM events WHERE (true",
    "true); DROP TABLE events; SELECT (1",
    "true; SELECT 1",
    "true /*",
    "true) --",
    "true, false",
    "true) ORDER BY (1",
    "true) GROUP BY (1",
    "true) LIMIT (1",
    "true\0) OR (true",
    "event_id IN (SELECT event_id FROM events)",
    "EXISTS (FROM events)",
    "session_id = $1",
    "session_id = ?",
    "COLUMNS(*) = 'a'",
    "row_number() OVER () = 1",
    "getvariable('x')",
    "(SELECT true)",
    "event_name = current_setting('temp_directory')",
  ])
    test(`is refused: ${text}`, async () => {
      expect((await condition(text))?.message).toBeString();
    });

  test("never closes what stands around it", async () => {
    const piece = fc.constantFrom(
      "true",
      "(",
      ")",
      "[",
      "]",
      "'",
      '"',
      "--",
      "/*",
      "*/",
      "\n",
      ";",
      ",",
      " OR ",
      "$$",
      "E'\\'",
      "1=1",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 9 }), async (pieces) => {
        const text = pieces.join("");
        fc.pre((await condition(text)) === undefined);
        // Beside what is false it cannot make the whole true; what it names may not be there, and no more is wrong.
        const sql = `SELECT count(*)::INTEGER AS rows FROM (SELECT 1) WHERE false AND (\n${text}\n)`;
        const [row] = await duckdb.rows(sql).catch((error: unknown) => {
          expect(String(error)).not.toContain("Parser Error");
          return [{ rows: 0 }];
        });
        expect(row).toEqual({ rows: 0 });
      }),
      draws(500),
    );
  });
});
