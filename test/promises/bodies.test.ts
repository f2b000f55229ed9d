/**
 * Bodies on their way are bounded together, whatever clients do: past 128 MiB a request is refused at once, and nothing
 * is kept of it.
 */
import { expect, setDefaultTimeout, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { Receipt } from "../../src/http/edge/receipt.ts";
import { rawHead } from "../support/raw.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, type Service, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(2 * testMsMax);

const MiB = 1024 * 1024;
const boundBytes = 128 * MiB;

/** The bytes that the service says it holds for bodies. */
async function heldBytes(service: Service): Promise<number> {
  return Number(/^millrace_body_bytes (\d+)$/m.exec(await service.metricsText())?.[1]);
}

/** Connections that announce a megabyte each and send all of it but the last byte. */
class SlowClients implements Disposable {
  readonly #sockets: Socket[] = [];
  readonly answers: string[] = [];

  constructor(
    service: Service,
    { count, authorization }: { readonly count: number; readonly authorization: readonly string[] },
  ) {
    const { hostname, port } = new URL(service.url);
    const head = rawHead(paths.track, {
      method: "POST",
      headers: [...authorization, "Content-Type: application/json", `Content-Length: ${MiB}`],
    });
    const body = Buffer.alloc(MiB - 1, " ");
    for (let client = 0; client < count; client++) {
      const socket = connect(Number(port), hostname);
      socket.setEncoding("latin1");
      // The service may close the connection that it has refused before all of the body was sent.
      socket.on("error", () => {});
      socket.on("data", (text) => this.answers.push(String(text)));
      socket.write(head);
      socket.write(body);
      this.#sockets.push(socket);
    }
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

test("of 600 slow megabytes 128 are awaited, the others are 503, memory keeps its bound, and what goes is given back", async () => {
  await using service = await startService();
  await service.track({ event_name: "warm" });
  const before = service.residentBytes;
  {
    using clients = new SlowClients(service, {
      count: 600,
      authorization: [`Authorization: Bearer ${service.token({})}`],
    });
    await until(() => clients.answers.length >= 600 - 128, { what: "472 refusals", limitMs: 60_000 });
    for (const answer of clients.answers) {
      expect(answer).toStartWith("HTTP/1.1 503 ");
      expect(answer.toLowerCase()).toContain("\r\nretry-after: 1\r\n");
    }
    expect(clients.answers.length).toBe(600 - 128);
    expect(await heldBytes(service)).toBe(boundBytes);
    // Three times the bound: copies on the way, and what the collector has not come to.
    expect(service.residentBytes - before).toBeLessThan(3 * boundBytes);
    await expectRefused(await service.post(paths.track, { event_name: "no room" }), 503);
    await expectRefused(await service.post(paths.batch, { events: [{ event_name: "no room" }] }), 503);
    expect((await service.request(paths.stats)).status).toBe(200);
    expect((await service.health()).status).toBe(200);
  }
  await until(async () => (await heldBytes(service)) === 0, { what: "all room to be given back", limitMs: 60_000 });
  await service.track({ event_name: "room again" });
  expect((await service.stats()).total_events).toBe(2);
});

test("who has no token gets no room at all", async () => {
  await using service = await startService();
  using clients = new SlowClients(service, { count: 50, authorization: ["Authorization: Bearer x.y.z"] });
  await until(() => clients.answers.length === 50, { what: "50 refusals", limitMs: 30_000 });
  for (const answer of clients.answers) expect(answer).toStartWith("HTTP/1.1 401 ");
  expect(await heldBytes(service)).toBe(0);
});

test("whatever way a request ends, its room is given back", async () => {
  await using service = await startService({ env: { MILLRACE_MAX_BODY_BYTES: "100000" } });
  const gzip = { "content-encoding": "gzip" };
  const bomb = new Uint8Array(gzipSync(Buffer.alloc(50 * MiB)));
  const chunked = (bytes: Uint8Array<ArrayBuffer>) =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(bytes);
        controller.close();
      },
    });
  const query = `${paths.track}/query`;
  const ends: [number, Promise<Response>][] = [
    [200, service.post(paths.track, { event_name: "fine" })],
    [200, service.request(paths.track, { body: new Uint8Array(gzipSync('{"event_name":"packed"}')), headers: gzip })],
    [422, service.post(paths.track, "{")],
    [413, service.request(paths.track, { body: bomb, headers: gzip })],
    [400, service.request(paths.track, { body: "not packed", headers: gzip })],
    [413, service.post(paths.track, `"${"x".repeat(200_000)}"`)],
    [413, service.request(paths.track, { body: chunked(new Uint8Array(150_000)) })],
    [422, service.request(query, { body: "[]", token: service.token({ scope: "query" }) })],
    [200, service.request(query, { body: '{"sql":"SELECT 1"}', token: service.token({ scope: "query" }) })],
    [422, service.request(`${paths.track}/erase`, { body: "[]", token: service.token({ scope: "admin" }) })],
    [200, service.request(paths.track, { body: chunked(new TextEncoder().encode('{"event_name":"in chunks"}')) })],
  ];
  for (const [status, answered] of ends) {
    const response = await answered;
    const text = await response.text();
    expect({ status: response.status, text }).toMatchObject({ status });
  }
  await until(async () => (await heldBytes(service)) === 0, { what: "all room to be given back", limitMs: 20_000 });
});

test("past the bound nothing more is held, and what was held before stays held", () => {
  const receipt = new Receipt();
  const first = receipt.hold();
  first.add(100 * MiB);
  const second = receipt.hold();
  second.add(20 * MiB);
  expect(() => second.add(9 * MiB)).toThrow("bodies_full");
  expect(() => first.add(9 * MiB)).toThrow("bodies_full");
  first.growTo(99 * MiB);
  first.growTo(108 * MiB);
  expect(receipt.bytes).toBe(boundBytes);
  second[Symbol.dispose]();
  expect(receipt.bytes).toBe(108 * MiB);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(receipt.bytes).toBe(0);
});

test("bodies that would hold a shard are stored once, refused with their reasons, and hold no watermark back", async () => {
  await using service = await startService({ env: { MILLRACE_SHARDS: "1" } });
  const keys = Array.from({ length: 20_000 }, (_, index) => `"${20_000 - index}":1.50`).join(",");
  const event_id = "01a21483-3214-7734-bf45-8667cfa16c71";
  const hostile = `{"event_name":"hostile","event_id":"${event_id}","properties":{${keys}}}`;
  const faulty = `{"events":[{"event_name":"fine"},{"properties":{${keys}}}]}`;
  const [first, second, refused, small] = await Promise.all([
    service.track(hostile),
    service.track(hostile),
    service.post(paths.batch, faulty),
    service.track({ event_name: "small" }),
  ]);
  expect([first.event_id, second.event_id]).toEqual([event_id, event_id]);
  expect(small.success).toBe(true);
  expect(refused.status).toBe(422);
  expect(await refused.json()).toMatchObject({
    detail: [{ type: "missing", loc: ["body", "events", 1, "event_name"] }],
  });
  await service.waitSealed();
  expect(await service.count()).toBe(2);
  const [row] = await service.rows("SELECT properties::VARCHAR AS text FROM events WHERE event_name = 'hostile'");
  expect(String(row?.["text"])).toStartWith('{"1":1.50,"2":1.50,');
});
