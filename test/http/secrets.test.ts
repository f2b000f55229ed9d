/**
 * Secrets stay where they are: no log (at level debug), metric, answer, process list or file of the data folder shows a
 * secret, a previous one, a token, a write key, or what a key set's URL holds.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { millrace } from "../support/command.ts";
import { filesUnder } from "../support/folders.ts";
import { keySetOf, newPair } from "../support/issuer.ts";
import { descendantsOf, readProc } from "../support/process.ts";
import { paths, sharedService, startService, testMsMax } from "../support/service.ts";
import { nowSeconds, signToken } from "../support/tokens.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const secret = "canary-secret-0123456789abcdefghijklmnop";
const previous = "canary-previous-0123456789abcdefghijklmn";
const writeKey = "mrw_canary-key-0123456789abcdefghijk";
const urlSecret = "canary-url-0123456789";
const claims = { sub: "tester", exp: nowSeconds() + 3_600, jti: "canary" };
const token = signToken({ claims: { ...claims, scope: "events:write stats:read query admin" }, secret });
const older = signToken({ claims, secret: previous });
const forged = signToken({ claims, secret: "a secret that does not count, but is long" });
const expired = signToken({ claims: { ...claims, exp: nowSeconds() - 5 }, secret });
const slowKey = "mrw_canary-slow-key-0123456789abcde";
const strangersKey = "mrw_canary-stranger-0123456789abcdef";

/** What must be nowhere: of a token its signature, because its other parts are not secret. */
const secrets: Readonly<Record<string, string>> = {
  secret,
  previous,
  writeKey,
  slowKey,
  urlSecret,
  strangersKey,
  ...Object.fromEntries(
    Object.entries({ token, older, forged, expired }).map(([name, each]) => [name, each.split(".").at(-1) ?? ""]),
  ),
};

/** The names of the secrets that a text shows. */
const shownIn = (text: string) =>
  Object.entries(secrets)
    .filter(([, each]) => text.includes(each))
    .map(([name]) => name);

const folder = mkdtempSync(join(tmpdir(), "millrace-secrets-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keyFile = join(folder, "keys.json");
const sha256 = (key: string) => createHash("sha256").update(key).digest("hex");
const keys = [
  { name: "web", key_sha256: sha256(writeKey), origins: ["https://shop.example"] },
  { name: "slow", key_sha256: sha256(slowKey), rate: 1 },
];
writeFileSync(keyFile, JSON.stringify({ keys }));

/** A key server with faults whose messages could show its URL or its answer, one after another, and then an answer. */
const faults = [() => Response.redirect(`/moved?token=${urlSecret}`), () => new Response(`{"keys":[${urlSecret}`)];
let fetches = 0;
const keyServer = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: () => faults[fetches++]?.() ?? new Response(keySetOf(newPair("ES256", "ec"))),
});
afterAll(() => keyServer.stop(true));

const service = sharedService({
  env: {
    MILLRACE_JWT_SECRET: secret,
    MILLRACE_JWT_SECRET_PREVIOUS: previous,
    MILLRACE_WRITE_KEYS: keyFile,
    MILLRACE_JWKS: `${keyServer.url}jwks?token=${urlSecret}`,
    MILLRACE_MAX_BODY_BYTES: "2000",
    MILLRACE_LOG: "debug",
  },
});

const event = '{"event_name":"secret"}';
const places: Record<string, (credential: string) => Record<string, string>> = {
  bearer: (credential) => ({ authorization: `Bearer ${credential}` }),
  basic: (credential) => ({ authorization: `Basic ${btoa(`${credential}:`)}` }),
  header: (credential) => ({ "x-write-key": credential }),
};

/** Requests of every kind with a credential: taken ones, and one for each way to be refused. */
function requestsWith(credential: string): Promise<Response>[] {
  const query = (sql: string) => ["/api/v1/analytics/query", { body: JSON.stringify({ sql }) }] as const;
  const own = Object.values(places).flatMap((place) =>
    (
      [
        [paths.track, { body: event }],
        [paths.track, { body: "{" }],
        [paths.track, { body: event, headers: { origin: "https://elsewhere.example" } }],
        [paths.track, { body: event, headers: { "content-type": "text/plain" } }],
        [paths.track, { body: "x".repeat(3_000) }],
        [paths.batch, { body: `{"events":[${event},{}]}` }],
        [paths.stats, {}],
        [paths.health, {}],
        ["/metrics", {}],
        ["/nowhere", {}],
        query("SELECT count(*) FROM events"),
        query("SELECT nothing"),
        ["/api/v1/analytics/erase", { body: '{"session_id":"none","dry_run":true}' }],
        ["/v1/track", { body: '{"type":"track","event":"taken"}' }],
        ["/v1/track", { body: '{"type":"unknown"}' }],
        ["/v1/logs", { body: "{" }],
      ] as readonly (readonly [string, { body?: string; headers?: Record<string, string> }])[]
    ).map(([path, { body, headers }]) =>
      service().request(path, {
        token: null,
        headers: { ...place(credential), ...headers },
        ...(body === undefined ? {} : { body }),
      }),
    ),
  );
  const named = (name: string) => `"${name}":"${credential}"`;
  const inBody = [
    ["/v1/b", `{${named("writeKey")},"batch":[{"type":"track","event":"a"},{"type":"none",${named("writeKey")}}]}`],
    ["/v1/track", `{"type":"track","event":"b",${named("writeKey")},"properties":{}}`],
    ["/v1/track", `{"type":"track","event":"b","properties":{${named("token")}}}`],
    ["/e", `{${named("api_key")},"batch":[{"event":"c"},{"properties":{${named("token")}}}]}`],
    ["/e", `{"event":"d","properties":{${named("token")}}}`],
    ["/e", `{"event":"d","properties":{${named("api_key")}}}`],
    ["/e", `{"event":"d","properties":{${named("writeKey")}}}`],
    ["/e", `[{"event":"e",${named("api_key")},"properties":{${named("token")}}}]`],
    ["/e", `{${named("api_key")}`],
    ["/flags", `{${named("token")}}`],
    ["/decide", `{${named("api_key")}}`],
    ["/s", `{${named("api_key")}}`],
  ].map(([path = "", body = ""]) => service().request(path, { token: null, body }));
  return [...own, ...inBody];
}

