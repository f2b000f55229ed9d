/** C17: one server for a folder, also when the file that says so is removed, replaced or spoilt. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFile } from "../../src/store/folder/lock.ts";
import { dataFolder } from "../../src/store/folder/names.ts";
import { millrace } from "../support/command.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const lockOf = (service: Service) => dataFolder(service.dataDir).lock;

/** Another file under this name. */
function replace(path: string, text: string) {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function expectNoSecond({ dataDir, secret }: { dataDir: string; secret: string }) {
  const env = { PORT: "0", MILLRACE_DATA_DIR: dataDir, MILLRACE_JWT_SECRET: secret };
  const { code, stderr, stdout } = await millrace(["serve"], { env, limitMs: 30_000 });
  expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
  expect(stderr).toContain("in use by another server");
  expect(stderr).toContain(dataDir);
  expectPlainWords(stderr);
}

describe("no second server is let in while the first one lives, though `lock`", () => {
  test.each<[string, (path: string) => void]>([
    ["is as it was", () => undefined],
    ["was removed", (path) => rmSync(path)],
    ["was replaced by an empty file", (path) => replace(path, "")],
    ["was replaced by foreign bytes", (path) => replace(path, "mine".repeat(1000))],
    ["was renamed", (path) => renameSync(path, `${path}.old`)],
  ])("%s", async (_what, spoil) => {
    await using service = await startService();
    await service.track({ event_name: "first" });
    spoil(lockOf(service));
    // At once, and after the first has looked at its lock.
    for (let tries = 1; tries <= 2; tries++) {
      await expectNoSecond(service);
      await service.track({ event_name: "first" });
      await Bun.sleep(1_500);
    }
    expect(await service.stop()).toBe(0);
    expect(await service.count()).toBe(3);
  });
});

test("a removed `lock` is made again by the server that holds the folder", async () => {
  await using service = await startService();
  rmSync(lockOf(service));
  await until(() => statSync(lockOf(service), { throwIfNoEntry: false }) !== undefined, {
    what: "a new lock",
    limitMs: 20_000,
  });
  expect(() => lockFile(lockOf(service))?.[Symbol.dispose]()).not.toThrow();
  expect(lockFile(lockOf(service))).toBeUndefined();
});

test("a server whose `lock` somebody else has taken ends at once, says why, and its events are sealed by the next", async () => {
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600", MILLRACE_LOG: "error" } });
  await service.track({ event_name: "kept" });
  {
    rmSync(lockOf(service));
    using taken = lockFile(lockOf(service));
    // Where the first has been quicker, the file is its own again and nothing is lost.
    if (taken === undefined) return;
    expect(await service.exited()).toBe(1);
    expect(service.stderr).toContain("another server has taken the folder");
    expectPlainWords(service.stderr);
  }
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(1);
});

test("a server whose folder is renamed ends at once and says why; nothing is lost", async () => {
  using place = temporaryFolder();
  const dataDir = join(place.path, "data");
  await using service = await startService({
    dataDir,
    env: { MILLRACE_LOG: "error", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" },
  });
  await service.track({ event_name: "kept" });
  renameSync(dataDir, `${dataDir}.moved`);
  expect(await service.exited()).toBe(1);
  expect(service.stderr).toContain(`${dataDir} was removed or renamed`);
  renameSync(`${dataDir}.moved`, dataDir);
  await service.restart();
  await service.waitSealed();
  expect(await service.count()).toBe(1);
});

describe("a `lock` that no server wrote is refused in one sentence, exit code 1:", () => {
  test.each<[string, (path: string) => void]>([
    ["foreign bytes", (path) => writeFileSync(path, "these bytes are no database of SQLite's, ".repeat(100))],
    ["a few foreign bytes", (path) => writeFileSync(path, "x\n")],
    ["zeros", (path) => writeFileSync(path, Buffer.alloc(100_000))],
    ["a folder", (path) => mkdirSync(path)],
  ])("%s", async (_what, lay) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, "data");
    mkdirSync(dataDir);
    lay(join(dataDir, "lock"));
    const { code, stdout, stderr } = await millrace(["serve"], { env: { PORT: "0", MILLRACE_DATA_DIR: dataDir } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(dataDir);
    expectPlainWords(stderr);
  });
});
