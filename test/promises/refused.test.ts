/**
 * Events of other vendors' SDKs that are refused: kept before the answer, seen by every reader, sent again once what
 * refused them is mended, and gone once they are erased.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";
import { briefGrace, erase, expectSoundFolder, filesWith, postAsAdmin } from "../support/upkeep.ts";

setDefaultTimeout(testMsMax);

const place = mkdtempSync(join(tmpdir(), "millrace-refused-"));
const schemas = join(place, "schemas");
const schemaFile = join(schemas, "purchase.json");
let service: Service;

beforeAll(async () => {
  mkdirSync(schemas);
  writeFileSync(schemaFile, '{"type":"object","properties":{"price":{"type":"number"}}}');
  service = await startService({ env: { ...briefGrace, MILLRACE_SCHEMAS: schemas, MILLRACE_SCHEMA_MODE: "enforce" } });
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

const idOf = (number: number) => `01900000-0000-7000-8000-00000000000${number}`;
const track = (number: number, event: string, more = "") =>
  `{"type":"track","event":"${event}","messageId":"${idOf(number)}","userId":"user-of-${number}"${more}}`;

const run = (words: readonly string[], dataDir = service.dataDir) =>
  millrace(words, {
    env: {
      MILLRACE_DATA_DIR: dataDir,
      MILLRACE_JWT_SECRET: service.secret,
      MILLRACE_SCHEMAS: schemas,
      MILLRACE_SCHEMA_MODE: "enforce",
    },
  });

/** The refused events as `millrace sql` shows them. */
async function refusedNow(dataDir = service.dataDir): Promise<string[]> {
  const sql = "SELECT event_id || ' ' || protocol || ' ' || subject || ' ' || reason FROM refused ORDER BY event_id";
  const { stdout } = await run(["sql", "--format", "ndjson", sql], dataDir);
  return stdout.split("\n").flatMap((line) => (line === "" ? [] : Object.values(JSON.parse(line)).map(String)));
}

const deep = `,"properties":{"a":${"[".repeat(80)}${"]".repeat(80)}}`;
const left = [
  expect.stringContaining(`${idOf(2)} segment tester `),
  expect.stringContaining(`${idOf(3)} segment tester `),
  expect.stringContaining(`${idOf(4)} segment tester `),
];

test("one bad event does not refuse the others; each is there after kill -9, for every reader", async () => {
  const events = [
    track(1, "good"),
    track(2, "deep", deep),
    track(3, "purchase", ',"properties":{"price":"9.99"}'),
    track(4, "listed", ',"properties":[1.50]'),
  ];
  const answer = await service.request("/v1/batch", {
    body: `{"batch":[${events.join(",")}]}`,
    token: service.token({ subject: "tester", scope: "events:write" }),
  });
  expect(answer.status).toBe(200);
  await service.kill9();
  expect(await refusedNow()).toEqual(left);
  await service.restart();
  expect((await service.stats()).total_events).toBe(1);
  const token = service.token({ subject: "analyst", scope: "query" });
  const body = JSON.stringify({ sql: "SELECT count(*) AS n, min(event->>'$.event_name') AS name FROM refused" });
  const queried = await service.request("/api/v1/analytics/query", { body, token });
  expect(await queried.json()).toMatchObject({ rows: [[3, "deep"]] });
  // The catalog itself, by a DuckDB that knows nothing of the service.
  expect(await service.rows("SELECT count(*)::INTEGER AS n FROM refused")).toEqual([{ n: 3 }]);
});

test("what is mended is stored once by a redrive, and the rest stays", async () => {
  expect(await run(["redrive", "--protocol", "otlp"])).toMatchObject({ code: 0, stdout: "0 sent, 0 still refused\n" });
  expect(await run(["redrive", "--since", "9999-01-01"])).toMatchObject({
    code: 0,
    stdout: "0 sent, 0 still refused\n",
  });
  for (const wrong of [
    ["--protocol", "smtp"],
    ["--since", "then"],
  ])
    expect(await run(["redrive", ...wrong])).toMatchObject({ code: 2, stdout: "" });
  rmSync(schemaFile);
  const redriven = await until(
    async () => {
      const ended = await run(["redrive"]);
      return ended.stdout === "3 sent, 2 still refused\n" && ended;
    },
    { what: "the service without the schema", limitMs: 10_000 },
  );
  expect(redriven.code).toBe(1);
  expect(await refusedNow()).toEqual([left[0], left[2]]);
  await service.waitSealed();
  expect(await service.rows(`SELECT subject FROM events WHERE event_id = '${idOf(3)}'`)).toEqual([
    { subject: "tester" },
  ]);
});

test("a snapshot has them, and what is restored from it, too", async () => {
  const [copy, restored] = [join(place, "copy"), join(place, "restored")];
  expect(await run(["snapshot", copy])).toMatchObject({ code: 0 });
  expect(await refusedNow(copy)).toEqual([left[0], left[2]]);
  expect(await run(["verify", copy])).toMatchObject({ code: 0 });
  expect(await run(["restore", copy], restored)).toMatchObject({ code: 0 });
  expect(await refusedNow(restored)).toEqual([left[0], left[2]]);
  // A service that is started for one command, on the restored folder.
  expect(await run(["redrive"], restored)).toMatchObject({ code: 1, stdout: "2 sent, 2 still refused\n" });
});

test("an erasure reaches them, in whatever form they are, to the last byte", async () => {
  const where = { where: "user_id = 'user-of-2'" };
  const forecast = await postAsAdmin(service, "erase", { ...where, dry_run: true });
  expect(await forecast.json()).toMatchObject({ would_erase: 1, not_searched: ["refused"] });
  expect(await erase(service, where)).toMatchObject({ erased: 1 });
  expect(await refusedNow()).toEqual([left[2]]);
  // It could not be mapped, so that only its sender is known.
  expect(await erase(service, { subject: "tester" })).toMatchObject({ erased: 3, not_searched: [] });
  expect(await refusedNow()).toEqual([]);
  const needles = new Map(["user-of-2", "user-of-4"].map((text) => [text, Buffer.from(text)]));
  expect(filesWith(service.dataDir, needles)).toEqual([]);
  expect(readdirSync(join(service.dataDir, "refused"))).toEqual(["00000001.ndjson"]);
  await expectSoundFolder(service);
});

test("what is older than the retention time goes", async () => {
  // Three seconds: nothing goes before the clocks have agreed for that long.
  await using brief = await startService({ env: { MILLRACE_RETENTION_DAYS: String(3 / 86_400) } });
  const answer = await brief.request("/v1/batch", { body: `{"batch":[${track(5, "listed", ',"properties":[]')}]}` });
  expect(answer.status).toBe(200);
  const needles = new Map([["user", Buffer.from("user-of-5")]]);
  expect(filesWith(brief.dataDir, needles)).toHaveLength(1);
  await until(() => filesWith(brief.dataDir, needles).length === 0, { what: "its end", limitMs: 15_000 });
  expect(await brief.rows("SELECT count(*)::INTEGER AS n FROM refused")).toEqual([{ n: 0 }]);
});
