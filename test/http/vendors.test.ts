/** The paths of other vendors' SDKs: what is taken, what is answered, and what is not. */
import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { bytesOf, fieldsOf } from "../../src/adapter/otlp/wire.ts";
import { isConnectionLost } from "../support/ledger.ts";
import { type ProtobufField, protobuf } from "../support/protobuf.ts";
import { expectRefused } from "../support/refusals.ts";
import { paths, sharedService, startService, testMsMax } from "../support/service.ts";
import { until } from "../support/until.ts";

setDefaultTimeout(testMsMax);

const folder = mkdtempSync(join(tmpdir(), "millrace-vendors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const key = "mrw_0123456789abcdefghijklmnopqrstuv";
const keyFile = join(folder, "keys.json");
const keys = [{ name: "web", key_sha256: createHash("sha256").update(key).digest("hex") }];
writeFileSync(keyFile, JSON.stringify({ keys }));

const service = sharedService({ env: { MILLRACE_WRITE_KEYS: keyFile } });

type Headers = Record<string, string>;
const basic = { authorization: `Basic ${btoa(`${key}:`)}` };
const bearer = { authorization: `Bearer ${key}` };

/** Sends a body without our own token. */
const post = (path: string, body: string | Uint8Array<ArrayBuffer>, headers: Headers = {}) =>
  service().request(path, { token: null, method: "POST", body, headers });

/** The bytes of a compressed body. */
const gzipped = (text: string) => new Uint8Array(gzipSync(text));

/** The events whose name is this, once they are in the catalog. */
async function eventsNamed(name: string) {
  await service().waitSealed();
  return await service().rows(
    `SELECT subject, category, user_id, properties->>'n' AS n FROM events WHERE event_name = '${name}'`,
  );
}

const n = "9007199254740993";
const stored = { subject: "web", category: "user_action", user_id: "u1", n };
const segmentEvent = (name: string, more = "") =>
  `{"type":"track","event":"${name}","userId":"u1","properties":{"n":${n}}${more}}`;
const posthogEvent = (name: string, more = "") =>
  `{"event":"${name}","distinct_id":"u1","properties":{"n":${n},"$user_id":"u1"}${more}}`;
const cloudEvent = (name: string) =>
  `{"specversion":"1.0","id":"${name}","source":"/","type":"${name}","userid":"u1","data":{"n":${n}}}`;
const attribute = (key: string, value: string) => `{"key":"${key}","value":${value}}`;
const logs = (name: string) =>
  `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"eventName":"${name}","attributes":[${attribute("user.id", '{"stringValue":"u1"}')},${attribute("n", `{"intValue":"${n}"}`)}]}]}]}]}`;

const success = { success: true };

describe("is taken:", () => {
  test.each<[string, string, (name: string) => string | Uint8Array<ArrayBuffer>, Headers, object]>([
    ["segment batch", "/v1/batch", (name) => `{"batch":[${segmentEvent(name)}]}`, basic, success],
    ["segment batch, final slash", "/v1/batch/", (name) => `{"batch":[${segmentEvent(name)}]}`, basic, success],
    ["one event", "/v1/t", segmentEvent, { ...basic, "content-type": "text/plain" }, success],
    ["a key in the body", "/v1/b", (name) => `{"writeKey":"${key}","batch":[${segmentEvent(name)}]}`, {}, success],
    ["a key in the event", "/v1/track", (name) => segmentEvent(name, `,"writeKey":"${key}"`), {}, success],
    ["jitsu", "/api/s/s2s/track", segmentEvent, { "x-write-key": `${key}:secret` }, success],
    [
      "gzip of rudder",
      "/v1/batch",
      (name) => gzipped(`{"batch":[${segmentEvent(name)}]}`),
      { ...basic, "content-type": "application/x-www-form-urlencoded", "content-encoding": "gzip" },
      success,
    ],
    [
      "gzip without a header",
      "/e/",
      (name) => gzipped(`{"api_key":"${key}","batch":[${posthogEvent(name)}]}`),
      { "content-type": "text/plain" },
      { status: 1 },
    ],
    [
      "a beacon",
      "/e/?compression=base64",
      (name) => `data=${encodeURIComponent(btoa(posthogEvent(name, `,"token":"${key}"`)))}`,
      { "content-type": "application/x-www-form-urlencoded" },
      { status: 1 },
    ],
    [
      "a list with a token in the properties",
      "/i/v0/e",
      (name) => `[${posthogEvent(name).replace('"n":', `"token":"${key}","n":`)}]`,
      {},
      { status: 1 },
    ],
    ["logs", "/v1/logs", logs, bearer, {}],
    [
      "a structured CloudEvent",
      "/ce",
      cloudEvent,
      { ...bearer, "content-type": "application/cloudevents+json" },
      success,
    ],
    [
      "a batch of CloudEvents",
      "/ce/",
      (name) => `[${cloudEvent(name)}]`,
      { ...bearer, "content-type": "application/cloudevents-batch+json; charset=utf-8" },
      success,
    ],
  ])("%s", async (what, path, bodyOf, headers, answer) => {
    const name = `taken: ${what}`;
    const response = await post(path, bodyOf(name), headers);
    expect([response.status, await response.json()]).toEqual([200, answer]);
    // Sent again, as after a lost answer: those that have an id are still stored once.
    if (path.startsWith("/v1/logs") || path.startsWith("/ce")) await post(path, bodyOf(name), headers);
    expect(await eventsNamed(name)).toEqual([stored]);
  });

  test("a CloudEvent in headers", async () => {
    const ce = {
      "ce-specversion": "1.0",
      "ce-id": "2",
      "ce-source": "/",
      "ce-type": "in%20headers",
      "ce-userid": "u1",
    };
    expect((await post("/ce", `{"n":${n}}`, { ...bearer, ...ce })).status).toBe(200);
    expect(await eventsNamed("in headers")).toEqual([stored]);
  });

  test("logs in protobuf, answered in protobuf", async () => {
    const string = (text: string): ProtobufField => [2, [[1, text]]];
    const record: ProtobufField[] = [
      [12, "protobuf"],
      [6, [[1, "user.id"], string("u1")]],
      [
        6,
        [
          [1, "n"],
          [2, [[3, BigInt(n)]]],
        ],
      ],
    ];
    const body = new Uint8Array(protobuf([[1, [[2, [[2, record]]]]]]));
    const response = await post("/v1/logs", body, { ...bearer, "content-type": "application/x-protobuf" });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/x-protobuf"]);
    expect((await response.bytes()).byteLength).toBe(0);
    expect(await eventsNamed("protobuf")).toEqual([stored]);
  });

  test("more events than a batch of our own API may have, and a body past its limit", async () => {
    const filler = "x".repeat(1200);
    const events = Array.from({ length: 1001 }, (_, index) =>
      segmentEvent("many", `,"messageId":"m${index}","context":{"filler":"${filler}"}`),
    );
    expect((await post("/v1/batch", `{"batch":[${events.join(",")}]}`, basic)).status).toBe(200);
    expect((await post("/v1/batch", `{"batch":[${events.join(",")}]}`, basic)).status).toBe(200);
    expect(await eventsNamed("many")).toEqual(events.map(() => stored));
  });
});

describe("one bad event does not refuse the others:", () => {
  const refusedBy = (protocol: string) =>
    service().rows(
      `SELECT subject, reason, event::VARCHAR AS event FROM refused WHERE protocol = '${protocol}' ORDER BY reason`,
    );

  test("it is kept with the reason, whether it could be mapped or not", async () => {
    const bad = ['{"type":"track","event":"bad","properties":[1.50]}', segmentEvent("bad", ',"timestamp":"soon"')];
    const response = await post("/v1/batch", `{"batch":[${segmentEvent("good")},${bad.join(",")}]}`, basic);
    expect([response.status, await response.json()]).toEqual([200, success]);
    expect(await eventsNamed("good")).toEqual([stored]);
    expect(await eventsNamed("bad")).toEqual([]);
    expect(await refusedBy("segment")).toEqual([
      { subject: "web", reason: "properties: must be an object", event: bad[0] },
      { subject: "web", reason: expect.stringContaining("timestamp: "), event: expect.stringContaining(`"n":${n}`) },
    ]);
  });

  test("OpenTelemetry is told how many", async () => {
    const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[7,{"eventName":"beside it"}]}]}]}`;
    const response = await post("/v1/logs", body, bearer);
    expect([response.status, await response.json()]).toEqual([
      200,
      { partialSuccess: { rejectedLogRecords: "1", errorMessage: expect.any(String) } },
    ]);
    expect(await refusedBy("otlp")).toEqual([
      {
        subject: "web",
        reason: "logRecords: an item must be an object",
        event: '{"resourceLogs":[{"scopeLogs":[{"logRecords":[7]}]}]}',
      },
    ]);
  });
});

test("OpenTelemetry is told how many in protobuf, too", async () => {
  let value: readonly ProtobufField[] = [[1, "x"]];
  for (let depth = 0; depth < 70; depth++) value = [[5, [[1, value]]]];
  const body = new Uint8Array(
    protobuf([
      [
        1,
        [
          [
            2,
            [
              [2, [[5, value]]],
              [2, [[12, "beside it"]]],
            ],
          ],
        ],
      ],
    ]),
  );
  const response = await post("/v1/logs", body, { ...bearer, "content-type": "application/x-protobuf" });
  expect(response.status).toBe(200);
  const [partial] = fieldsOf(Buffer.from(await response.bytes()));
  const told = [...fieldsOf(bytesOf(partial?.value ?? 0n))].map(({ number, value: field }) => [number, String(field)]);
  expect(told).toEqual([
    [1, "1"],
    [2, expect.stringContaining("refused")],
  ]);
});

describe("is refused:", () => {
  test.each<[400 | 401 | 413 | 415, string, string, string | Uint8Array<ArrayBuffer>, Headers]>([
    [401, "no key", "/v1/batch", '{"batch":[]}', {}],
    [401, "an unknown key in the body", "/e/", '{"api_key":"phc_other","batch":[]}', {}],
    [401, "an unknown key in a header", "/v1/t", segmentEvent("x"), { authorization: `Basic ${btoa("other:")}` }],
    [401, "no key for logs", "/v1/logs", "{}", {}],
    [401, "no key for CloudEvents", "/ce", cloudEvent("x"), {}],
    [400, "a body that is not JSON", "/v1/batch", '{"batch":[', basic],
    [400, "a body that is JSON, and no event", "/v1/batch", "7", basic],
    [400, "gzip that is cut off", "/v1/batch", gzipped(segmentEvent("x")).slice(0, 20), basic],
    [
      400,
      "protobuf that is cut off",
      "/v1/logs",
      new Uint8Array([10, 200]),
      { ...bearer, "content-type": "application/x-protobuf" },
    ],
    [
      400,
      "a CloudEvent without a type",
      "/ce",
      '{"specversion":"1.0"}',
      { ...bearer, "content-type": "application/cloudevents+json" },
    ],
    [413, "a bomb", "/v1/batch", new Uint8Array(gzipSync(Buffer.alloc(9 * 1024 * 1024))), basic],
    [413, "a body past 8 MiB", "/v1/batch", new Uint8Array(9 * 1024 * 1024), basic],
    [415, "logs as text", "/v1/logs", "{}", { ...bearer, "content-type": "text/plain" }],
    [415, "an encoding that nobody sends", "/v1/batch", "{}", { ...basic, "content-encoding": "br" }],
  ])("%i for %s", async (status, _what, path, body, headers) => {
    await expectRefused(await post(path, body, headers), status);
  });

  test("a token without events:write by 403, in a header and in a body", async () => {
    const token = service().token({ scope: "query" });
    await expectRefused(await post("/v1/t", segmentEvent("x"), { authorization: `Bearer ${token}` }), 403);
    await expectRefused(await post("/e", `{"api_key":"${token}","batch":[]}`), 403);
  });

  test("another method by 405, which names the right one", async () => {
    for (const [method, path, allow] of [
      ["GET", "/v1/batch/", "POST"],
      ["GET", "/api/s/track", "POST"],
      ["POST", "/array/key/config", "GET, HEAD"],
    ] as const) {
      const response = await service().request(path, { method, token: null });
      expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
    }
  });
});

describe("log shippers, by bodies made after their documentation (no shipper ran):", () => {
  test("Vector's http sink writes our own batches, with a prefix and a suffix around its list", async () => {
    const event = { event_name: "vector", event_id: crypto.randomUUID(), timestamp: "2026-11-23T13:06:10.398123456Z" };
    const properties = { host: "web-1", message: "GET /", source_type: "demo_logs", status: 200 };
    const body = gzipped(`{"events":[${JSON.stringify({ ...event, properties })}]}`);
    const headers = { ...bearer, "content-encoding": "gzip" };
    for (const duplicates of [0, 1])
      expect(await (await post(paths.batch, body, headers)).json()).toMatchObject({ events_duplicate: duplicates });
    await service().waitSealed();
    expect(
      await service().rows("SELECT properties->>'message' AS message FROM events WHERE event_name = 'vector'"),
    ).toEqual([{ message: "GET /" }]);
  });

  test("Fluent Bit's opentelemetry output sends protobuf with a record's fields as its body", async () => {
    const field = (key: string, value: ProtobufField): ProtobufField => [
      1,
      [
        [1, key],
        [2, [value]],
      ],
    ];
    const fields = [field("log", [1, "from fluent bit"]), field("pid", [3, 42n]), field("ok", [2, 1n])];
    const record: ProtobufField[] = [
      [1, { fixed64: 1795439225641000000n }],
      [11, { fixed64: 1795439225641000000n }],
      [5, [[6, fields]]],
    ];
    const body = new Uint8Array(
      protobuf([
        [
          1,
          [
            [1, []],
            [
              2,
              [
                [1, []],
                [2, record],
              ],
            ],
          ],
        ],
      ]),
    );
    const headers = { ...bearer, "content-type": "application/x-protobuf" };
    expect((await post("/v1/logs", body, headers)).status).toBe(200);
    await service().waitSealed();
    expect(
      await service().rows(
        "SELECT event_name, properties->>'pid' AS pid FROM events WHERE properties->>'log' = 'from fluent bit'",
      ),
    ).toEqual([{ event_name: "log", pid: "42" }]);
  });
});

test("bodies without a key in a header share 16 MiB until their key is known; others are not kept waiting", async () => {
  const { hostname, port } = new URL(service().url);
  const head = `POST /e HTTP/1.1\r\nHost: ${hostname}\r\nContent-Length: ${8 * 1024 * 1024}\r\n\r\n{`;
  const connect = () =>
    Bun.connect({
      hostname,
      port: Number(port),
      socket: { open: (socket) => void socket.write(head), data: () => undefined },
    });
  const sockets = [await connect(), await connect()];
  const stranger = async () => (await post("/e", '{"api_key":"phc_other","batch":[]}')).status;
  await until(async () => (await stranger()) === 429, { what: "the share to be full", limitMs: 10_000 });
  await expectRefused(await post("/e", "{}"), 429);
  expect((await post("/v1/t", segmentEvent("beside strangers"), basic)).status).toBe(200);
  for (const socket of sockets) socket.terminate();
  await until(async () => (await stranger()) === 401, { what: "the share to be free again", limitMs: 10_000 });
});

test("a full buffer is 429 with Retry-After on every path, and 503 on our own", async () => {
  const env = { MILLRACE_MAX_BUFFER_EVENTS: "1", MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" };
  await using full = await startService({ env });
  expect((await full.post("/v1/t", segmentEvent("fills it"))).status).toBe(200);
  await expectRefused(await full.post(paths.track, { event_name: "no room" }), 503);
  for (const [path, body] of [
    ["/v1/t", segmentEvent("no room")],
    ["/batch/", posthogEvent("no room")],
    ["/v1/logs", logs("no room")],
    ["/ce", cloudEvent("no room")],
  ] as const)
    await expectRefused(await full.post(path, body), 429);
});

test("a service that stops answers 429, and what it answered 200 is sealed", async () => {
  await using stopping = await startService({ env: { MILLRACE_FLUSH_INTERVAL_SECONDS: "3600" } });
  const events = Array.from({ length: 10_000 }, () => segmentEvent("to seal"));
  expect((await stopping.post("/v1/batch", `{"batch":[${events.join(",")}]}`)).status).toBe(200);
  stopping.signal("SIGTERM");
  let accepted = 0;
  for (;;) {
    try {
      const response = await stopping.post("/v1/t", segmentEvent("late"));
      if (response.status === 200) accepted += 1;
      else await expectRefused(response, 429);
      await Bun.sleep(5);
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      break;
    }
  }
  expect(await stopping.exited()).toBe(0);
  expect(await stopping.count("event_name = 'to seal'")).toBe(10_000);
  expect(await stopping.count("event_name = 'late'")).toBeGreaterThanOrEqual(accepted);
});

test("a sender's rate limit counts events here, too", async () => {
  const env = { MILLRACE_RATE_LIMIT: "100" };
  await using limited = await startService({ env });
  const batch = `{"batch":[${Array.from({ length: 1000 }, () => segmentEvent("limited")).join(",")}]}`;
  const first = await limited.post("/v1/batch", batch);
  expect([first.status, first.headers.get("ratelimit")]).toEqual([200, expect.stringContaining('"events";r=0')]);
  await expectRefused(await limited.post("/v1/batch", batch), 429);
  await expectRefused(await limited.request("/e", { token: null, body: `{"api_key":"${limited.token({})}"}` }), 429);
});

describe("what browser SDKs ask for at their start:", () => {
  const ask = async (path: string, headers: Headers = {}) =>
    await (await service().request(path, { token: null, headers })).json();

  test("Segment's settings lead back to this address, over https where a proxy says so", async () => {
    const host = service().url.replace("http://", "");
    const settings = (protocol: string) => ({
      integrations: { "Segment.io": { apiKey: "KEY", apiHost: `${host}/v1`, protocol } },
      plan: {},
    });
    expect(await ask("/v1/projects/KEY/settings")).toEqual(settings("http"));
    expect(await ask("/v1/projects/KEY/settings", { "x-forwarded-proto": "https" })).toEqual(settings("https"));
  });

  test("RudderStack's source and PostHog's settings are the same for every key", async () => {
    expect(await ask("/sourceConfig/?writeKey=KEY")).toMatchObject({ source: { writeKey: "KEY", enabled: true } });
    const config = { supportedCompression: ["gzip", "gzip-js"], hasFeatureFlags: false };
    for (const one of [key, "unknown"]) expect(await ask(`/array/${one}/config`)).toEqual(config);
    const script = await service().request(`/array/${key}/config.js`, { token: null });
    expect(script.headers.get("content-type")).toContain("text/javascript");
    new Function(await script.text());
    const flags = { flags: {}, featureFlags: {}, errorsWhileComputingFlags: false };
    for (const path of ["/flags/?v=2", "/decide"]) expect(await (await post(path, "{}")).json()).toEqual(flags);
    expect((await post("/s/", "recording")).status).toBe(200);
  });
});
