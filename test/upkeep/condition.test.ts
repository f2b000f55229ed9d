/** What an erasure takes as a condition; what fails only on events is tried in `promises/erasure.test.ts`. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { ConditionRefused, requireCondition } from "../../src/upkeep/condition.ts";

let duckdb: DuckDB;
beforeAll(async () => {
  duckdb = await DuckDB.open({ threads: 1, memoryMiB: 128 });
});
afterAll(() => duckdb[Symbol.dispose]());

test.each([
  "session_id = 'a' -- and no more",
  "TRY_CAST(properties->>'number' AS INTEGER) > 5",
  "client_id IS NULL AND timestamp < TIMESTAMPTZ '2026-01-01'",
])("%j is a condition", async (condition) => {
  await requireCondition(duckdb, condition);
});

test.each([
  "event_name = 'a') OR (true",
  "true) --",
  "true; DROP TABLE events",
  "event_id IN (SELECT event_id FROM events)",
  "EXISTS (FROM read_text('/etc/passwd'))",
  "filename LIKE '%0000%'",
  "no_such_column = 1",
  "no_such_function(event_name)",
  "row_number() OVER () = 1",
  "random() < 0.5",
  "$1 = 1",
  "   ",
  "getvariable('x') IS NULL",
  "session_id = 'a\u0000b'",
  "1",
  "'x'",
  "'true'",
  "NULL",
  "(NULL)",
  "CASE WHEN true THEN NULL END",
  "session_id",
  "properties",
  "length(event_name)",
  "[true]",
  "now() > timestamp",
  "timestamp < CURRENT_DATE",
  "timestamp < current_timestamp - INTERVAL 1 DAY",
  "age(timestamp) > INTERVAL 1 DAY",
  "uuid() = event_id",
  "sleep_ms(1) IS NULL",
  "error('x')",
  "current_setting('threads') = '1'",
  "current_user = 'duckdb'",
])("%j is refused as a condition", async (condition) => {
  expect(await requireCondition(duckdb, condition).catch((error: unknown) => error)).toBeInstanceOf(ConditionRefused);
});
