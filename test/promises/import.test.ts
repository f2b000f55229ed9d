/** An imported history: whole or not at all, each id once, checked like what is sent. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { place } from "../import/files.ts";
import { queryFile } from "../support/catalog.ts";
import { millrace, runToEnd } from "../support/command.ts";
import { entryPath } from "../support/process.ts";
import { startService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const lines = [
  '{"event_id":"01a20919-3612-70a9-873d-3af1a245a664","event_name":"old","timestamp":"2024-02-03T04:05:06.789Z","received_at":"2024-02-03T04:05:07Z","subject":"crm","client_id":"c-1","session_id":"s-1","properties":{"price":1.50,"big":9007199254740993}}',
  '{"event_name":"older","category":"trading","timestamp":1700000000,"properties":null}',
  '{"event_name":"older","category":"trading","timestamp":1700000000,"properties":null}',
];

/** An import on a machine that is busy with other tests. ms */
const limitMs = 50_000;

const imported = async (dataDir: string, words: readonly string[]) => {
  const { code, stdout, stderr } = await millrace(["import", ...words], {
    env: { MILLRACE_DATA_DIR: dataDir },
    limitMs,
  });
  return { code, stdout, stderr };
};

const count = async (dataDir: string, where = "true") => {
  const [row] = await queryFile(
    join(dataDir, "millrace.duckdb"),
    `SELECT count(*)::DOUBLE AS n FROM events WHERE ${where}`,
  );
  return row?.["n"];
};

test("ndjson, csv and parquet come in beside a running service, are counted, and come once however often they are given", async () => {
  using files = place();
  await using service = await startService();
  const env = { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret };
  await service.track({ event_name: "new" });
  const ndjson = files.file("history.ndjson", `${lines.join("\n")}\n`);
  const first = await millrace(["import", ndjson], { env, limitMs });
  expect({ code: first.code, stdout: first.stdout }).toEqual({
    code: 0,
    stdout: "3 of 3 events imported\n",
  });
  await service.waitSealed();
  expect((await service.stats()).total_events).toBe(4);
  const [old] = await service.rows(
    "SELECT properties::VARCHAR AS properties, subject, epoch_ms(received_at)::VARCHAR AS received FROM events WHERE event_name = 'old'",
  );
  expect(old).toEqual({
    properties: '{"price":1.50,"big":9007199254740993}',
    subject: "crm",
    received: String(Date.parse("2024-02-03T04:05:07Z")),
  });
  const [csv, parquet] = [join(files.path, "history.csv"), join(files.path, "history.parquet")];
  for (const path of [csv, parquet]) await queryFile(service.catalogPath, `COPY (FROM events) TO '${path}'`);
  const again = await millrace(["import", ndjson, csv, parquet], { env, limitMs });
  expect(again.stdout).toBe("0 of 11 events imported, all of them were there already\n");
  expect((await service.stats()).total_events).toBe(4);
  expect((await millrace(["verify", service.dataDir])).code).toBe(0);

  using elsewhere = place();
  for (const path of [csv, parquet]) await imported(elsewhere.path, [path]);
  const content = "SELECT count(*)::VARCHAR AS events, bit_xor(hash(events))::VARCHAR AS hash FROM events";
  expect(await queryFile(join(elsewhere.path, "millrace.duckdb"), content)).toEqual(await service.rows(content));
});

/** Rows of which one, past the first piece of DuckDB's, is bad: what came before it must not stay. */
const manyRows = (bad: string) => {
  const rows = Array.from({ length: 60_000 }, (_, index) => `event ${index},2024-03-10 12:00:00\n`);
  rows[50_000] = bad;
  return `event_name,timestamp\n${rows.join("")}`;
};

