/** C7: who may read what lies in a data folder, and which secret is taken. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { namesUnder } from "../support/folders.ts";
import { layEvents } from "../support/journals.ts";
import { expectPlainWords } from "../support/refusals.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";
import { erase } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

/** Modes of all that lies in a folder and of itself, as `path: mode` in octal. */
function modesIn(folder: string): Record<string, string> {
  const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);
  const entries = namesUnder(folder).map((name) => [name, modeOf(join(folder, name))]);
  return Object.fromEntries([["", modeOf(folder)], ...entries]);
}

/** What has another mode than it should; the secret is always its owner's alone. */
function wrongModes(root: string, modes: { folder: string; file: string }): string[] {
  return Object.entries(modesIn(root)).flatMap(([name, mode]) => {
    const isFolder = statSync(join(root, name)).isDirectory();
    // Its mode closes what is in it, too.
    if (name.startsWith("scratch/")) return [];
    const folder = name === "scratch" ? "700" : modes.folder;
    const wanted = isFolder ? folder : name.endsWith("secret") ? "600" : modes.file;
    return mode === wanted ? [] : [`${name}: ${mode}`];
  });
}

describe("MILLRACE_SHARE", () => {
  test.each([
    ["owner", { folder: "700", file: "600" }],
    ["group", { folder: "750", file: "640" }],
    ["unset", { folder: "700", file: "600" }],
  ])("%s: every folder and file has its mode, whoever makes it and whatever umask they have", async (share, modes) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, "new", "data");
    const umask = share === "group" ? 0o077 : 0;
    const wrapper = ["/bin/sh", "-c", `umask ${umask.toString(8)} && exec "$0" "$@"`];
    const env = {
      MILLRACE_SHARE: share === "unset" ? undefined : share,
      MILLRACE_JWT_SECRET: undefined,
      MILLRACE_GRACE_SECONDS: "3600",
    };
    const command = { env: { ...env, MILLRACE_DATA_DIR: dataDir }, limitMs: 40_000 };
    // The first one to come makes the folder and the secret.
    expect((await millrace(["token", "--subject", "x"], command)).code).toBe(0);
    expect(wrongModes(dataDir, modes)).toEqual([]);
    const secret = await Bun.file(join(dataDir, "secret")).text();
    await using service = await startService({ dataDir, env: { ...env, MILLRACE_JWT_SECRET: secret.trim() }, wrapper });
    const history = join(place.path, "history.ndjson");
    writeFileSync(history, `{"event_name":"imported","timestamp":"2020-01-01T00:00:00Z"}\n`);
    for (const client of ["a", "b"]) {
      await service.batch([{ event_name: "e", event_id: crypto.randomUUID(), session_id: client }], client);
      await service.waitSealed();
    }
    expect((await millrace(["import", history], command)).code).toBe(0);
    expect((await millrace(["compact"], command)).code).toBe(0);
    await erase(service, { session_id: "a" });
    await service.waitSealed();
    await service.track({ event_name: "in the journal" });
    expect(wrongModes(dataDir, modes)).toEqual([]);
    expect(readdirSync(join(dataDir, "ids")).length).toBeGreaterThan(0);
    expect(readdirSync(dataDir)).toContain("erasures.ndjson");

    const snapshot = join(place.path, "snapshot");
    expect((await millrace(["snapshot", snapshot], command)).code).toBe(0);
    expect(wrongModes(snapshot, modes)).toEqual([]);
    const restored = join(place.path, "restored");
    const { code } = await millrace(["restore", snapshot], {
      ...command,
      env: { ...env, MILLRACE_DATA_DIR: restored },
    });
    expect(code).toBe(0);
    expect(wrongModes(restored, modes)).toEqual([]);
    expect(await service.stop()).toBe(0);

    // What recovery writes: a journal that does not check, and one whose line cannot be sealed.
    layEvents(dataDir, { shard: 7, from: 1 }, [{ receivedMs: Date.now() }, { receivedMs: Date.now() }], (line) =>
      line.replace("purchase", "purchasf"),
    );
    await service.restart();
    await service.stop();
    const laid = (name: string) => /^journal\/0007/.test(name);
    expect(wrongModes(dataDir, modes).filter((name) => !laid(name))).toEqual([]);
  });

  test("a folder that is there already keeps its modes, and so do its files", async () => {
    await using service = await startService();
    await service.track({ event_name: "old" });
    await service.waitSealed();
    await service.stop();
    const old = [...service.segmentPaths(), service.dataDir, join(service.dataDir, "segments")];
    for (const path of old) chmodSync(path, statSync(path).isDirectory() ? 0o755 : 0o644);
    await service.restart();
    for (const path of old) expect(statSync(path).mode & 0o777).toBe(statSync(path).isDirectory() ? 0o755 : 0o644);
  });

  test("files of an export and of sql are those of who runs the command", async () => {
    await using service = await startService();
    await service.track({ event_name: "e" });
    await service.waitSealed();
    using place = temporaryFolder();
    const umask = process.umask(0o022);
    try {
      const options = { env: { MILLRACE_DATA_DIR: service.dataDir } };
      expect((await millrace(["export", "--out", join(place.path, "out")], options)).code).toBe(0);
      const rows = join(place.path, "rows.csv");
      expect((await millrace(["sql", "SELECT 1", "--out", rows], options)).code).toBe(0);
      expect(modesIn(place.path)).toMatchObject({ out: "755", "rows.csv": "644" });
    } finally {
      process.umask(umask);
    }
  });

  test.each(["everyone", "Owner", "0640"])("%s is refused by name, exit code 2", async (value) => {
    using place = temporaryFolder();
    const env = { MILLRACE_SHARE: value, MILLRACE_DATA_DIR: join(place.path, "data") };
    for (const words of [["serve"], ["token", "--subject", "x"]]) {
      const { code, stderr } = await millrace(words, { env });
      expect(code).toBe(2);
      expect(stderr).toContain("MILLRACE_SHARE");
    }
    expect(readdirSync(place.path)).toEqual([]);
  });
});

