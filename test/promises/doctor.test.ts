/** `millrace doctor`: a line for each check, what to do, exit code 1 if anything was found; it changes nothing. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fakeClock } from "../support/clock.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { mountSmallDisk } from "../support/faults.ts";
import { entryPath } from "../support/process.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";
import { copiesOf } from "../support/template.ts";

setDefaultTimeout(testMsMax);

/** Everything in a folder with its size, mode and times: what must not change. */
function stateOf(folder: string): string[] {
  return ["", ...readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()].map((name) => {
    const { size, mode, mtimeMs, ctimeMs, ino } = statSync(join(folder, name));
    return [name, size, mode, mtimeMs, ctimeMs, ino].join(" ");
  });
}

async function doctor(dataDir: string, env: Readonly<Record<string, string | undefined>> = {}) {
  const ended = await millrace(["doctor"], { env: { MILLRACE_DATA_DIR: dataDir, ...env }, limitMs: 40_000 });
  expect(ended.stderr).toBe("");
  expectPlainWords(ended.stdout);
  const lines = ended.stdout.trim().split("\n");
  for (const line of lines) expect(line).toMatch(/^(ok {4}|warn {2}|fail {2})[^:]+: .+/);
  const found = lines.filter((line) => !line.startsWith("ok "));
  expect(ended.code).toBe(found.length > 0 ? 1 : 0);
  // What this machine itself lacks is not what the tests of folders are about.
  const ofMachine = /^\S+ +(Bun|descriptors|memory|file system|disk space|files|clock): /;
  const ofFolder = found.filter((line) => !ofMachine.test(line));
  return {
    code: ofFolder.length > 0 ? 1 : 0,
    lines,
    found: ofFolder,
    machine: found.filter((line) => ofMachine.test(line)),
  };
}

/** Lays a file and gives its path. */
function laid(path: string): string {
  writeFileSync(path, "mine");
  return path;
}

const left = copiesOf({ env: { MILLRACE_JWT_SECRET: undefined } }, async () => undefined);

/** A folder that a service has left. */
function sealedFolder(path: string): string {
  const dataDir = join(path, "data");
  renameSync(left().dataDir, dataDir);
  return dataDir;
}

test("nothing is found on a folder that is well, with and without a server, and nothing is changed", async () => {
  using place = temporaryFolder();
  const dataDir = sealedFolder(place.path);
  const before = stateOf(dataDir);
  const without = await doctor(dataDir);
  expect(without).toMatchObject({ code: 0, found: [] });
  expect(stateOf(dataDir)).toEqual(before);
  for (const about of ["folder", "format", "server", "modes", "owner", "secret", "segments", "journals"])
    expect(without.lines.filter((line) => line.startsWith(`ok    ${about}: `))).toHaveLength(1);
  await using service = await startService({ dataDir });
  await service.track({ event_name: "e" });
  const beside = await doctor(dataDir);
  expect(beside).toMatchObject({ code: 0, found: [] });
  expect(beside.lines).toContainEqual(`ok    server: process ${service.pid} at ${service.url} says ok`);
  await service.waitSealed();
  expect(await service.stop()).toBe(0);
});

test("nothing is found on a folder that was made for a group, after a service and a query", async () => {
  using place = temporaryFolder();
  const dataDir = join(place.path, "data");
  const env = { MILLRACE_SHARE: "group", MILLRACE_JWT_SECRET: undefined };
  {
    await using service = await startService({ dataDir, env });
    expect(await service.stop()).toBe(0);
  }
  expect((await millrace(["sql", "SELECT 1"], { env: { ...env, MILLRACE_DATA_DIR: dataDir } })).code).toBe(0);
  expect(await doctor(dataDir, env)).toMatchObject({ code: 0, found: [] });
});

test("a folder that is not there yet is nothing amiss, and is not made", async () => {
  using place = temporaryFolder();
  expect(await doctor(join(place.path, "a/b/data"))).toMatchObject({ code: 0, found: [] });
  expect(readdirSync(place.path)).toEqual([]);
});

describe("is found, and mended by what the line says:", () => {
  test.each<[string, (dataDir: string) => void, RegExp]>([
    [
      "a folder that others may read",
      (dir) => chmodSync(join(dir, "segments"), 0o755),
      /^warn {2}modes: 1 entry lets in \(segments: 0755\) more/,
    ],
    [
      "a file that others may read",
      (dir) => chmodSync(join(dir, "millrace.duckdb"), 0o644),
      /^warn {2}modes: 1 entry lets in \(millrace.duckdb: 0644\) more/,
    ],
    [
      "a file that its owner may not write",
      (dir) => chmodSync(join(dir, "millrace.duckdb"), 0o400),
      /^warn {2}modes: 1 entry lets in .* fewer/,
    ],
  ])("%s", async (_what, spoil, line) => {
    using place = temporaryFolder();
    const dataDir = sealedFolder(place.path);
    spoil(dataDir);
    const { code, found } = await doctor(dataDir);
    expect({ code, found }).toEqual({ code: 1, found: [expect.stringMatching(line)] });
    const [, command = ""] = /; (chmod .*? && chmod 600 '[^']*')/.exec(found[0] ?? "") ?? [];
    expect((await runToEnd(["/bin/sh", "-c", command])).code).toBe(0);
    expect(await doctor(dataDir)).toMatchObject({ code: 0, found: [] });
  });

  test("modes of owner where MILLRACE_SHARE is group", async () => {
    using place = temporaryFolder();
    const dataDir = sealedFolder(place.path);
    const { code, found } = await doctor(dataDir, { MILLRACE_SHARE: "group" });
    expect({ code, found }).toEqual({
      code: 1,
      found: [expect.stringMatching(/fewer people than MILLRACE_SHARE=group/)],
    });
    const [, command = ""] = /; (chmod .*)/.exec(found[0] ?? "") ?? [];
    expect((await runToEnd(["/bin/sh", "-c", command])).code).toBe(0);
    expect(await doctor(dataDir, { MILLRACE_SHARE: "group" })).toMatchObject({ code: 0, found: [] });
  });
});

