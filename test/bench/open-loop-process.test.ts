import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idPlace } from "../../bench/load/events.ts";
import { longest } from "../../bench/load/latency.ts";
import { findCompiler } from "../../bench/load/native.ts";
import { type OpenLoad, type OpenLoopResult, runOpenLoop } from "../../bench/load/open-loop.ts";

/** One folder for all, so that the generator is compiled once. */
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-generator-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const usual = { token: "t", runTag: "0123456789ab", seconds: 0.5, connections: 4, seed: 1 };
const longBody = `{"event_id":"${idPlace}","a":"${"x".repeat(100_000)}"}`;

async function bodiesOf(lines: readonly string[]): Promise<string> {
  const path = join(folder, "bodies.ndjson");
  await Bun.write(path, `${lines.join("\n")}\n`);
  return path;
}

/** Runs the generator against a server of the test's own. */
async function runAgainst(
  answer: (request: Request) => Response | Promise<Response>,
  load: Pick<OpenLoad, "perSecond"> & Partial<OpenLoad>,
): Promise<OpenLoopResult> {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  try {
    const bodiesPath = await bodiesOf([`{"event_id":"${idPlace}","größe":1}`, longBody]);
    return await runOpenLoop({ ...usual, url: `${server.url.origin}/events`, bodiesPath, ...load }, { folder, signal });
  } finally {
    await server.stop(true);
  }
}

/** Runs it against a server that answers each piece as it pleases. */
async function runAgainstBytes(answer: (socket: Bun.Socket, nth: number) => void, load: Partial<OpenLoad> = {}) {
  let count = 0;
  const server = Bun.listen({
    ...{ hostname: "127.0.0.1", port: 0 },
    socket: {
      data: (socket) => {
        count += 1;
        answer(socket, count);
      },
    },
  });
  try {
    const bodiesPath = await bodiesOf(["{}"]);
    const url = `http://127.0.0.1:${server.port}/`;
    return await runOpenLoop({ ...usual, perSecond: 200, url, bodiesPath, ...load }, { folder, signal });
  } finally {
    server.stop(true);
  }
}

test.skipIf(findCompiler() === undefined)("the generator compiles without a warning", () => {
  for (const name of ["open-loop", "resp-load"]) {
    const source = join(import.meta.dir, "../../bench/load/native", `${name}.c`);
    const checks = ["-O2", "-Wall", "-Wextra", "-Wno-unused-function", "-Werror", "-fsyntax-only"];
    const tried = Bun.spawnSync([findCompiler() ?? "cc", ...checks, source]);
    expect(tried.stderr.toString()).toBe("");
  }
});

test("every request that is due is sent whole, once, with an id of its own, and counted by its answer", async () => {
  const ids = new Set<string>();
  const strange: string[] = [];
  const result = await runAgainst(
    async (request) => {
      const body = await request.text();
      const [id = ""] = body.match(/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-8000-0123456789ab/) ?? [];
      ids.add(id);
      const isWhole = body.replace(id, idPlace) === longBody || body.endsWith(',"größe":1}');
      const isOurs = request.headers.get("authorization") === "Bearer t" && request.url.endsWith("/events");
      if (id === "" || !isWhole || !isOurs) strange.push(body.slice(0, 200));
      return new Response("{}", { status: ids.size % 3 === 0 ? 503 : 200 });
    },
    { perSecond: 400, connections: 8 },
  );
  expect(strange).toEqual([]);
  expect(result.due).toBeGreaterThan(100);
  expect(result.sent + result.dropped).toBe(result.due);
  expect(ids.size).toBe(result.sent);
  expect(result.unavailable).toBe(Math.floor(result.sent / 3));
  expect(result.accepted + result.unavailable).toBe(result.sent);
  expect(result.accepts.fromIntended.totalCount).toBe(result.accepted);
  expect(result.refusals.fromSent.totalCount).toBe(result.unavailable);
  expect(result).toMatchObject({ other: 0, broken: 0, unanswered: 0, unsent: 0 });
});