const answers: string[] = [];
const commandLines: string[] = [];
beforeAll(async () => {
  for (const credential of Object.values({ token, older, forged, expired, writeKey, slowKey, strangersKey })) {
    const statuses = await Promise.all(
      requestsWith(credential).map(async (answer) => {
        const { status, headers, url } = await answer;
        answers.push(`${status} ${url} ${JSON.stringify([...headers])} ${await (await answer).text()}`);
        return status;
      }),
    );
    expect(new Set(statuses).size).toBeGreaterThan(2);
    for (const pid of [service().pid, ...descendantsOf(service().pid)]) commandLines.push(readProc(`${pid}/cmdline`));
  }
  await until(() => fetches > faults.length, { what: "all faults of the key server", limitMs: 30_000 });
});

test("answers show none, and there was one for each way to be refused", () => {
  expect(answers.flatMap(shownIn)).toEqual([]);
  for (const status of [200, 400, 401, 403, 404, 413, 415, 422, 429])
    expect(answers.some((answer) => answer.startsWith(`${status} `))).toBe(true);
});

test("the log shows none, at level debug, and the log is there", async () => {
  const { stderr } = service();
  expect(shownIn(stderr + service().stdout)).toEqual([]);
  for (const line of ["request refused", "could not be fetched", "statement"]) expect(stderr).toContain(line);
});

test("metrics show none", async () => {
  expect(shownIn(await service().metricsText())).toEqual([]);
});

test("no process shows one in the list, and those that the service starts have none in their environment", () => {
  expect(commandLines.length).toBeGreaterThan(1);
  expect(commandLines.flatMap(shownIn)).toEqual([]);
  const children = descendantsOf(service().pid);
  expect(children.length).toBeGreaterThan(0);
  expect(children.flatMap((pid) => shownIn(readProc(`${pid}/environ`)))).toEqual([]);
});

test("no file of the data folder holds one, and no event or refused event", async () => {
  const rows = await service().request("/api/v1/analytics/query", {
    token,
    body: JSON.stringify({
      sql: "SELECT to_json(e)::VARCHAR FROM events e UNION ALL SELECT to_json(r)::VARCHAR FROM refused r",
    }),
  });
  const text = await rows.text();
  expect([rows.status, text]).toEqual([200, expect.stringContaining("taken")]);
  expect(text).toContain("type: must be one of");
  expect(shownIn(text)).toEqual([]);
  await service().stop();
  const files = filesUnder(service().dataDir);
  expect(files.length).toBeGreaterThan(3);
  for (const path of files) expect([path, shownIn(readFileSync(path, "latin1"))]).toEqual([path, []]);
});

test("a made secret is in its own file alone, with mode 0600", async () => {
  await using own = await startService({ env: { MILLRACE_JWT_SECRET: undefined, MILLRACE_LOG: "debug" } });
  const made = readFileSync(join(own.dataDir, "secret"), "utf8").trim();
  expect(made).toMatch(/^[\w-]{43}$/);
  expect((await own.request(paths.stats, { token: signToken({ claims, secret: made }) })).status).toBe(200);
  const holding = filesUnder(own.dataDir).filter((path) => readFileSync(path, "latin1").includes(made));
  expect(holding).toEqual([join(own.dataDir, "secret")]);
  expect(own.stdout + own.stderr).not.toContain(made);
});

test("what is wrong with a variable is told without its value, where that may be a secret", async () => {
  const { code, stdout, stderr } = await millrace(["serve"], {
    env: {
      MILLRACE_JWT_SECRET: "canary-short",
      MILLRACE_JWT_SECRET_PREVIOUS: "canary-short",
      MILLRACE_JWKS: `https://user:canary-short@issuer.example/jwks`,
    },
  });
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).not.toContain("canary");
  for (const place of [
    "http:user:canary-short@issuer.example",
    "https:/user:canary-short@issuer.example",
    "ftp://user:canary-short@issuer.example/jwks",
    "https://user:canary-short@[broken/jwks",
  ]) {
    const refused = await millrace(["serve"], { env: { MILLRACE_JWKS: place } });
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(refused.stderr).toContain("MILLRACE_JWKS: ");
    expect(refused.stderr).not.toContain("canary");
  }
});
