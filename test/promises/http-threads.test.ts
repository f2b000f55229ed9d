/** Several threads accept requests on one port: a client cannot tell which one it met, and every promise holds. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { readConfig } from "../../src/config/config.ts";
import { signToken } from "../../src/http/token/auth.ts";
import { startService as startInProcess } from "../../src/service/start.ts";
import { millrace } from "../support/command.ts";
import { temporaryFolder } from "../support/rows.ts";
import { paths, type Service, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const env = { MILLRACE_HTTP_THREADS: "2" };
const shared = sharedService({ env });

/** This many connections do not all come to one of two threads: that happens once in half a million times. */
const connections = 20;

/** The same request over connections of its own, one after another. */
async function onEachThread<Result>(ask: (headers: { connection: "close" }, turn: number) => Promise<Result>) {
  const results: Result[] = [];
  for (let turn = 0; turn < connections; turn++) results.push(await ask({ connection: "close" }, turn));
  return results;
}

const post = (service: Service, path: string, body: unknown, headers: Record<string, string> = {}, token = "") =>
  fetch(service.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}`, ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

async function tokenFor(service: Service, scope: string): Promise<string> {
  const made = await millrace(["token", "--subject", "tester", "--scope", scope], {
    env: { MILLRACE_DATA_DIR: service.dataDir, MILLRACE_JWT_SECRET: service.secret },
  });
  return made.stdout.trim();
}

/** Sockets that listen on a port, as the kernel lists them. */
function listeners(url: string): number {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, "0");
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
  return lines.filter((line) => new RegExp(`^ *\\d+: \\w+:${port} \\w+:0000 0A `).test(line)).length;
}

test("as many sockets listen as threads were asked for", () => {
  expect(listeners(shared().url)).toBe(2);
});

test("every event that any thread acknowledged is counted by the next request, whoever answers it", async () => {
  const service = shared();
  const token = await tokenFor(service, "events:write stats:read");
  const before = (await service.stats()).total_events;
  const counts = await onEachThread(async (headers) => {
    const answer = await post(
      service,
      paths.batch,
      { events: [{ event_name: "a" }, { event_name: "b" }] },
      headers,
      token,
    );
    expect(answer.status).toBe(200);
    const stats = await fetch(service.url + paths.stats, { headers: { ...headers, authorization: `Bearer ${token}` } });
    return Number(((await stats.json()) as { total_events: number }).total_events);
  });
  expect(counts).toEqual(counts.map((_, turn) => before + 2 * (turn + 1)));
});

test("a repeat is told as one, whichever threads it comes to", async () => {
  const service = shared();
  const token = await tokenFor(service, "events:write");
  const event = { event_name: "once", event_id: randomUUID() };
  const repeats = await onEachThread(async (headers) => {
    const answer = await post(service, paths.track, event, headers, token);
    return ((await answer.json()) as { duplicate: boolean }).duplicate;
  });
  expect(repeats).toEqual(repeats.map((_, turn) => turn > 0));
});

test("endpoints, refusals and unknown paths answer alike from every thread", async () => {
  const service = shared();
  const token = await tokenFor(service, "events:write stats:read query");
  const asked: [string, number, (headers: { connection: "close" }) => Promise<Response>][] = [
    ["health", 200, (headers) => fetch(service.url + paths.health, { headers })],
    ["metrics", 200, (headers) => fetch(`${service.url}/metrics`, { headers })],
    ["livez", 200, (headers) => fetch(`${service.url}/livez`, { headers })],
    ["openapi", 200, (headers) => fetch(`${service.url}/openapi/json`, { headers })],
    ["no token", 401, (headers) => post(service, paths.track, { event_name: "x" }, headers)],
    ["not valid", 422, (headers) => post(service, paths.track, {}, headers, token)],
    ["too large", 413, (headers) => post(service, paths.track, `"${"x".repeat(1_100_000)}"`, headers, token)],
    ["no such path", 404, (headers) => fetch(`${service.url}/nowhere`, { headers })],
    ["no such method", 405, (headers) => fetch(service.url + paths.track, { headers })],
    ["not for this scope", 403, (headers) => post(service, `${paths.track}/erase`, { where: "true" }, headers, token)],
    ["a wrong query", 400, (headers) => post(service, `${paths.track}/query`, { sql: "SELEC" }, headers, token)],
  ];
  for (const [what, status, ask] of asked) {
    const answers = await onEachThread(async (headers) => {
      const answer = await ask(headers);
      return `${answer.status} ${answer.headers.get("content-type")} ${(await answer.text()).length > 0}`;
    });
    expect([what, ...new Set(answers.map((answer) => answer.slice(0, 3)))]).toEqual([what, String(status)]);
    expect([what, new Set(answers).size]).toEqual([what, 1]);
  }
});

test("a query streams its rows through every thread, and sees what was acknowledged before", async () => {
  const service = shared();
  const token = await tokenFor(service, "events:write query");
  for (let turn = 1; turn <= 12; turn++) {
    const session = randomUUID();
    await post(service, paths.track, { event_name: "seen", session_id: session }, { connection: "close" }, token);
    const sql = "SELECT count(*) AS n, (SELECT count(*) FROM range(20000)) AS rows FROM events WHERE session_id = $1";
    const body = { sql, params: [session], format: "csv" };
    const answer = await post(service, `${paths.track}/query`, body, { connection: "close" }, token);
    expect(await answer.text()).toBe("n,rows\n1,20000\n");
  }
  const long = { sql: "SELECT range AS n FROM range(200000)", format: "csv" };
  const answer = await post(service, `${paths.track}/query`, long, { connection: "close" }, token);
  expect((await answer.text()).split("\n").length).toBe(200_002);
});

test("refusals of all threads are in the metrics", async () => {
  const service = shared();
  const refused = async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return Number(/millrace_requests_refused_total\{reason="unauthorized"\} (\d+)/.exec(text)?.[1] ?? 0);
  };
  const before = await refused();
  await onEachThread((headers) => post(service, paths.track, { event_name: "x" }, headers));
  await until(async () => (await refused()) === before + connections, { what: "every refusal", limitMs: 5_000 });
});

test("a stop answers what is in flight on every thread, and kill -9 loses nothing that any acknowledged", async () => {
  await using service = await startService({ env });
  const token = await tokenFor(service, "events:write");
  let acknowledged = 0;
  for (const end of [() => service.stop(), () => service.kill9()]) {
    let isOver = false;
    const writers = Array.from({ length: 16 }, async () => {
      while (!isOver) {
        const events = Array(10).fill({ event_name: "kept" });
        try {
          const answer = await post(service, paths.batch, { events }, { connection: "close" }, token);
          if (answer.status === 200) acknowledged += 10;
          await answer.text();
        } catch (error) {
          // The connection was refused, or cut by the end: not acknowledged.
          expect(error).toBeInstanceOf(Error);
          await Bun.sleep(5);
        }
      }
    });
    const least = acknowledged + 500;
    await until(() => acknowledged >= least, { what: "500 events", limitMs: 10_000 });
    await end();
    isOver = true;
    await Promise.all(writers);
    await service.restart();
  }
  await service.waitSealed();
  const stored = await service.count("event_name = 'kept'");
  expect(stored).toBeGreaterThanOrEqual(acknowledged);
  expect(stored).toBeLessThanOrEqual(acknowledged + 2 * 16 * 10);
});

test("a port that another process has is refused, also where threads share it", async () => {
  const taken = new URL(shared().url).port;
  using folder = temporaryFolder();
  for (const threads of ["1", "2"]) {
    const second = await millrace(["serve"], {
      env: { PORT: taken, MILLRACE_DATA_DIR: folder.path, MILLRACE_HTTP_THREADS: threads },
    });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(taken);
    expect(second.stdout).not.toContain("listening on");
  }
});

test("a thread that dies costs its connections alone, and another listens in its place", async () => {
  using folder = temporaryFolder();
  const config = { PORT: "0", MILLRACE_DATA_DIR: folder.path, MILLRACE_LOG: "silent", ...env };
  const service = await startInProcess(readConfig(config));
  try {
    const { address = "" } = service;
    const claims = { subject: "tester", scope: undefined, ttlSeconds: 600, issuer: undefined, audience: undefined };
    const token = await signToken(service.secret.secret, { ...claims, nowMs: Date.now() });
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", connection: "close" };
    const track = () => fetch(`${address}${paths.track}`, { method: "POST", headers, body: '{"event_name":"kept"}' });
    expect(listeners(address)).toBe(2);
    await service.front?.acceptors[0]?.terminate();
    await until(() => service.front?.acceptors[0]?.isReady && listeners(address) === 2, {
      what: "the successor to listen",
      limitMs: 10_000,
    });
    for (let turn = 0; turn < connections; turn++) expect((await track()).status).toBe(200);
    const stats = await fetch(`${service.address}${paths.stats}`, { headers });
    expect(((await stats.json()) as { total_events: number }).total_events).toBe(connections);
  } finally {
    await service.stop();
  }
});
