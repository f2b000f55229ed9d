/** SQL at the command line: everything accepted, in any format, and a prompt. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { queryFile, single } from "../support/catalog.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { cleanEnv, entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const shared = sharedService();

const run = (service: Service, ...words: readonly string[]) =>
  millrace(["sql", ...words], { env: { MILLRACE_DATA_DIR: service.dataDir, TZ: "America/New_York" } });

async function answer(service: Service, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(service, ...words);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("sees what was acknowledged before, sealed or not, with a service and without", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  const count = "SELECT count(*) AS n, count(DISTINCT event_id) AS ids FROM events";
  for (let events = 1; events <= 3; events++) {
    await service.track({ event_name: "counted" });
    expect(await answer(service, count)).toBe(`n,ids\n${events},${events}\n`);
  }
  expect(await answer(service, "SELECT sum(events) AS n FROM events_hourly")).toBe("n\n3\n");
  await service.kill9();
  expect(await answer(service, count)).toBe("n,ids\n3,3\n");
  await service.restart();
  await service.stop();
  expect(await answer(service, count)).toBe("n,ids\n3,3\n");
});

describe("formats", () => {
  const sql = `SELECT 1.50::DECIMAL(4, 2) AS price, 'a,"b"' AS text, NULL AS nothing,
    '2026-03-01T12:00:00Z'::TIMESTAMPTZ AS at, properties FROM events WHERE event_name = 'formatted'`;

  async function service(): Promise<Service> {
    if ((await shared().stats()).total_events === 0)
      await shared().track('{"event_name":"formatted","properties":{"n":1.50}}');
    return shared();
  }

  test("csv is what a pipe gets", async () => {
    expect(await answer(await service(), sql)).toBe(
      'price,text,nothing,at,properties\n1.50,"a,""b""",,2026-03-01 12:00:00+00,"{""n"":1.50}"\n',
    );
  });

  test("ndjson and json keep every digit", async () => {
    const row = '"price":1.50,"text":"a,\\"b\\"","nothing":null,"at":"2026-03-01T12:00:00';
    expect(await answer(await service(), sql, "--format", "ndjson")).toContain(`{${row}`);
    const json = await answer(await service(), sql, "--format", "json");
    expect(json).toContain('{"n":1.50}');
    expect(JSON.parse(json)).toMatchObject({
      row_count: 1,
      rows: [[1.5, 'a,"b"', null, expect.any(String), { n: 1.5 }]],
    });
  });

  test("a table shows NULL and times in UTC", async () => {
    const table = await answer(await service(), sql, "--format", "table");
    expect(table).toContain("│ NULL ");
    expect(table).toContain("│ 2026-03-01 12:00:00+00 ");
    expect(table).toEndWith("1 row\n");
  });

  test("a table ends after 100 rows and says so, csv has all", async () => {
    const table = await answer(await service(), "FROM range(1000)", "--format", "table");
    expect(table.split("\n").length).toBe(100 + 4 + 2);
    expect(table).toContain("first 100 rows");
    expect((await answer(await service(), "FROM range(1000)")).split("\n").length).toBe(1002);
  });

  test("parquet goes to a pipe or a file, and is read back", async () => {
    using scratch = temporaryFolder();
    const [piped, named] = [join(scratch.path, "piped"), join(scratch.path, "rows.parquet")];
    const command = `'${process.execPath}' '${entryPath}' sql "FROM range(5000)" --format parquet > '${piped}'`;
    const env = { MILLRACE_DATA_DIR: (await service()).dataDir };
    expect((await runToEnd(["sh", "-c", command], { env })).code).toBe(0);
    expect(await answer(await service(), "SELECT 1; FROM range(5000)", "--out", named)).toBe("");
    for (const file of [piped, named])
      expect(single(await queryFile(shared().catalogPath, `SELECT sum(range) FROM read_parquet('${file}')`))).toBe(
        12_497_500,
      );
  });

  test.each(["json", "ndjson", "csv", "parquet"])(
    "--out has every row as %s, under its name when it is whole",
    async (format) => {
      using scratch = temporaryFolder();
      const file = join(scratch.path, `rows.${format}`);
      expect(await answer(await service(), "SELECT range AS n FROM range(5000)", "--out", file)).toBe("");
      const read = format === "json" ? `SELECT row_count FROM read_json('${file}')` : `SELECT count(*) FROM '${file}'`;
      expect(single(await queryFile(shared().catalogPath, read))).toBe(5000);
      const failing = join(scratch.path, `failing.${format}`);
      const failed = await run(await service(), "SELECT 1; SELECT error('no') FROM range(5000)", "--out", failing);
      expect(failed.code).toBe(1);
      expect(readdirSync(scratch.path)).toEqual([`rows.${format}`]);
    },
  );

  test("a result is appended to a file by the shell, and a reader that has enough ends it quietly", async () => {
    using scratch = temporaryFolder();
    const sqlOf = (text: string) => `'${process.execPath}' '${entryPath}' sql "${text}"`;
    const file = join(scratch.path, "out.csv");
    const env = { MILLRACE_DATA_DIR: (await service()).dataDir };
    const command = `${sqlOf("select 1 as a")} > '${file}'; ${sqlOf("select 2 as a; select 3 as a")} >> '${file}'; ${sqlOf("from range(10000000)")} | head -2`;
    const ended = await runToEnd(["sh", "-c", command], { env });
    expect(ended).toMatchObject({ code: 0, stdout: "range\n0\n", stderr: "" });
    for (const format of ["json", "ndjson", "parquet"]) {
      // `head` ends before all is written, and the command's own exit code is the one asked for.
      const piped = `(${sqlOf("from range(10000000)")} --format ${format}; echo $? >&2) | head -c 2`;
      const { code, stdout, stderr } = await runToEnd(["sh", "-c", piped], { env });
      expect({ format, code, stderr, bytes: stdout.length }).toEqual({ format, code: 0, stderr: "0\n", bytes: 2 });
    }
    expect(readFileSync(file, "utf8")).toBe("a\n1\na\n2\na\n3\n");
  });
});

test("several statements run in order, with all of DuckDB's powers; the catalog's macros are there", async () => {
  await using service = await startService();
  await service.batch([{ event_name: "a" }, { event_name: "b" }, { event_name: "b" }]);
  const text = "CREATE TABLE t AS SELECT 41 AS a; UPDATE t SET a = a + 1; FROM t; -- done;\nFROM top(event_name, 1);";
  expect(await answer(service, text)).toBe("a\n42\nvalue,events\nb,2\n");
  expect(await answer(service, "PIVOT (SELECT 'x' AS k, 1 AS v) ON k USING sum(v)")).toBe("x\n1\n");
});

test("--timeout ends a statement with exit code 1, and what stands before is done", async () => {
  const endless = "SELECT count(*) FROM range(1000000000000) a, range(1000) b";
  for (const format of ["csv", "json", "table", "parquet"]) {
    const { code, stderr } = await run(shared(), endless, "--timeout", "0.5", "--format", format);
    expect(code).toBe(1);
    expect(stderr).toContain("took longer than 0.5 s");
    expectPlainWords(stderr);
  }
  const first = await run(shared(), `SELECT 1 AS a; CREATE TABLE t AS ${endless}; SELECT 2`, "--timeout", "1");
  expect(first).toMatchObject({ code: 1, stdout: "a\n1\n" });
  expect((await run(shared(), "SELECT 1", "--timeout", "0")).code).toBe(0);
  for (const wrong of ["abc", "-1", "", "1e99"])
    expect((await run(shared(), "SELECT 1", "--timeout", wrong)).code).toBe(2);
});

test("--out takes the endings of formats, and refuses others with their list and exit code 2", async () => {
  using scratch = temporaryFolder();
  for (const name of ["o.xlsx", "o.txt", "o", ".csv.gz"]) {
    const { code, stderr } = await run(shared(), "SELECT 1", "--out", join(scratch.path, name));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(".json, .ndjson, .csv or .parquet") });
  }
  expect((await run(shared(), "SELECT 1 AS a", "--out", join(scratch.path, "O.CSV"))).code).toBe(0);
  expect((await run(shared(), "SELECT 1 AS a", "--format", "json", "--out", join(scratch.path, "o.txt"))).code).toBe(0);
  expect(readdirSync(scratch.path).sort()).toEqual(["O.CSV", "o.txt"]);
});

test("SET TimeZone moves the times of all formats alike", async () => {
  const time = "'2026-03-01T12:00:00.5Z'::TIMESTAMPTZ";
  const sql = `SELECT ${time} AS t, [${time}] AS list, {'t': ${time}} AS struct`;
  const zones = [
    ["UTC", /12:00:00\.5(?:00000)?(?:Z|\+00)/g],
    ["America/New_York", /07:00:00\.5(?:00000)?-05/g],
    ["Asia/Kolkata", /17:30:00\.5(?:00000)?\+05:30/g],
  ] as const;
  const script = zones.map(([zone]) => `SET TimeZone = '${zone}'; ${sql}`).join("; ");
  for (const format of ["csv", "json", "ndjson", "table"]) {
    const text = await answer(shared(), script, "--format", format);
    for (const [zone, shown] of zones) expect([zone, format, text.match(shown)?.length]).toEqual([zone, format, 3]);
  }
});

test("NaN, the infinities and a leading U+FEFF are in every JSON answer", async () => {
  const sql = `SELECT 'nan'::DOUBLE AS a, [1e400, -1e400] AS b, {'f': 'inf'::FLOAT} AS c, chr(65279) || 'x' AS d, to_json('nan'::DOUBLE) AS e`;
  const row = ["NaN", ["Infinity", "-Infinity"], { f: "Infinity" }, "\ufeffx", "NaN"];
  const json: unknown = JSON.parse(await answer(shared(), sql, "--format", "json"));
  expect(json).toMatchObject({ rows: [row] });
  expect(Object.values(JSON.parse(await answer(shared(), sql, "--format", "ndjson")))).toEqual(row);
});

test("scratch lies in the data folder: a bad TMPDIR is nothing, and what a killed command left goes with the next one", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  await service.track({ event_name: "unsealed" });
  await service.kill9();
  const env = { MILLRACE_DATA_DIR: service.dataDir, TMPDIR: "/nowhere" };
  const own = join(service.dataDir, "scratch");
  const child = Bun.spawn(
    [process.execPath, "--no-orphans", entryPath, "sql", "SELECT count(*) FROM events, range(1000000000000)"],
    {
      env: cleanEnv(env),
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    },
  );
  await until(() => existsSync(own) && readdirSync(own).length > 0, {
    what: "a scratch folder",
    limitMs: 20_000,
  });
  const lives = await millrace(["sql", "SELECT count(*) AS n FROM events"], { env });
  expect(lives).toMatchObject({ code: 0, stdout: "n\n1\n" });
  expect(readdirSync(own).length).toBe(1);
  child.kill("SIGKILL");
  await child.exited;
  expect(await millrace(["sql", "SELECT 1 AS n"], { env })).toMatchObject({ code: 0, stdout: "n\n1\n" });
  expect(readdirSync(own)).toEqual([]);
});

test("statements come from standard input where no text is given", async () => {
  const command = `printf 'SELECT 1 AS a;\\nSELECT 2 AS b' | '${process.execPath}' '${entryPath}' sql`;
  const ended = await runToEnd(["sh", "-c", command], { env: { MILLRACE_DATA_DIR: shared().dataDir } });
  expect(ended).toEqual({ code: 0, stdout: "a\n1\nb\n2\n", stderr: "" });
});

test.each([
  ["SELECT 1 AS a; SELEC", "a\n1\n", "syntax error"],
  ["SELECT 1 AS a; FROM nowhere; SELECT 2", "a\n1\n", "nowhere does not exist"],
  ["SELECT 'x'::INTEGER", "", "Could not convert"],
])("%s fails with DuckDB's words and code 1; what stands before is done", async (text, stdout, words) => {
  const ended = await run(shared(), text);
  expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 1, stdout });
  expect(ended.stderr).toContain(words);
  expectPlainWords(ended.stderr);
});

/** `millrace sql` on a terminal of its own. */
function prompt(service: Service, stateDir: string) {
  let shown = "";
  const decoder = new TextDecoder();
  const child = Bun.spawn([process.execPath, "--no-orphans", entryPath, "sql"], {
    env: cleanEnv({ MILLRACE_DATA_DIR: service.dataDir, XDG_STATE_HOME: stateDir }),
    terminal: {
      cols: 100,
      rows: 30,
      data: (_terminal, bytes) => {
        shown += decoder.decode(bytes, { stream: true });
      },
    },
  });
  return {
    child,
    /** Types, and waits until this was shown after it. */
    async type(keys: string, expected: string): Promise<void> {
      const from = shown.length;
      child.terminal?.write(keys);
      await until(() => shown.slice(from).includes(expected), {
        what: `${JSON.stringify(expected)} after ${JSON.stringify(keys)}`,
        limitMs: 10_000,
        state: () => JSON.stringify(shown.slice(from)),
      });
    },
    [Symbol.dispose]: () => child.kill("SIGKILL"),
  };
}

