import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idPlace } from "../../bench/load/events.ts";
import { compileNative, runNative } from "../../bench/load/native.ts";
import { parseWrk } from "../../bench/load/wrk.ts";
import { countIn, redis } from "../../bench/peers/redis.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "millrace-redis-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const { signal } = new AbortController();
const runTag = "0123456789ab";

async function bodies(): Promise<string> {
  const path = join(folder, "bodies.ndjson");
  await Bun.write(path, `{"id":"${idPlace}","größe":1}\n{"id":"${idPlace}","b":"${"x".repeat(5_000)}"}\n`);
  return path;
}

/** Puts the client on a server that answers each request by `answer`; returns the requests and what was counted. */
async function putOn(answer: (nth: number) => string) {
  const requests: string[] = [];
  // Each connection's bytes until they are a whole command, which ends with its body's line.
  const server = Bun.listen<{ held: string }>({
    ...{ hostname: "127.0.0.1", port: 0 },
    socket: {
      open: (socket) => {
        socket.data = { held: "" };
      },
      data: (socket, piece) => {
        const held = socket.data.held + piece.toString();
        socket.data.held = held.endsWith("}\r\n") ? "" : held;
        if (socket.data.held !== "") return;
        requests.push(held);
        const bytes = answer(requests.length);
        socket.write(bytes.slice(0, 3));
        setTimeout(() => socket.write(bytes.slice(3)), 1);
      },
    },
  });
  try {
    const programPath = await compileNative("resp-load", { folder, signal });
    const order = { hostname: "127.0.0.1", port: server.port, connections: 3, seconds: 0.3, runTag };
    const options = { secondsMax: 30, signal };
    const { printed } = await runNative(programPath, { ...order, bodiesPath: await bodies() }, options);
    return { requests, result: parseWrk(printed) };
  } finally {
    server.stop(true);
  }
}

test("each request is one XADD of one body with an id of its own, and the next waits for its answer", async () => {
  const { requests, result } = await putOn((nth) => (nth % 10 === 0 ? "-OOM no more\r\n" : "$5\r\n170-1\r\n"));
  const pattern = /^\*5\r\n\$4\r\nXADD\r\n\$6\r\nevents\r\n\$1\r\n\*\r\n\$1\r\ne\r\n\$(\d+)\r\n([^\r]*)\r\n$/;
  const ids = new Set<string>();
  for (const request of requests) {
    const [, length, body = ""] = pattern.exec(request) ?? [];
    expect(Number(length)).toBe(Buffer.byteLength(body));
    ids.add(body.slice(0, 44));
  }
  expect(ids.size).toBe(requests.length);
  expect(result.acknowledged).toBeGreaterThan(10);
  expect(result.refused).toBeGreaterThan(0);
  expect(result.made - result.acknowledged - result.refused).toBeWithin(0, 4);
  expect(result.p50Ms).toBeGreaterThan(0);
});

test("what is not an answer to XADD is an error", async () => {
  await expect(putOn(() => "HTTP/1.1 200 OK\r\n\r\n")).rejects.toThrow("not an answer to XADD: HTTP/1.1 200 OK");
  await expect(putOn(() => "$5\r\n170-1\r\n$5\r\n")).rejects.toThrow("more was answered");
});

test("the count of a stream is read, and anything else is an error", () => {
  expect(countIn(":1204400\r\n")).toBe(1_204_400);
  expect(() => countIn("-ERR no\r\n")).toThrow("not a count of Redis: -ERR no");
});

test.skipIf(Bun.which("redis-server") === null)("Redis itself holds what it acknowledged, in order", async () => {
  const wish = { folder, signal, wrkPath: "", probed: "Redis server v=7.0.15 sha=0" };
  await using peer = await redis.start(wish);
  expect(peer.version).toBe("Redis 7.0.15");
  const load = { form: "single", connections: 4, seconds: 0.5, bodiesPath: await bodies(), runTag } as const;
  const { acknowledged, refused, socketErrors } = await peer.load(load);
  const stored = await peer.count({ eventsPerRequest: 1 });
  expect({ refused, socketErrors }).toEqual({ refused: 0, socketErrors: 0 });
  expect(stored).toBeWithin(acknowledged, acknowledged + load.connections + 1);
  expect(await Bun.file(join(folder, "appendonlydir/appendonly.aof.1.incr.aof")).text()).toContain("größe");
});
