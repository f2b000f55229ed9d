import { expect, setDefaultTimeout, test } from "bun:test";
import { appendFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sequence, shardId } from "../../src/base/brand.ts";
import { openLog } from "../../src/base/log.ts";
import { FileJournal } from "../../src/journal/file-journal.ts";
import { type FolderView, viewFolder, viewFolderFor } from "../../src/store/catalog/folder-view.ts";
import { statementsNamedIn } from "../../src/store/catalog/named.ts";
import { journalFilesOf } from "../../src/store/folder/journal-files.ts";
import { prepareDataFolder } from "../../src/store/folder/layout.ts";
import { type DataFolder, dataFolder, journalName } from "../../src/store/folder/names.ts";
import { sealSegment } from "../../src/store/segment/segment.ts";
import { DuckDB } from "../../src/store/sql/duckdb.ts";
import { listLiteral } from "../../src/store/sql/literals.ts";
import { recovered } from "../support/journal-files.ts";
import { groupOf, rowAt, temporaryFolder } from "../support/rows.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const limits = { threads: 1, memoryMiB: 128 };

/** The names of all events in the view, sorted. */
async function namesIn(duckdb: DuckDB, { content }: FolderView): Promise<string[]> {
  const paths = content.segments.map(({ file }) => join(content.root, "segments", file));
  const parts = [
    ...(paths.length === 0 ? [] : [`SELECT event_name FROM read_duckdb(${listLiteral(paths)}, table_name = 'events')`]),
    ...(content.unsealed === undefined ? [] : [`SELECT event_name FROM (${content.unsealed})`]),
  ];
  if (parts.length === 0) return [];
  const rows = await duckdb.rows(`${parts.join(" UNION ALL ")} ORDER BY ALL`);
  return rows.map((row) => String(row["event_name"]));
}

const named = (event_name: string) => rowAt(Date.now(), { event_name });

function journalOf(folder: DataFolder): Promise<FileJournal> {
  const files = journalFilesOf(folder, shardId(0));
  return recovered(new FileJournal({ files, isSynced: true, log: openLog("silent", "test") }));
}

/** A folder of its own with two events, "a" and "b", in an open journal. */
async function unsealedAB() {
  using scope = new DisposableStack();
  const scratch = scope.use(temporaryFolder());
  const folder = prepareDataFolder(scope.use(temporaryFolder()).path);
  const duckdb = scope.use(await DuckDB.open(limits));
  const journal = await journalOf(folder);
  await journal.append(groupOf([named("a"), named("b")]));
  const made = scope.move();
  return {
    scratch,
    folder,
    duckdb,
    journal,
    [Symbol.asyncDispose]: async () => {
      await journal.close();
      made.dispose();
    },
  };
}

test("sealed and unsealed events are there once, torn and unfinished groups are not", async () => {
  await using world = await unsealedAB();
  const { scratch, duckdb, folder, journal } = world;
  const part = await journal.rotate();
  if (part === undefined) throw new Error("a part was closed");
  await journal.append(groupOf([named("c")]));
  {
    using view = viewFolder(folder, scratch.path);
    expect(await namesIn(duckdb, view)).toEqual(["a", "b", "c"]);
    expect(view.unsealedEvents).toBe(3);
    expect(view.content.segments).toEqual([]);
  }
  // The journal stays for a moment after its segment has its name.
  await sealSegment(duckdb, folder, {
    shard: shardId(0),
    ...part,
    files: [part.path],
    lineBytesMax: 1000,
    clientIds: 0,
  });
  await journal.append(groupOf([named("d"), named("e")]));
  appendFileSync(
    join(folder.journal, journalName({ shard: shardId(0), from: sequence(3) })),
    `${named("torn").line}\n`,
  );
  using view = viewFolder(folder, scratch.path);
  expect(await namesIn(duckdb, view)).toEqual(["a", "b", "c", "d", "e"]);
  expect(view.unsealedEvents).toBe(3);
  expect(view.content.watermarks.map(({ shard }) => shard)).toEqual([shardId(0)]);
});

test("the copy goes with the view, and an empty folder has none", async () => {
  using scratch = temporaryFolder();
  using temporary = temporaryFolder();
  const folder = prepareDataFolder(temporary.path);
  {
    using view = viewFolder(folder, scratch.path);
    expect(view.content).toMatchObject({ segments: [], unsealed: undefined, watermarks: [] });
  }
  const journal = await journalOf(folder);
  await journal.append(groupOf([named("a")]));
  {
    using view = viewFolder(folder, scratch.path);
    expect(view.files.map((file) => existsSync(file))).toEqual([true]);
  }
  expect(readdirSync(scratch.path)).toEqual([]);
  await journal.close();
});

test("SQL that can read no event needs no copy of what is not sealed; any other SQL sees all of it", async () => {
  await using world = await unsealedAB();
  const { scratch, duckdb, folder } = world;
  for (const sql of ["SELECT 1", "FROM catalog", "SELECT count(*) FROM refused"]) {
    using view = viewFolderFor(sql, folder, scratch.path);
    expect([sql, view.unsealedEvents, view.files, readdirSync(scratch.path)]).toEqual([sql, 0, [], []]);
    await duckdb.script(statementsNamedIn(sql, view.content));
    expect(await duckdb.rows(sql)).toBeArray();
  }
  for (const [sql, value] of [
    ["SELECT count(*)::INTEGER FROM Events", 2],
    ["SELECT events::INTEGER FROM top(event_name) LIMIT 1", 1],
    ["SELECT rows::INTEGER FROM freshness WHERE shard IS NULL", 2],
    ["SELECT sum(events)::INTEGER FROM events_hourly", 2],
    ["SELECT (SELECT count(*)::INTEGER FROM events) FROM catalog", 2],
  ] as const) {
    using view = viewFolderFor(sql, folder, scratch.path);
    await duckdb.script(statementsNamedIn(sql, view.content));
    const [row] = await duckdb.rows(sql);
    expect([sql, Object.values(row ?? {})]).toEqual([sql, [value]]);
  }
});

test("every event acknowledged before is seen once, while the service seals and goes on", async () => {
  using scratch = temporaryFolder();
  using duckdb = await DuckDB.open(limits);
  await using service = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "0.1" } });
  let sent = 0;
  let acknowledged = 0;
  let isSending = true;
  const sending = (async () => {
    while (isSending) {
      const events = Array.from({ length: 20 }, () => ({ event_name: String(sent++) }));
      await service.batch(events);
      acknowledged = sent;
    }
  })();
  for (let look = 0; look < 40; look++) {
    const least = acknowledged;
    using view = viewFolder(dataFolder(service.dataDir), scratch.path);
    // The service runs in a process of its own, so nothing was sent between these two lines.
    const most = sent;
    const names = await namesIn(duckdb, view);
    expect(new Set(names).size).toBe(names.length);
    expect(names.length).toBeGreaterThanOrEqual(least);
    expect(names.length).toBeLessThanOrEqual(most);
  }
  isSending = false;
  await sending;
});
