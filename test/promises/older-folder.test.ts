import { expect, setDefaultTimeout, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { keepJson } from "../../src/store/folder/kept-file.ts";
import { currentFormat } from "../../src/store/folder/names.ts";
import { queryFile } from "../support/catalog.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

/** A copy of the folder that commit 3b0d176 wrote; `test/fixtures/README.md` says what it holds. */
async function olderFolder(): Promise<{ dataDir: string } & Disposable> {
  const root = mkdtempSync(join(tmpdir(), "millrace-test-"));
  const archive = join(import.meta.dir, "../fixtures/folder-3b0d176.tar.gz");
  const { code, stderr } = await runToEnd(["tar", "xzf", archive, "-C", root]);
  if (code !== 0) throw new Error(stderr);
  return { dataDir: join(root, "data"), [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
}

const eventId = (number: number) => `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;

test("C19: a folder of the release before opens: events, ids, receipts and secret are there, and it gets a format mark", async () => {
  using folder = await olderFolder();
  const { dataDir } = folder;
  const secret = readFileSync(join(dataDir, "secret"), "utf8");
  expect(existsSync(join(dataDir, "format"))).toBe(false);
  await using service = await startService({ dataDir, env: { MILLRACE_JWT_SECRET: secret.trim() } });
  await service.waitSealed();
  const rows = await service.rows(
    "SELECT event_id::VARCHAR AS id FROM events WHERE event_name = 'fixture' ORDER BY id",
  );
  expect(rows.map(({ id }) => id)).toEqual([1, 2, 4, 5, 6].map(eventId));
  expect(await service.count()).toBe(6);
  for (const known of [1, 2, 4, 5, 6])
    expect((await service.track({ event_name: "again", event_id: eventId(known) })).duplicate).toBe(true);
  expect((await service.track({ event_name: "again", event_id: eventId(3) })).duplicate).toBe(false);
  expect(await service.rows("SELECT by_subject, events::INTEGER AS events FROM erasures")).toEqual([
    { by_subject: "maker", events: 1 },
  ]);
  await service.track({ event_name: "newer", user_id: "u-1", anonymous_id: "d-1" });
  await service.waitSealed();
  expect(await service.rows("SELECT DISTINCT user_id, anonymous_id FROM events ORDER BY ALL")).toEqual([
    { user_id: "u-1", anonymous_id: "d-1" },
    { user_id: null, anonymous_id: null },
  ]);
  const health = JSON.parse(await (await service.health()).text());
  expect([health.status, health.warnings]).toEqual(["ok", []]);
  expect(JSON.parse(readFileSync(join(dataDir, "format"), "utf8"))).toMatchObject({
    format: currentFormat,
    written_by: packageJson.version,
  });
  expect(readFileSync(join(dataDir, "secret"), "utf8")).toBe(secret);
});

test("old and new segments become one: every event once, sequences where they are known, and verify finds nothing", async () => {
  using folder = await olderFolder();
  const { dataDir } = folder;
  const env = { MILLRACE_JWT_SECRET: readFileSync(join(dataDir, "secret"), "utf8").trim(), MILLRACE_SHARDS: "1" };
  const service = await startService({ dataDir, env });
  await service.track({ event_name: "new", event_id: eventId(7), category: "system" });
  await service.waitSealed();
  const query = "SELECT event_id::VARCHAR AS id, * EXCLUDE (event_id) FROM events ORDER BY id";
  const before = await service.rows(query);
  const inName = (part: string) => readdirSync(join(dataDir, "segments")).filter((file) => file.includes(part));
  expect(inName(`-f${currentFormat}-`).length).toBeLessThan(inName(".duckdb").length);
  const { code } = await millrace(["compact"], { env: { ...env, MILLRACE_DATA_DIR: dataDir } });
  expect(code).toBe(0);
  expect(await service.rows(query)).toEqual(before);
  await service[Symbol.asyncDispose]();
  const [merged = ""] = inName(`-f${currentFormat}-`).sort();
  const sequences = await queryFile(
    join(dataDir, "segments", merged),
    "SELECT right(event_id::VARCHAR, 1) AS id, sequence::INTEGER AS sequence FROM events WHERE event_name IN ('fixture', 'new') ORDER BY id",
  );
  expect(sequences.map(({ id, sequence }) => [id, sequence])).toEqual([
    ["1", null],
    ["2", null],
    ["4", null],
    ["5", 6],
    ["6", 7],
    ["7", 8],
  ]);
  const verified = await millrace(["verify", dataDir]);
  expect([verified.code, verified.stdout]).toEqual([0, expect.stringContaining("0 problems")]);
});

test("a segment of a later format is refused by its name, with both formats", async () => {
  using folder = await olderFolder();
  const { dataDir } = folder;
  const [file = ""] = readdirSync(join(dataDir, "segments"));
  const later = file.replace(/-([0-9a-f]{8})\.duckdb$/, `-f${currentFormat + 1}-$1.duckdb`);
  renameSync(join(dataDir, "segments", file), join(dataDir, "segments", later));
  for (const words of [["serve"], ["verify"], ["snapshot", join(dataDir, "../copy")], ["sql", "SELECT 1"]]) {
    const { code, stderr } = await millrace(words, { env: { MILLRACE_DATA_DIR: dataDir, PORT: "0" } });
    expect([words[0], code]).toEqual([words[0], 1]);
    expect(stderr).toContain(`${later} was written by a later version in format ${currentFormat + 1}`);
    expect(stderr).toContain(`reads formats up to ${currentFormat}`);
  }
});

test("C19: a folder of a later format is refused by every command, with both versions, and exit code 1", async () => {
  using folder = await olderFolder();
  const { dataDir } = folder;
  keepJson(join(dataDir, "format"), { format: currentFormat + 1, written_by: "9.8.7" });
  const history = join(dataDir, "../history.ndjson");
  writeFileSync(history, `${JSON.stringify({ event_name: "moved", timestamp: "2026-01-01T00:00:00Z" })}\n`);
  const commands = [
    ["serve"],
    ["token", "--subject", "me"],
    ["sql", "SELECT 1"],
    ["export", "--out", join(dataDir, "../out")],
    ["snapshot", join(dataDir, "../snapshot")],
    ["verify"],
    ["compact"],
    ["erase", "--subject", "me"],
    ["import", history],
  ];
  for (const words of commands) {
    const { code, stderr } = await millrace(words, { env: { MILLRACE_DATA_DIR: dataDir, PORT: "0" } });
    expect([words[0], code]).toEqual([words[0], 1]);
    expect(stderr).toContain(`millrace 9.8.7 in format ${currentFormat + 1}`);
    expect(stderr).toContain(`this is millrace ${packageJson.version}`);
    expect(stderr).not.toContain("    at ");
  }
  const { code, stderr } = await millrace(["restore", dataDir], {
    env: { MILLRACE_DATA_DIR: join(dataDir, "../restored") },
  });
  expect([code, stderr.includes("9.8.7")]).toEqual([1, true]);
});

test("C19: a damaged format mark is mended, and told; one that can be read as later is refused", async () => {
  using folder = await olderFolder();
  const { dataDir } = folder;
  const mark = join(dataDir, "format");
  await startService({ dataDir }).then((service) => service[Symbol.asyncDispose]());
  const sound = readFileSync(mark, "utf8");
  const withFormat = (format: number) => sound.replace(/"format":( ?)\d+/, `"format":$1${format}`);
  for (const damaged of [withFormat(1), sound.replace("0.1", "0.3"), sound.slice(0, 20), ""]) {
    writeFileSync(mark, damaged);
    const verified = await millrace(["verify", dataDir]);
    expect(verified.stdout).toContain(`${mark}: `);
    await using service = await startService({ dataDir });
    expect(await (await service.health()).text()).toContain("format ");
    expect(readFileSync(mark, "utf8")).toBe(sound);
  }
  for (const later of [withFormat(currentFormat + 1), withFormat(12), `{"format":${currentFormat + 1}}\n`]) {
    writeFileSync(mark, later);
    const { code, stderr } = await millrace(["serve"], { env: { MILLRACE_DATA_DIR: dataDir, PORT: "0" } });
    expect([code, stderr.includes(`reads formats up to ${currentFormat}`), stderr.includes("    at ")]).toEqual([
      1,
      true,
      false,
    ]);
    expect(readFileSync(mark, "utf8")).toBe(later);
  }
});

test.each(["format", "erasures.ndjson", "erasure.json", "sealed.json"])(
  "a named pipe or a folder in the place of %s is refused by name, at once",
  async (name) => {
    using folder = await olderFolder();
    const { dataDir } = folder;
    await startService({ dataDir }).then((service) => service[Symbol.asyncDispose]());
    const path = join(dataDir, name);
    for (const [make, kind] of [
      [() => Bun.spawnSync(["mkfifo", path]), "special file"],
      [() => mkdirSync(path), "folder"],
    ] as const) {
      rmSync(path, { recursive: true, force: true });
      make();
      for (const command of name === "format" ? [["serve"], ["verify", dataDir]] : [["verify", dataDir]]) {
        const { code, stderr } = await millrace(command, { env: { MILLRACE_DATA_DIR: dataDir, PORT: "0" } });
        expect([code, stderr]).toEqual([1, expect.stringContaining(`${path} is a ${kind} and must be a regular file`)]);
        expect(stderr).not.toContain("    at ");
      }
    }
  },
);
