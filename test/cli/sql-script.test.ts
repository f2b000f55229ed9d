/** `millrace sql` with files, dot commands and values. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { millrace, runToEnd } from "../support/command.ts";
import { entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const run = (words: readonly string[], cwd?: string) =>
  millrace(["sql", ...words], { env: { MILLRACE_DATA_DIR: service().dataDir }, ...(cwd === undefined ? {} : { cwd }) });

/** A folder with these files. */
function scripts(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder.path, name), text);
  return folder;
}

test("-f runs files in order, which may read others and hold commands; --out has the last statement's rows", async () => {
  using folder = scripts({
    "tables.sql": "-- what is there\nCREATE TABLE t AS SELECT 41 AS a;\nUPDATE t SET a = a + 1;\n",
    "rows.sql":
      ".mode ndjson\n.read 'more rows.sql'\nFROM t;\n.mode csv\nSELECT count(*) AS n FROM events WHERE event_name = $name\n",
    "more rows.sql": "SELECT 'read' AS said;",
    "out.sql": "SELECT 1 AS a; .mode is not a command here\n",
  });
  await service().track({ event_name: "it's" });
  const words = ["-f", "tables.sql", "--file", "rows.sql", "-p", "name=it's"];
  expect(await run(words, folder.path)).toEqual({
    code: 0,
    stdout: '{"said":"read"}\n{"a":42}\nn\n1\n',
    stderr: "",
  });
  const out = join(folder.path, "rows.csv");
  expect(await run([...words, "--out", out], folder.path)).toMatchObject({ code: 0, stdout: "" });
  expect(await Bun.file(out).text()).toBe("n\n1\n");
});

test("a failure ends a file and names it with the line, also of one that is read, and of standard input", async () => {
  using folder = scripts({
    "outer.sql": "SELECT 1 AS a;\n\n.read inner.sql\nSELECT 2 AS a;\n",
    "inner.sql": "SELECT 'in' AS a;\n-- now it fails\nSELECT\n  nothing;\n",
    "itself.sql": ".read itself.sql\n",
    "unknown.sql": "SELECT 3 AS a;\n.shell rm -rf /\n",
  });
  const failed = async (words: readonly string[], expected: { stdout: string; stderr: string }) => {
    const { code, stdout, stderr } = await run(words, folder.path);
    expect({ code, stdout, stderr }).toEqual({
      code: 1,
      stdout: expected.stdout,
      stderr: expect.stringContaining(expected.stderr),
    });
    expectPlainWords(stderr);
  };
  await failed(["-f", "outer.sql"], { stdout: "a\n1\na\nin\n", stderr: "millrace: inner.sql:3: Binder Error" });
  await failed(["-f", "itself.sql"], { stdout: "", stderr: "files read each other" });
  await failed(["-f", "unknown.sql"], {
    stdout: "a\n3\n",
    stderr:
      "unknown.sql:2: .shell: there is no such command; there are .help, .mode, .quit, .read, .schema, .tables, .timer",
  });
  await failed(["-f", "missing.sql"], { stdout: "", stderr: "missing.sql cannot be read" });
  const piped = `printf 'SELECT 1 AS a;\\nSELEC;\\n' | '${process.execPath}' '${entryPath}' sql -f -`;
  expect(await runToEnd(["sh", "-c", piped], { env: { MILLRACE_DATA_DIR: service().dataDir } })).toMatchObject({
    code: 1,
    stdout: "a\n1\n",
    stderr: expect.stringContaining("standard input:2: Parser Error"),
  });
});

test("commands: what is there, what it looks like, how it is written, how long it took, and the end", async () => {
  const script = [
    ".mode",
    ".tables",
    ".schema EVENTS",
    ".schema top",
    ".timer on",
    "SELECT 1 AS a;",
    ".timer off;",
    ".mode json",
    "SELECT 2 AS b;",
    ".help",
    ".exit",
    "SELECT 3 AS c;",
  ].join("\n");
  const { code, stdout, stderr } = await run([script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^Run Time \(s\): real \d+\.\d{3}\n$/) });
  expect(stdout).toStartWith("csv\nname,kind,comment\n");
  expect(stdout).toMatch(/^events,view,"?Every event/m);
  expect(stdout).toMatch(/^"?funnel\(steps, within/m);
  expect(stdout).toMatch(/^CREATE VIEW events \(\n(?: {2}.*\n)* {2}event_id UUID,.*\n/m);
  expect(stdout).toMatch(/^CREATE MACRO top\(column, n := 10, since := NULL, until := NULL\);$/m);
  expect(stdout).not.toContain("CREATE VIEW sessions");
  expect(stdout).toContain('"row_count":1');
  expect(stdout).toContain(".timer on|off");
  expect(stdout).not.toContain("c\n3");
});

test("every view, macro and table is in .schema, and an unknown name is refused", async () => {
  const { stdout } = await run(["CREATE TABLE mine (a INTEGER);\n.schema"]);
  for (const line of ["CREATE TABLE mine (\n  a INTEGER\n);", "CREATE VIEW sessions (", "CREATE MACRO timeline("])
    expect(stdout).toContain(line);
  expect(await run([".schema nothing"])).toMatchObject({ code: 1, stderr: expect.stringContaining("no such table") });
});

test("values by name, lists as JSON; what is wrong with them is said before anything runs", async () => {
  const sql = "SELECT $n::INTEGER + 1 AS n, list_contains($names, 'b') AS has, '$n' AS text, 'x' IN $names AS no";
  expect(await run([sql, "-p", "n=41", "--param", 'names=["a","b"]'])).toEqual({
    code: 0,
    stdout: "n,has,text,no\n42,true,$n,false\n",
    stderr: "",
  });
  for (const [words, said] of [
    [["-p", "n"], "NAME=VALUE"],
    [["-p", "n=[1"], "begins as JSON"],
    [["-f", "x.sql"], "give one of them"],
  ] as const)
    expect(await run(["SELECT 1", ...words])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining(said),
    });
  expect(await run(["SELECT 1", "-p", "n=1"])).toMatchObject({ code: 1, stderr: expect.stringContaining("$n") });
});