test("a history with a bad row, a row too long or a damaged file keeps nothing, and makes no folder", async () => {
  using files = place();
  const dataDir = join(files.path, "data");
  const flipped = gzipSync(manyRows("fine,\n"));
  flipped.writeUInt8(flipped.readUInt8(flipped.length >> 1) ^ 1, flipped.length >> 1);
  const sources = {
    "time.csv": manyRows("x,03/10/2024 12:00\n"),
    "cells.csv": manyRows("x,2024-03-10,more\n"),
    "flipped.csv.gz": flipped,
    "cut.csv.gz": gzipSync(manyRows("fine,\n")).subarray(0, -8),
    "name.ndjson": '{"event_name":"fine"}\n{"event_name":""}\n',
    "unknown.csv": "event_name,distinct_id\nx,y\n",
  };
  const outcome = await Promise.all(
    Object.entries(sources).map(async ([name, content]) => {
      const { code, stdout, stderr } = await imported(dataDir, [files.file(name, content)]);
      const said = stderr.replaceAll(`${files.path}/`, "").split("\n");
      return { code, stdout, stderr: said.find((line) => line.startsWith("millrace: ")) };
    }),
  );
  expect(outcome.map(({ code, stdout }) => ({ code, stdout }))).toEqual(outcome.map(() => ({ code: 1, stdout: "" })));
  const told = [
    'time.csv, row 50001: timestamp: Input should be a valid datetime or date, invalid character in year (found "03/10/2024 12:00") (line 50002)',
    "cells.csv, row 50001: has 3 cells, the header has 2 (line 50002)",
    "flipped.csv.gz: is damaged or cut off",
    "cut.csv.gz: is damaged or cut off",
    "name.ndjson, row 2: event_name: String should have at least 1 character",
    'unknown.csv: columns that events do not have: "distinct_id"; --extra properties puts them into properties, --extra ignore leaves them out',
  ];
  for (const [index, message] of told.entries()) expect(outcome[index]?.stderr).toStartWith(`millrace: ${message}`);
  expect(existsSync(dataDir)).toBe(false);
});

test("a folder, a missing file, a file given twice and a wrong option are one clear line, with the exit code of each", async () => {
  using files = place();
  mkdirSync(join(files.path, "folder.csv"));
  const fine = files.file("fine.csv", "event_name\nx\n");
  const ended = await Promise.all(
    [
      ["folder.csv"],
      ["missing.csv"],
      ["fine.csv", "./fine.csv"],
      ["fine.csv", "--format", "xml"],
      ["fine.csv", "--delimiter", "ab"],
    ].map((words) =>
      millrace(["import", ...words], {
        env: { MILLRACE_DATA_DIR: join(files.path, "data") },
        cwd: files.path,
        limitMs,
      }),
    ),
  );
  expect(ended.map(({ code }) => code)).toEqual([1, 1, 1, 2, 2]);
  for (const { stderr } of ended) expect(stderr.trim().split("\n")).toHaveLength(1);
  expect(ended[0]?.stderr).toContain("folder.csv: cannot be read: it is a folder");
  expect(ended[2]?.stderr).toContain("is the same file as fine.csv");
  expect(existsSync(fine)).toBe(true);
});

