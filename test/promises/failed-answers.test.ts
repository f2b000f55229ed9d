/**
 * A1: an answer whose query fails under way is never taken for a whole one, whatever its format and wherever it goes.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

/** Fails at this row of 900,000. */
const failingAt = (row: number) =>
  `SELECT (CASE WHEN range = ${row} THEN 'x' ELSE range::VARCHAR END)::INT AS n FROM range(900000)`;

const statements = {
  "a cast": failingAt(800_000),
  "a cast in the last row": failingAt(899_999),
  "an error of one's own":
    "SELECT CASE WHEN range = 800000 THEN error('enough') ELSE range END AS n FROM range(900000)",
  "an overflow":
    "SELECT (range - 700000)::INTEGER::SMALLINT + (range * 20000)::INTEGER AS n FROM range(680000, 900000)",
  "a cast beneath a condition": `SELECT n FROM (${failingAt(850_000)}) WHERE n % 2 = 0`,
  "a cast in every other column": `SELECT range AS a, n FROM range(900000) r JOIN (${failingAt(880_000)}) t ON r.range = t.n`,
};

const formats = ["json", "ndjson", "csv", "parquet"] as const;

const ask = (sql: string, format: string) =>
  service().request("/api/v1/analytics/query", {
    token: service().token({ scope: "query" }),
    body: JSON.stringify({ sql, format }),
  });

describe("over HTTP", () => {
  for (const [name, sql] of Object.entries(statements))
    for (const format of formats)
      test(`${name}, as ${format}, is a 4xx or breaks off`, async () => {
        const response = await ask(sql, format);
        const text = await response.text().catch(() => "broke off");
        if (response.status === 200) expect(text).toBe("broke off");
        else
          expect([response.status, JSON.parse(text)]).toEqual([
            400,
            expect.objectContaining({ detail: expect.any(String) }),
          ]);
      });

  test("a query that fails within its first 256 KiB is a 400 with DuckDB's words", async () => {
    for (const format of formats) {
      const response = await ask(failingAt(20_000), format);
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ detail: expect.stringContaining("Could not convert string 'x'") });
    }
  });
});

describe("at the command line", () => {
  const run = (...words: readonly string[]) =>
    millrace(["sql", ...words], { env: { MILLRACE_DATA_DIR: service().dataDir }, limitMs: 60_000 });

  for (const [name, sql] of Object.entries(statements))
    for (const format of [...formats, "table"])
      test(`${name}, as ${format}, is exit code 1 with DuckDB's words`, async () => {
        // A table shows the beginning alone, and asks for no more than it shows.
        const { code, stderr } = await run(
          format === "table" ? `SELECT max(n) FROM (${sql})` : sql,
          "--format",
          format,
        );
        expect(code).toBe(1);
        expect(stderr).toMatch(/(?:Conversion|Invalid Input|Out of Range) Error/);
        expectPlainWords(stderr);
      });

  test("--out makes no file", async () => {
    using folder = temporaryFolder();
    for (const format of formats) {
      const { code, stderr } = await run(failingAt(800_000), "--out", join(folder.path, `rows.${format}`));
      expect(code).toBe(1);
      expect(stderr).toContain("Could not convert string 'x'");
    }
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test("in a transaction of the user's own too, and the next statement is told", async () => {
    const { code, stderr } = await run(`BEGIN; ${failingAt(800_000)}; COMMIT`, "--format", "ndjson");
    expect(code).toBe(1);
    expect(stderr).not.toBe("");
    expectPlainWords(stderr);
  });
});
