import { expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { removeFolder } from "../support/remove-folder.ts";
import { type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const ask = (service: Service, body: object) =>
  service.request("/api/v1/analytics/query", {
    token: service.token({ subject: "ann", scope: "query" }),
    body: JSON.stringify(body),
  });

test("a service that cannot make scratch for a query answers 503 with Retry-After, and says why in its log", async () => {
  await using service = await startService({ env: { MILLRACE_LOG: "info" } });
  await until(async () => (await ask(service, { sql: "SELECT 1" })).status === 200, {
    what: "an answer",
    limitMs: 30_000,
  });
  for (const run of readdirSync(join(service.dataDir, "scratch"))) {
    const path = join(service.dataDir, "scratch", run);
    await removeFolder(path);
    writeFileSync(path, "");
  }
  const logged = () => service.stderr.includes("no room or no process for a query");
  await until(
    async () => {
      const answer = await ask(service, { sql: "SELECT 1" });
      expect(answer.status).not.toBe(500);
      if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("1");
      return answer.status === 503 && logged();
    },
    { what: "a query to be refused for want of scratch", limitMs: 30_000 },
  );
});

test.each([["scratch"], ["scratch/*"]])(
  "a query is answered after %s of a running service was removed, and what comes next is in a new folder there",
  async (what) => {
    await using service = await startService();
    expect((await ask(service, { sql: "SELECT 1" })).status).toBe(200);
    const scratch = join(service.dataDir, "scratch");
    const before = readdirSync(scratch);
    expect(before).toHaveLength(1);
    await removeFolder(what === "scratch" ? scratch : join(scratch, before[0] ?? ""));
    for (const value of [2, 3, 4]) {
      const answer = await ask(service, { sql: `SELECT ${value} AS v`, format: "csv" });
      expect([answer.status, await answer.text()]).toEqual([200, `v\n${value}\n`]);
    }
    const after = readdirSync(scratch);
    expect(after).toHaveLength(1);
    expect(after).not.toEqual(before);
  },
);

test("D: an answer that breaks off past its first bytes is logged with its reason and who asked, and counted", async () => {
  await using service = await startService({ env: { MILLRACE_LOG: "info" } });
  const answer = await ask(service, { sql: "FROM range(1000002)", format: "csv" });
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow();
  await until(() => service.stderr.includes("query broke off"), { what: "the log to tell", limitMs: 30_000 });
  const line = service.stderr.split("\n").find((each) => each.includes("query broke off"));
  expect(JSON.parse(line ?? "")).toMatchObject({ subject: "ann", format: "csv", reason: "rows" });
  expect(line).toContain("The result has more than 1000000 rows");
  const metrics = await (await service.request("/metrics", { method: "GET" })).text();
  expect(metrics).toContain('millrace_queries_total{outcome="cut"} 1');
});

test.each([
  ["json", '[["Infinity"]]'],
  ["ndjson", '"Infinity"'],
  ["csv", "inf"],
])("B11: SELECT 1e400 is answered over HTTP as %s", async (format, value) => {
  await using service = await startService();
  const answer = await ask(service, { sql: "SELECT 1e400 AS big", format });
  const text = await answer.text();
  expect({ status: answer.status, text: text.replaceAll(/\s/g, "") }).toEqual({
    status: 200,
    text: expect.stringContaining(value),
  });
});