test("--dry-run counts and changes nothing; --skip-bad puts bad rows into a file and takes the rest", async () => {
  using files = place();
  const dataDir = join(files.path, "data");
  const csv = files.file("a.csv", "event_name,category\nx,auth\ny,nonsense\nshort\nz,\n");
  const bad = join(files.path, "bad.ndjson");
  const dry = await imported(dataDir, [csv, "--dry-run", "--skip-bad", bad]);
  expect(dry).toMatchObject({
    code: 0,
    stdout: `2 of 4 rows are good; 2 bad rows would go to ${bad}; nothing was imported (dry run)\n`,
  });
  expect([existsSync(dataDir), existsSync(bad)]).toEqual([false, false]);
  expect((await imported(dataDir, [csv, "--dry-run"])).code).toBe(1);

  const done = await imported(dataDir, [csv, "--skip-bad", bad]);
  expect(done).toMatchObject({ code: 0, stdout: `2 of 2 events imported; 2 bad rows in ${bad}\n` });
  expect(await count(dataDir)).toBe(2);
  const rows = readFileSync(bad, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(rows).toMatchObject([
    { file: csv, row: 2, line: 3, data: { event_name: "y", category: "nonsense" } },
    { file: csv, row: 3, line: 4, reason: "has 1 cell, the header has 2", data: "short" },
  ]);
  expect(await imported(dataDir, [csv, "--skip-bad", bad])).toMatchObject({
    code: 0,
    stdout: `0 of 2 events imported, all of them were there already; 2 bad rows in ${bad}\n`,
  });
});

test("standard input is an import, too, by its format, and leaves no file behind", async () => {
  using files = place();
  const dataDir = join(files.path, "data");
  files.file("a.csv", "event_name\nx\ny\n");
  files.file("a.json", '[{"event_name":"z"}]');
  const piped = (command: string) =>
    runToEnd(["sh", "-c", command, process.execPath, entryPath], {
      env: { MILLRACE_DATA_DIR: dataDir },
      cwd: files.path,
      limitMs,
    });
  expect(await piped('"$0" "$1" import - --format csv < a.csv')).toMatchObject({
    code: 0,
    stdout: "2 of 2 events imported\n",
  });
  expect(await piped('gzip -c a.json | "$0" "$1" import -')).toMatchObject({
    code: 0,
    stdout: "1 of 1 events imported\n",
  });
  expect(await piped('"$0" "$1" import - --format csv < a.csv')).toMatchObject({
    code: 0,
    stdout: "0 of 2 events imported, all of them were there already\n",
  });
  expect(await piped('echo event_name,x | "$0" "$1" import - --format csv')).toMatchObject({ code: 1 });
  expect(await count(dataDir)).toBe(3);
  expect(readdirSync(join(dataDir, "import"))).toEqual([]);
});

test("rows without an id: equal rows of two files count, the same file again brings nothing, a row on top only itself", async () => {
  using files = place();
  const dataDir = join(files.path, "data");
  const row = '{"event_name":"same","timestamp":1700000000}\n';
  const [a, b] = [files.file("a.ndjson", row + row), files.file("b.ndjson", row)];
  expect((await imported(dataDir, [a])).stdout).toBe("2 of 2 events imported\n");
  expect((await imported(dataDir, [b])).stdout).toBe("1 of 1 events imported\n");
  expect((await imported(dataDir, [b, a])).stdout).toBe("0 of 3 events imported, all of them were there already\n");
  files.file("a.ndjson", `{"event_name":"new"}\n${row}${row}`);
  expect((await imported(dataDir, [a])).stdout).toBe("1 of 3 events imported, the other 2 were there already\n");
  renameSync(a, join(files.path, "c.ndjson"));
  const renamed = await imported(dataDir, [join(files.path, "c.ndjson"), "--source", "a.ndjson"]);
  expect(renamed.stdout).toBe("0 of 3 events imported, all of them were there already\n");
  expect(await count(dataDir)).toBe(4);
});

test("rows of 16 MiB are imported, a longer one is refused by its line, and a folder in import/ is in nobody's way", async () => {
  using files = place();
  const dataDir = join(files.path, "data");
  mkdirSync(join(dataDir, "import", "folder"), { recursive: true });
  const row = (bytes: number) => `{"event_name":"long","properties":{"n":1.50,"text":"${"x".repeat(bytes)}"}}\n`;
  const long = files.file("long.ndjson", row(16 * 1024 * 1024).repeat(2));
  expect(await imported(dataDir, [long])).toMatchObject({ code: 0, stdout: "2 of 2 events imported\n" });
  expect(await count(dataDir, "length(properties->>'text') = 16777216")).toBe(2);
  const longer = await imported(dataDir, [files.file("longer.ndjson", `{"event_name":"x"}\n${row(19_000_000)}`)]);
  expect(longer.code).toBe(1);
  expect(longer.stderr).toContain("longer.ndjson: the row that begins in line 2 is longer than");
  expect(existsSync(join(dataDir, "import", "folder"))).toBe(true);
});