const key = `${"k".repeat(40)}\n`;

describe("a secret is refused that", () => {
  test.each<[string, (path: string) => void, RegExp]>([
    [
      "everybody may change (0666)",
      (path) => {
        writeFileSync(path, key);
        chmodSync(path, 0o666);
      },
      /chmod 600/,
    ],
    [
      "a group may read (0640)",
      (path) => {
        writeFileSync(path, key);
        chmodSync(path, 0o640);
      },
      /chmod 600/,
    ],
    [
      "everybody may read (0644)",
      (path) => {
        writeFileSync(path, key);
        chmodSync(path, 0o644);
      },
      /chmod 600/,
    ],
    [
      "everybody may run (0601)",
      (path) => {
        writeFileSync(path, key);
        chmodSync(path, 0o601);
      },
      /chmod 600/,
    ],
    [
      "is a symbolic link",
      (path) => {
        writeFileSync(`${path}.real`, key, { mode: 0o600 });
        symlinkSync(`${path}.real`, path);
      },
      /symbolic link/,
    ],
    ["is a symbolic link to nowhere", (path) => symlinkSync(`${path}.gone`, path), /symbolic link/],
    ["is a folder", (path) => mkdirSync(path, { mode: 0o700 }), /a folder/],
    ["is a pipe", (path) => Bun.spawnSync(["mkfifo", "-m", "600", path]), /special file/],
    ["has 100,000 zero bytes", (path) => writeFileSync(path, Buffer.alloc(100_000), { mode: 0o600 }), /100000 bytes/],
    ["has 64 zero bytes", (path) => writeFileSync(path, Buffer.alloc(64), { mode: 0o600 }), /printable/],
    [
      "holds control characters",
      (path) => writeFileSync(path, `${"k".repeat(40)}\u0007`, { mode: 0o600 }),
      /printable/,
    ],
    ["holds a line break inside", (path) => writeFileSync(path, `${key}${key}`, { mode: 0o600 }), /printable/],
    ["is no UTF-8", (path) => writeFileSync(path, Buffer.alloc(64, 0xff), { mode: 0o600 }), /printable/],
    ["is empty", (path) => writeFileSync(path, "", { mode: 0o600 }), /too short/],
    ["has 31 bytes", (path) => writeFileSync(path, "k".repeat(31), { mode: 0o600 }), /31 bytes/],
    ["has 4,097 bytes", (path) => writeFileSync(path, "k".repeat(4097), { mode: 0o600 }), /4097 bytes/],
    [
      "belongs to another user",
      (path) => {
        writeFileSync(path, key, { mode: 0o600 });
        chownSync(path, 12_345, 12_345);
      },
      /another user/,
    ],
  ])("%s", async (_what, lay, reason) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, "data");
    mkdirSync(dataDir);
    lay(join(dataDir, "secret"));
    for (const words of [["serve"], ["token", "--subject", "x"]]) {
      const { code, stdout, stderr } = await millrace(words, { env: { PORT: "0", MILLRACE_DATA_DIR: dataDir } });
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(reason);
      expect(stderr).toContain(join(dataDir, "secret"));
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expectPlainWords(stderr);
    }
  });
});

describe("a secret is taken that", () => {
  test.each<[string, (path: string) => void]>([
    ["has mode 0600", (path) => writeFileSync(path, key, { mode: 0o600 })],
    ["has mode 0400", (path) => writeFileSync(path, key, { mode: 0o400 })],
    ["has 32 bytes and no line break", (path) => writeFileSync(path, "k".repeat(32), { mode: 0o600 })],
    [
      "is a phrase in any language",
      (path) => writeFileSync(path, "ein Schlüssel für die Mühle, не слишком короткий\r\n", { mode: 0o600 }),
    ],
    [
      "has another name too",
      (path) => {
        writeFileSync(`${path}.kept`, key, { mode: 0o600 });
        linkSync(`${path}.kept`, path);
      },
    ],
  ])("%s", async (_what, lay) => {
    using place = temporaryFolder();
    const dataDir = join(place.path, "data");
    mkdirSync(dataDir);
    lay(join(dataDir, "secret"));
    const { code, stdout } = await millrace(["token", "--subject", "x"], { env: { MILLRACE_DATA_DIR: dataDir } });
    expect(code).toBe(0);
    expect(stdout.split(".")).toHaveLength(3);
  });
});

test("a secret that was refused is taken once it is mended as the message says", async () => {
  using place = temporaryFolder();
  const dataDir = join(place.path, "it's here");
  const env = { MILLRACE_DATA_DIR: dataDir };
  const words = ["token", "--subject", "x"];
  expect((await millrace(words, { env })).code).toBe(0);
  const secret = join(dataDir, "secret");
  chmodSync(secret, 0o644);
  const { stderr } = await millrace(words, { env });
  const [, command = ""] = /(chmod 600 .*), and/.exec(stderr) ?? [];
  expect(Bun.spawnSync(["/bin/sh", "-c", command]).exitCode).toBe(0);
  expect((await millrace(words, { env })).code).toBe(0);
  renameSync(secret, `${secret}.old`);
  rmSync(`${secret}.old`);
  expect((await millrace(words, { env })).code).toBe(0);
});
