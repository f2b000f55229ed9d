/** The examples beside the code do what they say, run as a reader would run them. */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { queryFile, type Row } from "./support/catalog.ts";
import { type Ended, runToEnd } from "./support/command.ts";
import { repoRoot } from "./support/process.ts";
import { type Service, startService, testMsMax } from "./support/service.ts";
import { until } from "./support/until.ts";

setDefaultTimeout(testMsMax);

const ofHttp = join(repoRoot, "src/http/examples");
const ofStore = join(repoRoot, "src/store/examples");

/** Runs a line of shell with the token and the address that the examples ask for. */
function run(line: string, service: Service, url = service.url): Promise<Ended> {
  const { PATH } = process.env;
  const TOKEN = service.token({ scope: "events:write query" });
  return runToEnd(["bash", "-c", line], { cwd: ofHttp, env: { PATH, TOKEN, MILLRACE_URL: url } });
}

const sendBatch = `exec "${process.execPath}" send-batch.mjs < events.ndjson`;

test("an event is sent and found by SQL, and what is refused is printed and ends with an error", async () => {
  await using service = await startService();
  const sent = await run(`bash send-event.sh signup '{"plan":"pro"}'`, service);
  expect(sent).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(sent.stdout)).toMatchObject({ duplicate: false });
  const asked = await run(`bash query.sh $'SELECT properties->>\\'plan\\' AS "a plan"\\nFROM events'`, service);
  expect(asked).toMatchObject({ code: 0, stdout: "a plan\npro\n" });

  const refused = await run("bash send-event.sh ''", service);
  expect(refused.code).not.toBe(0);
  const tooLong = await run(`bash send-event.sh "$(printf 'x%.0s' {1..101})"`, service);
  expect(tooLong.code).not.toBe(0);
  expect(tooLong.stdout).toContain("string_too_long");
});

test("a batch whose answers are lost is sent again until it is acknowledged, and counts once", async () => {
  await using service = await startService();
  let requests = 0;
  // The first answer is lost, the second says that there is too much to do.
  await using proxy = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      requests += 1;
      if (requests === 2) return new Response("{}", { status: 503, headers: { "Retry-After": "0" } });
      const { pathname } = new URL(request.url);
      const { method, headers } = request;
      const answer = await fetch(service.url + pathname, { method, headers, body: await request.arrayBuffer() });
      if (requests === 1) return new Response("lost", { status: 503 });
      return answer;
    },
  });
  const sent = await run(sendBatch, service, proxy.url.origin);
  expect(sent).toMatchObject({ code: 0, stdout: "3 events acknowledged, 3 of them known before\n" });
  expect(requests).toBe(3);
  expect((await service.stats()).total_events).toBe(3);
});

test("a batch that is refused is not sent again", async () => {
  await using service = await startService();
  const sent = await run(`echo '{"event_name":""}' | exec "${process.execPath}" send-batch.mjs`, service);
  expect(sent.code).toBe(1);
  expect(sent.stderr).toContain("refused with 422");
});

describe("questions to a data folder", () => {
  test("answer, each of them", async () => {
    await using service = await startService();
    expect(await run(sendBatch, service)).toMatchObject({ code: 0 });
    const catalog = join(service.dataDir, "millrace.duckdb");
    await until(async () => (await queryFile(catalog, "FROM events")).length === 3, {
      what: "the events in the catalog",
      limitMs: 20_000,
    });

    const [plans, hours, fresh] = await answersOf("last-day.sql", catalog);
    expect(plans).toEqual([
      { plan: "free", signups: "1" },
      { plan: "pro", signups: "1" },
    ]);
    expect(hours?.reduce((sum, row) => sum + Number(row["events"]), 0)).toBe(3);
    expect(fresh).toMatchObject([{ rows: "3" }]);

    const answers = await answersOf("other-file.sql", ":memory:", ["data/millrace.duckdb", catalog]);
    expect(answers.at(-1)).toEqual([
      { plan: "free", signups: "1", expected: "0" },
      { plan: "pro", signups: "1", expected: "20" },
    ]);
  });

  test("are all run here", () => {
    expect(readdirSync(ofStore).filter((file) => file.endsWith(".sql"))).toEqual(["last-day.sql", "other-file.sql"]);
    const programs = readdirSync(ofHttp).filter((file) => /\.(sh|mjs)$/.test(file));
    expect(programs.sort()).toEqual(["query.sh", "send-batch.mjs", "send-event.sh"]);
  });
});

/** The rows of each statement of a file that has any. `path`: a database, read-only. */
async function answersOf(file: string, path: string, place?: readonly [string, string]): Promise<Row[][]> {
  const text = readFileSync(join(ofStore, file), "utf8");
  const sql = place === undefined ? text : text.replaceAll(...place);
  const instance = await DuckDBInstance.create(
    path,
    path === ":memory:" ? { threads: "2" } : { threads: "2", access_mode: "READ_ONLY" },
  );
  try {
    const connection = await instance.connect();
    const answers: Row[][] = [];
    for (const statement of sql.split(/;$/m).filter((part) => part.trim() !== "")) {
      const rows = (await connection.runAndReadAll(statement)).getRowObjectsJson();
      if (rows.length > 0) answers.push(rows);
    }
    connection.closeSync();
    return answers;
  } finally {
    instance.closeSync();
  }
}
