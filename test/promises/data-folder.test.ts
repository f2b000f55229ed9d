/** A data folder that cannot be written is refused at start, in words. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { mountSmallDisk } from "../support/faults.ts";
import { startService, testMsMax } from "../support/service.ts";

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
  expect(stderr).not.toMatch(/\n\s+at .+:\d+:\d+/);
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