test("the prompt: fresh data for each statement, several lines, completion, history, Ctrl-C, Ctrl-D", async () => {
  using scratch = temporaryFolder();
  await using service = await startService();
  const ready = "millrace> ";
  {
    using terminal = prompt(service, scratch.path);
    await terminal.type("", ready);
    await terminal.type("SELECT count(*) + 100 AS n FROM events;\r", "│ 100 │");
    await service.track({ event_name: "typed" });
    await terminal.type("\u001b[A\r", "│ 101 │");
    await terminal.type("SELECT 'a;\r", "..> ");
    await terminal.type("b' AS text;\r", "a;\\nb");
    await terminal.type("FROM events_h\t", "events_hourly");
    await terminal.type("\u0003", ready);
    await terminal.type("CREATE TABLE mine AS SELECT 7 AS seven; SELECT 1 AS one;\r", "one");
    await terminal.type("BEGIN; FROM mine; COMMIT;\r", "seven");
    await terminal.type("SELEC;\r", "syntax error");
    await terminal.type(".mode line\r", ".mode line: there are table, json");
    await terminal.type("SELECT 41 + 1 AS after_dot;\r", "42");
    await terminal.type(".mode csv\r", ready);
    await terminal.type("SELECT 'a' AS x, 'b' AS y;\r", "a,b");
    await terminal.type(".mode parquet\r", "not for a terminal");
    await terminal.type(".mode table;\r", ready);
    await terminal.type(".timer on;\r", ready);
    await terminal.type("SELECT 43 AS timed;\r", "Run Time (s): real 0.");
    await terminal.type(".timer off\r", ready);
    await terminal.type(".nothing\r", "no such command; there are .help, .mode");
    await terminal.type(".ta\t", ".tables");
    await terminal.type("\r", "events_hourly");
    await terminal.type("SUMMARIZE events;\r", "event_name");
    await terminal.type("PIVOT events ON event_name USING count(*);\r", "typed");
    await terminal.type("SELECT count(*) FROM range(1000000000000) a, range(1000) b;\r", "\n");
    await terminal.type("\u0003", ready);
    await terminal.type("SELECT 1;\rSELECT count(*) FROM range(1000000000000) a, range(1000) b;\r\u0003", ready);
    await terminal.type(".help\r", ".quit");
    await terminal.type("SELECT 1;\r", "1 row");
    await terminal.type("\u0004", "\n");
    expect(await terminal.child.exited).toBe(0);
  }
  using again = prompt(service, scratch.path);
  await again.type("", ready);
  await again.type("\u001b[A\u001b[A\u001b[A", "range(1000)");
  await again.type("\u0003", ready);
  await again.type(".quit\r", "\n");
  expect(await again.child.exited).toBe(0);
  expect(readdirSync(service.dataDir).some((file) => file.includes("history"))).toBe(false);
});