test("a warm-up is answered and stored, and not among the latencies; the same seed makes the same times", async () => {
  const dues: number[] = [];
  for (const seed of [7, 7, 8]) {
    let answered = 0;
    const load = { perSecond: 300, warmUpSeconds: 0.4, sliceSeconds: 0.1, seed };
    const result = await runAgainst(async (request) => {
      await request.text();
      answered += 1;
      return new Response("{}");
    }, load);
    expect(result.warmUp.accepted).toBeGreaterThan(40);
    expect(result.warmUp.accepted + result.accepted).toBe(answered);
    expect(result.accepts.fromIntended.totalCount).toBe(result.accepted);
    expect(result.course.length).toBeGreaterThanOrEqual(5);
    expect(result.course.reduce((sum, { accepted }) => sum + accepted, 0)).toBeLessThanOrEqual(result.accepted);
    dues.push(result.due);
  }
  expect(dues[1]).toBe(dues[0] ?? Number.NaN);
  // Of a Poisson process of 150, within five of its deviations.
  for (const due of dues) expect(due).toBeWithin(150 - 62, 150 + 62);
});

test("a stall counts for every request that fell due in it, though one alone was sent to the server", async () => {
  const stallMs = 400;
  let isFirst = true;
  const result = await runAgainst(
    async (request) => {
      await request.text();
      if (isFirst) await Bun.sleep(stallMs);
      isFirst = false;
      return new Response("{}");
    },
    { perSecond: 200, connections: 1 },
  );
  const median = (histogram: OpenLoopResult["sendLag"]) => histogram.getValueAtPercentile(50) / 1e3;
  expect(result.accepted).toBe(result.due);
  expect(median(result.accepts.fromIntended)).toBeGreaterThan(stallMs / 4);
  expect(median(result.accepts.fromIntended)).toBeGreaterThan(median(result.accepts.fromSent));
  expect(longest(result.accepts.fromIntended)).toBeGreaterThanOrEqual(stallMs);
});

test("a server that breaks a connection has its request counted as broken, and the load goes on", async () => {
  const result = await runAgainstBytes((socket, nth) => {
    if (nth === 5) socket.terminate();
    else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  });
  expect(result).toMatchObject({ broken: 1, accepted: result.sent - 1, unanswered: 0 });
  expect(result.warnings.join()).toContain("went down with their connection");
});

test("an answer ends with its last byte, however it is cut", async () => {
  const answer = 'HTTP/1.1 201 Made\r\ncontent-LENGTH: 12\r\nX: y\r\n\r\n{"a":"\r\n\r\n"}';
  const result = await runAgainstBytes(
    (socket, nth) => {
      const cut = nth % answer.length;
      socket.write(answer.slice(0, cut));
      setTimeout(() => socket.write(answer.slice(cut)), 1);
    },
    { perSecond: 300 },
  );
  expect(result).toMatchObject({ accepted: result.due, other: 0, broken: 0 });
});

test("what is not one answer with a length is an error, and so is a server that closes every connection", async () => {
  const against = (bytes: string) => runAgainstBytes((socket) => void socket.write(bytes));
  await expect(against("SSH-2.0-OpenSSH\r\n\r\n")).rejects.toThrow("no answer");
  await expect(against("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")).rejects.toThrow("no answer");
  await expect(against("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nH")).rejects.toThrow("more was answered");
  await expect(against("H".repeat(64 * 1024))).rejects.toThrow("does not end");
  const closing = runAgainstBytes((socket) => socket.end(), { perSecond: 2_000 });
  await expect(closing).rejects.toThrow("closes its connections again and again");
});

test("a generator that has nothing to send, or nobody to send to, is an error, and so is one that is ended", async () => {
  const load = { ...usual, perSecond: 10, url: "http://127.0.0.1:1/" };
  const run = (bodiesPath: string, ends = signal) => runOpenLoop({ ...load, bodiesPath }, { folder, signal: ends });
  await expect(run("/dev/null")).rejects.toThrow("no bodies");
  await expect(run(join(folder, "none"))).rejects.toThrow("cannot read");
  await expect(run(import.meta.path)).rejects.toThrow("the generator ended with 1: cannot connect");
  const ended = AbortSignal.abort(new Error("interrupted"));
  await expect(run(import.meta.path, ended)).rejects.toThrow("interrupted");
});

test("without a compiler there is a reason", () => {
  expect(findCompiler({ PATH: folder })).toBeUndefined();
});
