/** `GET …/query`: SQL in a URL, for programs that can only open one. It answers as POST does. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { shaped } from "../support/answers.ts";
import { type RequestOptions, sharedService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const path = "/api/v1/analytics/query";

const shop = "https://shop.example";

const detail = Type.Object({ detail: Type.Unknown() });

const service = sharedService({ env: { MILLRACE_CORS_ORIGINS: shop, MILLRACE_LOG: "info" } });

const token = () => service().token({ scope: "query" });

const urlOf = (parameters: Readonly<Record<string, string>>) => `${path}?${new URLSearchParams(parameters)}`;

const get = (parameters: Readonly<Record<string, string>>, options: RequestOptions = {}) =>
  service().request(urlOf(parameters), { token: token(), ...options });

const post = (body: object) => service().request(path, { token: token(), body: JSON.stringify(body) });

/** All that two answers of the same query have in common. */
const shown = async (answer: Response) => ({
  status: answer.status,
  type: answer.headers.get("content-type"),
  cache: answer.headers.get("cache-control"),
  retry: answer.headers.get("retry-after"),
  body: await answer.text(),
});

test("rows, statuses and errors are those of POST, in every format", async () => {
  await service().track({ event_name: "a + b & c = ü%", category: "trading" });
  const rows = "SELECT event_name, category, 1 + 1 AS two FROM events WHERE event_name LIKE '%&%'";
  for (const [sql, format] of [
    [rows, "json"],
    [rows, "ndjson"],
    [`${rows};`, "csv"],
    ["SELEC 1", "csv"],
    ["SELECT 'ä', nothing FROM events", "ndjson"],
    ["", "json"],
  ] as const)
    expect([sql, await shown(await get({ sql, format }))]).toEqual([sql, await shown(await post({ sql, format }))]);
  expect(await (await get({ sql: rows, format: "csv" })).text()).toBe(
    "event_name,category,two\na + b & c = ü%,trading,2\n",
  );
  const parquet = await (await get({ sql: rows, format: "parquet" })).bytes();
  expect(Buffer.from(parquet.slice(0, 4)).toString()).toBe("PAR1");
  const accepted = await get({ sql: "SELECT 1 AS n" }, { headers: { accept: "text/csv" } });
  expect(await accepted.text()).toBe("n\n1\n");
  expect((await get({ sql: "SELECT 1" }, { headers: { accept: "image/png" } })).status).toBe(406);
});

test("params is JSON, by position or by name, and keeps its digits", async () => {
  const answered = async (sql: string, params: string) => (await get({ sql, params, format: "csv" })).text();
  expect(await answered("SELECT $1 AS a, ? AS b", '["x",[1,2]]')).toBe('a,b\nx,"[1, 2]"\n');
  expect(await answered("SELECT count(*) AS n WHERE 'b' IN $names", '{"names":["a","b"]}')).toBe("n\n1\n");
  expect(await answered("SELECT $1 AS big", "[9007199254740993]")).toBe("big\n9007199254740993\n");
  for (const none of ["", "null"]) expect(await answered("SELECT 1 AS n", none)).toBe("n\n1\n");
  const issues = async (parameters: Readonly<Record<string, string>>) => {
    const answer = await get(parameters);
    expect(answer.status).toBe(422);
    return shaped(detail, await answer.json()).detail;
  };
  expect(await issues({ format: "csv" })).toMatchObject([{ type: "missing", loc: ["query", "sql"] }]);
  expect(await issues({ sql: "SELECT 1", format: "xml", params: "[1" })).toMatchObject([
    { type: "enum", loc: ["query", "format"] },
    { type: "json_invalid", loc: ["query", "params", expect.any(Number)] },
  ]);
  expect(await issues({ sql: "SELECT 1", params: '"a"' })).toMatchObject([
    { type: "dict_type", loc: ["query", "params"] },
  ]);
});

test("the token is the bearer or the user name of Basic; one in the URL is refused with where it belongs", async () => {
  const basic = (user: string) => ({ authorization: `Basic ${Buffer.from(user).toString("base64")}` });
  for (const user of [`${token()}:`, `${token()}:any password`])
    expect((await get({ sql: "SELECT 1" }, { token: null, headers: basic(user) })).status).toBe(200);
  for (const name of ["token", "access_token", "api-key", "Authorization"]) {
    const inUrl = { sql: "SELECT 1", [name]: token() };
    for (const [answer, status] of [
      [await get(inUrl, { token: null }), 401],
      [await get(inUrl), 400],
    ] as const) {
      const body = await answer.text();
      expect({ status: answer.status, body }).toEqual({
        status,
        body: expect.stringContaining("Authorization: Bearer"),
      });
      expect(body).not.toContain(token());
    }
  }
  expect(service().stderr).not.toContain(token());
});

test("what is unknown, repeated, wrongly escaped or too long is refused, never guessed at", async () => {
  for (const [query, status, words] of [
    ["sql=SELECT+1&fromat=csv", 400, 'unknown parameter "fromat"; there are sql, params, format'],
    ["sql=SELECT+1&sql=SELECT+2", 400, "sql more than once"],
    ["sql=SELECT+'%a'", 400, "a % itself is written %25"],
    ["sql=SELECT+'%ff'", 400, "not UTF-8"],
    [`sql=SELECT+'${"x".repeat(8_192)}'`, 414, "POST"],
  ] as const) {
    const answer = await service().request(`${path}?${query}`, { token: token() });
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status,
      body: { detail: expect.stringContaining(words) },
    });
  }
});

test("HEAD has the status and the headers of GET, and leaves no query behind", async () => {
  const heads = async (sql: string, format: string) => {
    const { status, headers } = await get({ sql, format }, { method: "HEAD" });
    const bytes = headers.get("content-length");
    return { status, type: headers.get("content-type"), cache: headers.get("cache-control"), bytes };
  };
  expect(await heads("FROM range(900000)", "csv")).toEqual({
    status: 200,
    type: "text/csv; charset=utf-8",
    cache: "no-store",
    bytes: null,
  });
  expect(await heads("SELEC 1", "csv")).toMatchObject({ status: 400 });
  await until(async () => /^millrace_queries_total\{outcome="gone"\} 1$/m.test(await service().metricsText()), {
    what: "the query of HEAD to be ended",
    limitMs: 10_000,
  });
});

test("a page of an allowed origin may read the answer, another may not", async () => {
  const from = (origin: string) => get({ sql: "SELECT 1" }, { headers: { origin } });
  expect((await from(shop)).headers.get("access-control-allow-origin")).toBe(shop);
  expect((await from("https://evil.example")).headers.get("access-control-allow-origin")).toBeNull();
});

test("no line of the log has the statement", async () => {
  await (await get({ sql: "SELECT 'somebody@example.com' AS who" })).text();
  await get({ sql: "SELECT 1", "somebody@example.com": "1" });
  await until(() => service().stderr.includes("url_invalid"), { what: "the refusal's line", limitMs: 10_000 });
  expect(service().stderr).toContain('"outcome":"answered"');
  expect(service().stderr).not.toContain("somebody");
});
