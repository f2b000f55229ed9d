import { expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { sequence, shardId } from "../../src/base/brand.ts";
import { JobQueue } from "../../src/keeper/job-queue.ts";
import { segmentName } from "../../src/store/folder/names.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { openLockedDuckDB } from "../../src/store/sql/lock-duckdb.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const limits = { threads: 1, memoryMiB: 256 };

/** A number that is nowhere but in the canary's file: whoever reports it has read that file. */
const canaryEvents = 7_654_321;

const rollup =
  "CREATE TABLE planted.rollup AS SELECT 1 AS hour, 1 AS category, 1 AS priority, 1 AS event_name, 1 AS events";
const events = "event_id INTEGER, event_name VARCHAR, timestamp INTEGER, received_at INTEGER";

/** Files that read `canary` when something of them is used; each a list of statements. */
const plants: Readonly<Record<string, (canary: string) => string[]>> = {
  "a view events": (canary) => [`CREATE VIEW planted.events AS SELECT content FROM read_text('${canary}')`, rollup],
  "a view over a table macro": (canary) => [
    `CREATE MACRO planted.stolen() AS TABLE SELECT content FROM read_text('${canary}')`,
    "CREATE VIEW planted.events AS FROM planted.stolen()",
    rollup,
  ],
  "a view rollup": (canary) => [
    `CREATE TABLE planted.events (${events}, properties VARCHAR)`,
    `CREATE VIEW planted.rollup AS SELECT content::DOUBLE AS events FROM read_text('${canary}')`,
  ],
  "a table macro events": (canary) => [
    `CREATE MACRO planted.events() AS TABLE SELECT content FROM read_text('${canary}')`,
    rollup,
  ],
  "a generated column over a macro": (canary) => [
    `CREATE MACRO planted.stolen() AS (SELECT content FROM read_text('${canary}'))`,
    `CREATE TABLE planted.events (${events}, properties VARCHAR GENERATED ALWAYS AS (lower(event_name)) VIRTUAL)`,
    "INSERT INTO planted.events VALUES (1, 'a', 1, 1)",
    rollup,
  ],
  "a default over a sequence and a macro named like a function": (canary) => [
    `CREATE MACRO planted.hash(a) AS (SELECT content FROM read_text('${canary}'))`,
    `CREATE MACRO planted.count(a) AS (SELECT content::BIGINT FROM read_text('${canary}'))`,
    "CREATE SEQUENCE planted.numbers",
    `CREATE TABLE planted.events (${events}, properties VARCHAR DEFAULT nextval('planted.numbers'))`,
    "CREATE INDEX names ON planted.events (event_name)",
    "INSERT INTO planted.events VALUES (1, 'a', 1, 1, 'b')",
    rollup,
  ],
};

async function plant(path: string, statements: readonly string[]): Promise<void> {
  using duckdb = await DuckDB.open(limits);
  await duckdb.run(`ATTACH '${path}' AS planted`);
  for (const statement of statements) await duckdb.run(statement);
  await duckdb.run("DETACH planted");
}

function nameOf(path: string): string {
  const range = { shard: shardId(0), from: sequence(1), to: sequence(1), generation: 0, format: 2 };
  return segmentName({ ...range, crc32: crc32(readFileSync(path)) });
}

test("C9: no planted segment has verify or a service read a file of the machine, whatever kind of thing it holds", async () => {
  using place = temporaryFolder();
  const canary = join(place.path, "canary");
  writeFileSync(canary, String(canaryEvents));
  await using service = await startService();
  for (const [kind, statements] of Object.entries(plants)) {
    const made = join(place.path, "made.duckdb");
    rmSync(made, { force: true });
    await plant(made, statements(canary));
    const file = nameOf(made);
    const planted = join(service.dataDir, "segments", file);
    copyFileSync(made, planted);
    const verified = await millrace(["verify", service.dataDir]);
    expect({ kind, told: verified.stdout + verified.stderr }).not.toEqual({
      kind,
      told: expect.stringContaining(String(canaryEvents)),
    });
    const health = await (await service.health()).text();
    expect({ kind, health }).not.toEqual({ kind, health: expect.stringContaining(String(canaryEvents)) });
    rmSync(planted);
  }
});

test("C9: a planted catalog has verify read nothing outside of its folder, and is told by the file that it wants", async () => {
  using place = temporaryFolder();
  const canary = join(place.path, "canary");
  writeFileSync(canary, String(canaryEvents));
  await using service = await startService();
  await service.stop();
  const copied = join(place.path, "copied");
  cpSync(service.dataDir, copied, { recursive: true });
  rmSync(join(copied, "millrace.duckdb"));
  await plant(join(copied, "millrace.duckdb"), [
    `CREATE VIEW planted.events AS SELECT content::BIGINT AS n FROM read_text('${canary}')`,
  ]);
  const verified = await millrace(["verify", copied]);
  expect(verified.code).toBe(1);
  expect(verified.stdout).toContain(`it reads "${canary}", which is not a segment of this folder`);
  expect(verified.stdout).not.toContain(String(canaryEvents));
});

test("C9: a copied folder is verified by its own segments, also where the place that its catalog names is gone", async () => {
  using place = temporaryFolder();
  const copied = join(place.path, "copied elsewhere");
  {
    await using service = await startService();
    await service.track({ event_name: "kept" });
    await service.stop();
    cpSync(service.dataDir, copied, { recursive: true });
  }
  const verified = await millrace(["verify", copied]);
  expect(verified.stdout).toContain("1 segments with 1 events");
  expect(verified.code).toBe(0);
});

test("C9: the keeper's DuckDB reads its folder alone, also the one that it opens after a failure", async () => {
  using place = temporaryFolder();
  using beside = temporaryFolder();
  const canary = join(beside.path, "canary");
  writeFileSync(canary, String(canaryEvents));
  const queue = new JobQueue(limits, { folders: [place.path] });
  const stolen = () => queue.inTurn((duckdb) => duckdb.rows(`FROM read_text('${canary}')`));
  const opened = () => queue.inTurn((duckdb) => duckdb.rows("SELECT 1 AS one"));
  // A failed job costs the queue its DuckDB; the next one is locked like it.
  for (let tries = 0; tries < 2; tries++) {
    await expect(stolen()).rejects.toThrow("Permission Error");
    expect(await opened()).toEqual([{ one: 1 }]);
  }
  await expect(queue.inTurn((duckdb) => duckdb.run("SET enable_external_access = true"))).rejects.toThrow();
});

test("C9: a locked DuckDB makes, opens and reads files below its folders, and nothing beside them", async () => {
  using place = temporaryFolder();
  const folder = join(place.path, "it's here");
  cpSync(import.meta.dir, folder, { recursive: true });
  cpSync(import.meta.dir, `${folder} not`, { recursive: true });
  using duckdb = await openLockedDuckDB(limits, { folders: [folder] });
  const sql = (path: string) => path.replaceAll("'", "''");
  await duckdb.run(`ATTACH '${sql(folder)}/new.duckdb' AS made`);
  await duckdb.run("CREATE TABLE made.numbers AS SELECT 1 AS n");
  await duckdb.run("CHECKPOINT made");
  await duckdb.run("DETACH made");
  expect(await duckdb.rows(`FROM read_duckdb('${sql(folder)}/new.duckdb', table_name = 'numbers')`)).toEqual([
    { n: 1 },
  ]);
  for (const refused of [
    `ATTACH '${sql(folder)} not/new.duckdb' AS beside`,
    `ATTACH '${sql(folder)}/../new.duckdb' AS above`,
    `COPY (SELECT 1) TO '${sql(folder)} not/copied.csv'`,
    "FROM read_text('/etc/passwd')",
    "FROM glob('/*')",
    "INSTALL httpfs",
    `SET allowed_directories = ['/']`,
  ])
    await expect(duckdb.rows(refused)).rejects.toThrow();
});