describe("is found:", () => {
  test.each<[string, (dataDir: string) => void, RegExp]>([
    ["a secret that others may read", (dir) => chmodSync(join(dir, "secret"), 0o644), /^fail {2}secret: .*chmod 600/],
    [
      "files of another user",
      (dir) => chownSync(join(dir, "millrace.duckdb"), 12_345, 12_345),
      /^warn {2}owner: 1 of .*millrace.duckdb: 12345/,
    ],
    [
      "corrupt journals",
      (dir) => writeFileSync(join(dir, "journal/corrupt/x.ndjson"), "x", { mode: 0o600 }),
      /^warn {2}corrupt journals: 1 files, 1 bytes/,
    ],
    [
      "refused lines",
      (dir) => writeFileSync(join(dir, "journal/refused/x.ndjson"), "x", { mode: 0o600 }),
      /^warn {2}refused lines: 1 files/,
    ],
    [
      "a file of the future",
      (dir) => utimesSync(join(dir, "millrace.duckdb"), 4e9, 4e9),
      /^warn {2}times: millrace.duckdb/,
    ],
    [
      "a folder of a later format",
      (dir) => writeFileSync(join(dir, "format"), `{\n  "format": 999,\n  "written_by": "9.0.0"\n}\n`),
      /^fail {2}format: .*999/,
    ],
  ])("%s", async (_what, spoil, line) => {
    using place = temporaryFolder();
    const dataDir = sealedFolder(place.path);
    spoil(dataDir);
    const { code, found } = await doctor(dataDir);
    expect(code).toBe(1);
    expect(found).toContainEqual(expect.stringMatching(line));
  });

  test.each<[string, (path: string) => string, RegExp]>([
    ["a file in the folder's place", (path) => laid(join(path, "data")), /^fail {2}folder: .* is a file/],
    [
      "a folder of other things",
      (path) => dirname(laid(join(path, "notes.txt"))),
      /^warn {2}folder: .*not a data folder/,
    ],
    ["a folder below a file", (path) => join(laid(join(path, "file")), "data"), /^fail {2}folder: .* cannot be made/],
  ])("%s", async (_what, lay, line) => {
    using place = temporaryFolder();
    const { code, found } = await doctor(lay(place.path));
    expect({ code, found }).toEqual({ code: 1, found: [expect.stringMatching(line)] });
  });

  test("a disk that is memory, one that is full, and one that is read-only", async () => {
    await using disk = mountSmallDisk({ sizeMiB: 16 });
    if (disk === undefined) return;
    const small = await doctor(join(disk.path, "data"));
    expect(small.machine).toEqual([
      expect.stringMatching(/^warn {2}file system: tmpfs/),
      expect.stringMatching(/^fail {2}disk space: 1[56] MiB/),
    ]);
    mkdirSync(join(disk.path, "data"));
    disk.makeReadOnly();
    const readOnly = await doctor(join(disk.path, "data"));
    expect(readOnly.code).toBe(1);
    expect(readOnly.found).toContainEqual(expect.stringMatching(/^fail {2}folder: .* cannot be written/));
  });

  test("few descriptors, and a clock before its time", async () => {
    using place = temporaryFolder();
    const shell = 'ulimit -n 128 && exec "$0" "$@"';
    const few = await runToEnd([
      "/bin/sh",
      "-c",
      shell,
      process.execPath,
      entryPath,
      "doctor",
      join(place.path, "data"),
    ]);
    expect(few.code).toBe(1);
    expect(few.stdout).toMatch(/^fail {2}descriptors: only 128 may be open/m);
    using clock = fakeClock("@2011-01-01 00:00:00");
    if (clock === undefined) return;
    const { machine } = await doctor(join(place.path, "data"), clock.env);
    expect(machine).toContainEqual(expect.stringMatching(/^fail {2}clock: 2011-01-01/));
  });

  test("a server that holds the folder and does not answer", async () => {
    await using service = await startService();
    renameSync(join(service.dataDir, "address"), join(service.dataDir, "address.old"));
    const { code, found } = await doctor(service.dataDir, { MILLRACE_JWT_SECRET: service.secret });
    expect({ code, found }).toEqual({
      code: 1,
      found: [expect.stringMatching(new RegExp(`^warn  server: process ${service.pid} holds`))],
    });
    rmSync(join(service.dataDir, "address.old"));
  });
});

test("a wrong option or variable is exit code 2", async () => {
  using place = temporaryFolder();
  const env = { MILLRACE_DATA_DIR: join(place.path, "data") };
  expect((await millrace(["doctor", "--fix"], { env })).code).toBe(2);
  expect((await millrace(["doctor", "a", "b"], { env })).code).toBe(2);
  const { code, stderr } = await millrace(["doctor"], { env: { ...env, MILLRACE_SHARDS: "0" } });
  expect(code).toBe(2);
  expect(stderr).toContain("MILLRACE_SHARDS");
});
