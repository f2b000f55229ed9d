/**
 * C13: a data folder of any name either works in all that one does with it, or is refused at once by the variable's
 * name.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { millrace, runToEnd } from "../support/command.ts";
import { entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";
import { compact } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

describe("a folder works whose name is", () => {
  test.each([
    `quotes ' " and ; -- per%20cent # {a,b} & | ! ]`,
    " new\nline, tab\t and blanks at the ends ",
    "日本 é “” 🦆 back\\slash $HOME ~",
    "md:mine/s3:/k=v/day=2026-11-26",
  ])("%j", async (name) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, name, "data");
    const env = { MILLRACE_QUERY_SECONDS: "60" };
    await using service = await startService({ dataDir, env });
    for (let total = 1; total <= 2; total++) {
      await service.track({ event_name: "e", session_id: String(total) });
      await service.waitSealed();
    }
    await compact(service);
    await service.track({ event_name: "unsealed" });
    const query = await service.request("/api/v1/analytics/query", {
      body: JSON.stringify({ sql: "SELECT count(*) AS n FROM events", format: "csv" }),
      token: service.token({ scope: "query" }),
    });
    expect(await query.text()).toBe("n\n3\n");
    const options = { env: { MILLRACE_DATA_DIR: dataDir }, limitMs: 40_000 };
    const asked = await millrace(["sql", "SELECT count(*) AS n FROM events"], options);
    expect({ code: asked.code, stdout: asked.stdout }).toEqual({ code: 0, stdout: "n\n3\n" });
    await service.waitSealed();
    expect(await service.count()).toBe(3);
    expect((await millrace(["export", "--out", join(place.path, "out"), "--format", "csv"], options)).code).toBe(0);
    const snapshot = join(place.path, `${name} snapshot`);
    expect((await millrace(["snapshot", snapshot], options)).code).toBe(0);
    expect(await service.stop()).toBe(0);
    expect((await millrace(["verify"], options)).code).toBe(0);
    const restored = { ...options, env: { MILLRACE_DATA_DIR: join(place.path, `${name} again`) } };
    expect((await millrace(["restore", snapshot], restored)).code).toBe(0);
    const again = await millrace(["sql", "SELECT count(*) AS n FROM events"], restored);
    expect(again.stdout).toBe("n\n3\n");
  });

  test("a folder that is also a project of Bun: its bunfig.toml configures nothing", async () => {
    using place = temporaryFolder();
    writeFileSync(join(place.path, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
    await using service = await startService({ dataDir: place.path });
    await service.track({ event_name: "e" });
    await compact(service);
    expect(await service.count()).toBe(1);
  });

  test("a symbolic link to a folder, and both names are one folder", async () => {
    using place = temporaryFolder();
    mkdirSync(join(place.path, "real"));
    const dataDir = join(place.path, "link");
    symlinkSync(join(place.path, "real"), dataDir);
    await using service = await startService({ dataDir });
    await service.track({ event_name: "e" });
    await service.waitSealed();
    expect(await service.count()).toBe(1);
    const second = await millrace(["serve"], { env: { PORT: "0", MILLRACE_DATA_DIR: join(place.path, "real") } });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("in use by another server");
  });
});

describe("is refused by MILLRACE_DATA_DIR's name, exit code 2, and nothing is made:", () => {
  const commands = [["serve"], ["token", "--subject", "x"], ["sql", "SELECT 1"], ["compact"]];
  test.each([
    ["a question mark", "what?/data"],
    ["an asterisk", "st*r"],
    ["a bracket", "open["],
    ["thousands of bytes", `${"y/".repeat(1500)}data`],
    ["hundreds of bytes", `${"z".repeat(250)}/${"z".repeat(250)}`],
  ])("%s", async (_what, name) => {
    using place = temporaryFolder();
    const env = { PORT: "0", MILLRACE_DATA_DIR: join(place.path, name) };
    for (const words of commands) {
      const { code, stdout, stderr } = await millrace(words, { env, cwd: place.path });
      expect({ words, code, stdout }).toEqual({ words, code: 2, stdout: "" });
      expect(stderr).toContain("MILLRACE_DATA_DIR");
      expectPlainWords(stderr);
    }
    expect(readdirSync(place.path)).toEqual([]);
  });

  test("a name that is no UTF-8", async () => {
    using place = temporaryFolder();
    const shell = `cd ${place.path} && MILLRACE_DATA_DIR="$(printf 'd\\377ta')" exec "$0" "$1" serve`;
    const { code, stderr } = await runToEnd(["/bin/bash", "-c", shell, process.execPath, entryPath], {
      env: { PORT: "0" },
    });
    expect(code).toBe(2);
    expect(stderr).toContain("MILLRACE_DATA_DIR");
    expect(readdirSync(place.path)).toEqual([]);
  });
});

test("a snapshot is not made where no data folder can be, and says why", async () => {
  await using service = await startService();
  await service.track({ event_name: "e" });
  await service.waitSealed();
  using place = temporaryFolder();
  const out = join(place.path, "which?");
  const { code, stderr } = await millrace(["snapshot", out], { env: { MILLRACE_DATA_DIR: service.dataDir } });
  expect(code).toBe(1);
  expect(stderr).toContain("as patterns");
  expect(existsSync(out)).toBe(false);
  expect(readdirSync(place.path)).toEqual([]);
});
