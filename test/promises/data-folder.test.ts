/** A data folder that cannot be written is refused at start, in words. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { millrace } from "../support/command.ts";
import { mountSmallDisk } from "../support/faults.ts";
import { ended, entryPath, spawn } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { startService, testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

function folder() {
  const path = mkdtempSync(join(tmpdir(), "millrace-folder-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function expectRefused(dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const { code, stdout, stderr } = await millrace(["serve"], {
    env: { PORT: "0", MILLRACE_DATA_DIR: dataDir, ...env },
  });
  expect([1, 2]).toContain(code ?? -1);
  expect(stdout).not.toContain("listening on");
  expect(stderr).toContain(dataDir);
  expectPlainWords(stderr);
}

test("a file in the folder's place is refused", async () => {
  using scratch = folder();
  const path = join(scratch.path, "data");
  writeFileSync(path, "mine");
  await expectRefused(path);
  expect(await Bun.file(path).text()).toBe("mine");
});

test("a folder below a file is refused", async () => {
  using scratch = folder();
  writeFileSync(join(scratch.path, "file"), "mine");
  await expectRefused(join(scratch.path, "file", "data"));
});

test("a read-only disk is refused", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 16 });
  if (disk === undefined) return;
  disk.makeReadOnly();
  await expectRefused(disk.path);
});

test("a folder whose disk became read-only is refused, and accepted again when it is writable", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 64 });
  if (disk === undefined) return;
  await using service = await startService({ dataDir: disk.path });
  await service.track({ event_name: "before" });
  await service.stop();
  disk.makeReadOnly();
  await expectRefused(disk.path);
  await expectRefused(disk.path, { MILLRACE_JWT_SECRET: service.secret });
  disk.makeWritable();
  await service.restart();
  expect(await service.count()).toBe(1);
});

test("a full disk at start is told in one sentence, whatever the folder holds", async () => {
  await using disk = mountSmallDisk({ sizeMiB: 4 });
  if (disk === undefined) return;
  const dataDir = join(disk.path, "data");
  const fill = () => Bun.spawnSync(["dd", "if=/dev/zero", `of=${join(disk.path, "fill")}`, "bs=4k"]);
  const expectTold = async () => {
    const { code, stdout, stderr } = await millrace(["serve"], { env: { PORT: "0", MILLRACE_DATA_DIR: dataDir } });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(dataDir);
    expect(stderr).toContain("no space left on device");
    expectPlainWords(stderr);
  };
  fill();
  await expectTold();
  rmSync(join(disk.path, "fill"));
  expect((await millrace(["token", "--subject", "x"], { env: { MILLRACE_DATA_DIR: dataDir } })).code).toBe(0);
  rmSync(join(dataDir, "secret"));
  fill();
  await expectTold();
});

test("a folder that does not exist is made, with all above it", async () => {
  using scratch = folder();
  await using service = await startService({ dataDir: join(scratch.path, "a/b/c d “é”") });
  await service.track({ event_name: "made" });
  await service.waitSealed();
  expect(await service.count()).toBe(1);
});

test("a folder whose name holds a quote is no trouble to SQL", async () => {
  using scratch = folder();
  await using service = await startService({ dataDir: join(scratch.path, `it's "here"; --`) });
  await service.track({ event_name: "quoted" });
  await service.waitSealed();
  expect(await service.count()).toBe(1);
});

/** A stopped service with ten events, all sealed. */
const tenSealed = copiesOf({}, async (service) => {
  await service.batch(Array(10).fill({ event_name: "kept" }));
  await service.waitSealed();
});

describe("a catalog that is", () => {
  test.each<[string, (path: string) => void]>([
    ["gone", (path) => rmSync(path)],
    ["empty", (path) => writeFileSync(path, "")],
    ["no database", (path) => writeFileSync(path, "garbage".repeat(1000))],
  ])("%s is made again at start", async (_what, spoil) => {
    await using service = tenSealed();
    spoil(service.catalogPath);
    await service.restart();
    await service.waitSealed();
    expect(await service.count()).toBe(10);
  });
});

test("a folder may be moved while its service is stopped, and files that are not the service's do not matter", async () => {
  using scratch = folder();
  const [here, there] = [join(scratch.path, "here"), join(scratch.path, "there")];
  const env = { MILLRACE_JWT_SECRET: "a secret that both starts have in common" };
  {
    await using service = await startService({ dataDir: here, env });
    await service.track({ event_name: "moved" });
    await service.stop();
  }
  renameSync(here, there);
  for (const name of ["notes.txt", "segments/.DS_Store", "segments/mine.duckdb", "journal/notes.txt"]) {
    writeFileSync(join(there, name), "mine");
  }
  await using service = await startService({ dataDir: there, env });
  await service.track({ event_name: "moved" });
  await service.waitSealed();
  expect(await service.count("event_name = 'moved'")).toBe(2);
  expect(await Bun.file(join(there, "segments/mine.duckdb")).text()).toBe("mine");
});

test("a segment that cannot be read is told by its name, at start or in health, never by nothing", async () => {
  await using service = tenSealed();
  const [segment = ""] = service.segmentPaths();
  writeFileSync(segment, (await Bun.file(segment).bytes()).subarray(0, 5_000));
  const env = { PORT: "0", MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  const started = spawn([process.execPath, "--no-orphans", entryPath, "serve"], { env });
  const { child, stdout, stderr } = started;
  try {
    const decided = () => ended(started) || /^listening on/m.test(stdout.text);
    await until(decided, { what: "the service to refuse or to listen", limitMs: 20_000 });
    await until(() => stderr.text.includes(basename(segment)), {
      what: `${basename(segment)} on stderr`,
      limitMs: 2_000,
      state: () => `exit code ${child.exitCode}: ${stderr.text}`,
    });
    expectPlainWords(stderr.text);
    expect(child.signalCode).toBeNull();
  } finally {
    child.kill("SIGKILL");
  }
});

test("the secret made at first start is kept, and nobody else may read it", async () => {
  await using service = await startService({ env: { MILLRACE_JWT_SECRET: undefined } });
  const names = [...new Bun.Glob("**/*").scanSync({ cwd: service.dataDir, dot: true })];
  const secrets = names.filter((name) => /secret|key|jwt/i.test(name));
  expect(secrets).toHaveLength(1);
  const path = join(service.dataDir, secrets[0] ?? "");
  expect(existsSync(path)).toBe(true);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const before = await Bun.file(path).text();
  await service.restart();
  expect(await Bun.file(path).text()).toBe(before);
});
