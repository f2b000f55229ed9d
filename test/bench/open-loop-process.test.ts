import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idPlace } from "../../bench/load/events.ts";
import { type OpenLoopResult, runOpenLoop } from "../../bench/load/open-loop.ts";

/** Runs the generator against a server of the test's own. */
async function runAgainst(
  answer: (request: Request) => Response | Promise<Response>,
  { perSecond, connections }: { perSecond: number; connections: number },
): Promise<OpenLoopResult> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-generator-"));
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: answer });
  try {
    const bodiesPath = join(folder, "bodies.ndjson");
    await Bun.write(
      bodiesPath,
      `{"event_id":"${idPlace}","a":1}\n{"event_id":"${idPlace}","a":"${"x".repeat(100_000)}"}\n`,
    );
    const load = { url: `${server.url.origin}/events`, token: "t", bodiesPath, runTag: "0123456789ab" };
    return await runOpenLoop({ ...load, perSecond, connections, seconds: 0.5, seed: 1 }, new AbortController().signal);
  } finally {
    await server.stop(true);
    await rm(folder, { recursive: true, force: true });
  }
}

test("every request that is due is sent whole, once, with an id of its own, and counted by its answer", async () => {
  const ids = new Set<string>();
  const result = await runAgainst(
    async (request) => {
      const body = await request.text();
      if (body.endsWith("}")) ids.add(body.slice(0, `{"event_id":"${idPlace}"`.length));
      return new Response("{}", { status: ids.size % 3 === 0 ? 503 : 200 });
    },
    { perSecond: 400, connections: 8 },
  );
  expect(result.due).toBeGreaterThan(100);
  expect(result.sent + result.dropped).toBe(result.due);
  expect(ids.size).toBe(result.sent);
  expect(result.unavailable).toBe(Math.floor(result.sent / 3));
  expect(result.accepted + result.unavailable).toBe(result.sent);
  expect(result).toMatchObject({ other: 0, broken: 0, unanswered: 0, unsent: 0 });
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
  const slowFrom = (histogram: OpenLoopResult["sendLag"]) => histogram.getValueAtPercentile(50) / 1e3;
  expect(result.accepted).toBe(result.due);
  expect(slowFrom(result.accepts.fromIntended)).toBeGreaterThan(stallMs / 4);
  expect(slowFrom(result.accepts.fromIntended)).toBeGreaterThan(slowFrom(result.accepts.fromSent));
});

test("a server that breaks a connection has its request counted as broken, and the load goes on", async () => {
  let count = 0;
  const folder = await mkdtemp(join(tmpdir(), "millrace-generator-"));
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data: (socket) => {
        count += 1;
        if (count === 5) socket.terminate();
        else socket.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      },
    },
  });
  try {
    const bodiesPath = join(folder, "bodies.ndjson");
    await Bun.write(bodiesPath, "{}\n");
    const load = { url: `http://127.0.0.1:${server.port}/`, token: "t", bodiesPath, runTag: "0123456789ab" };
    const extent = { perSecond: 200, connections: 4, seconds: 0.3, seed: 1 };
    const result = await runOpenLoop({ ...load, ...extent }, new AbortController().signal);
    expect(result).toMatchObject({ broken: 1, accepted: result.sent - 1, unanswered: 0 });
    expect(result.warnings.join()).toContain("went down with their connection");
  } finally {
    server.stop(true);
    await rm(folder, { recursive: true, force: true });
  }
});

test("a generator that has nothing to send, or nobody to send to, is an error, and so is one that is ended", async () => {
  const load = { url: "http://127.0.0.1:1/", token: "t", runTag: "0123456789ab" };
  const extent = { perSecond: 10, connections: 1, seconds: 0.1, seed: 1 };
  const run = (bodiesPath: string, signal: AbortSignal) => runOpenLoop({ ...load, ...extent, bodiesPath }, signal);
  const endless = new AbortController().signal;
  await expect(run("/dev/null", endless)).rejects.toThrow("no bodies");
  await expect(run(import.meta.path, endless)).rejects.toThrow("the generator ended with 1");
  await expect(run(import.meta.path, AbortSignal.abort(new Error("interrupted")))).rejects.toThrow("interrupted");
});
