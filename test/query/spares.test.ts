import { expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { childrenOf, nicenessOf, programOf, readProc } from "../support/process.ts";
import { removeFolder } from "../support/remove-folder.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const ask = (service: Service, sql: string) =>
  service.request("/api/v1/analytics/query", {
    token: service.token({ subject: "ann", scope: "query" }),
    body: JSON.stringify({ sql, format: "csv" }),
  });

/** Processes that wait for a query. */
const sparesOf = ({ pid }: Service): number[] =>
  childrenOf(pid).filter((child) => /\/sandbox\.[tj]s$/.test(programOf(child) ?? ""));

const waitSpares = (service: Service) =>
  until(() => sparesOf(service).length >= 2, { what: "two spare processes", limitMs: 30_000 });

const isAlive = (pid: number) => !["", "Z"].includes(/\) (\S)/.exec(readProc(`${pid}/stat`))?.[1] ?? "");

test("spares wait with a small share and nothing of the data folder open, and see what is accepted later", async () => {
  await using service = await startService();
  await waitSpares(service);
  for (const pid of sparesOf(service)) {
    expect(readlinkSync(`/proc/${pid}/cwd`)).toContain("/scratch/");
    expect(nicenessOf(pid)).toBe(15);
  }
  await service.track({ event_name: "later" });
  const answer = await ask(service, "SELECT event_name FROM events");
  expect([answer.status, await answer.text()]).toEqual([200, "event_name\nlater\n"]);
});

test("spares are one file each, made in the service's own folder; without it queries run from source", async () => {
  await using service = await startService();
  await waitSpares(service);
  const [program = ""] = sparesOf(service).map(programOf);
  expect(program).toMatch(/\/scratch\/run-[^/]+\/sandbox\.js$/);
  // It names DuckDB's library, which a start would otherwise look for.
  expect(readFileSync(program, "utf8")).toMatch(/"\/[^"]+\/duckdb\.node"/);
  await removeFolder(join(service.dataDir, "scratch"));
  for (const value of [1, 2, 3]) {
    const answer = await ask(service, `SELECT ${value} AS v`);
    expect([answer.status, await answer.text()]).toEqual([200, `v\n${value}\n`]);
  }
});

test("spares that were killed take no query with them, and none outlives a killed service", async () => {
  await using service = await startService();
  await waitSpares(service);
  // Whatever the moment, the service has noticed or finds out by the query itself.
  for (const value of [1, 2, 3]) {
    for (const pid of sparesOf(service)) process.kill(pid, "SIGKILL");
    const answer = await ask(service, `SELECT ${value} AS v`);
    expect([answer.status, await answer.text()]).toEqual([200, `v\n${value}\n`]);
  }
  await waitSpares(service);
  const spares = sparesOf(service);
  await service.kill9();
  await until(() => !spares.some(isAlive), { what: "the end of the spares", limitMs: 10_000 });
});
