/** What an alert measures: the first cell of the first row, if it is a number; asked of a real process. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { measure } from "../../src/alerts/measure.ts";
import { openLog } from "../../src/base/log.ts";
import { Programs } from "../../src/base/programs.ts";
import { QueryRunner } from "../../src/query/runner.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-alerts-"));
let queries: QueryRunner;
beforeAll(() => {
  const limits = { timeMs: 60_000, memoryMiB: 512, rowsMax: 10, atOnceMax: 1, sparesMax: 0 };
  queries = new QueryRunner(prepareDataFolder(place), limits, new Programs([], openLog("warn", "test")));
});
afterAll(async () => {
  await queries.stop();
  rmSync(place, { recursive: true, force: true });
});

const problem = (text: string) => ({ ok: false as const, problem: expect.stringContaining(text) });

test.each([
  [
    "SELECT 1.50::DECIMAL(9, 2), 'x' UNION ALL SELECT 0, 'y' ORDER BY 1 DESC; -- the first",
    { ok: true as const, value: 1.5 },
  ],
  ["SELECT NULL", problem("is NULL")],
  ["SELECT 'nan'::DOUBLE", problem("is not a number")],
  ["SELECT 1 WHERE false", problem("it has no row")],
  ["SELECT 1, repeat('x', 2000000)", problem("larger than")],
  ["FROM range(11)", problem("row")],
  ["SELEC 1", problem("syntax error")],
])("%s", async (sql, expected) => {
  expect(await measure(queries, sql, new AbortController().signal)).toEqual(expected);
});
