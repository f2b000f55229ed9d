/** What other vendors' SDKs send becomes the same events as a client of our own API would send. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { keyIn } from "../../src/adapter/body-key.ts";
import { mapCloudEvents } from "../../src/adapter/cloud-events.ts";
import type { Mapper, RequestFacts } from "../../src/adapter/mapped.ts";
import { mappers } from "../../src/adapter/mappers.ts";
import { mapOtlpJson } from "../../src/adapter/otlp/json.ts";
import { mapPostHog } from "../../src/adapter/posthog.ts";
import { mapSegment } from "../../src/adapter/segment.ts";
import { capturedAtMs, someFacts, vendorFixtures, vendorRequests } from "../support/vendor-requests.ts";

const golden: Record<string, unknown> = JSON.parse(
  readFileSync(join(import.meta.dir, "../fixtures/vendors/mapped.json"), "utf8"),
);

test.each(Object.entries(vendorFixtures))("what %s sent becomes the events in mapped.json", (fixture, protocol) => {
  const events = vendorRequests(fixture).flatMap(({ body, facts }) => textsOf(mappers[protocol], body, facts));
  expect(events.map((event) => JSON.parse(event))).toEqual(golden[fixture] as unknown[]);
});

/** The events of a body, as JSON; fails if one is not mapped. */
function textsOf(mapper: Mapper, body: Uint8Array, facts: RequestFacts): string[] {
  const mapped = mapper(body, facts);
  if (!mapped.ok) throw new Error(mapped.reason);
  expect(mapped.unmapped).toEqual([]);
  return mapped.events;
}

/** The only event of a body. */
function one(mapper: Mapper, body: string, facts: Partial<RequestFacts> = {}): Record<string, unknown> {
  const [text = "", ...rest] = textsOf(mapper, Buffer.from(body), { ...someFacts, ...facts });
  expect(rest).toEqual([]);
  return JSON.parse(text);
}

/** The only event of a body, which is a value. */
const oneOf = (mapper: Mapper, body: unknown, facts: Partial<RequestFacts> = {}) =>
  one(mapper, JSON.stringify(body), facts);

const structured = { contentType: "application/cloudevents+json" };

describe("numbers keep their digits", () => {
  const numbers = "[9007199254740993,1.50,1e400,-0,0.10000000000000000000001,1E+2]";
  test.each<[string, Mapper, string, Partial<RequestFacts>]>([
    ["segment", mapSegment, `{"type":"track","event":"e","properties":{"n": ${numbers} }}`, {}],
    ["identify", mapSegment, `{"type":"identify","traits":{"n":${numbers}}}`, {}],
    ["posthog", mapPostHog, `{"event":"e","distinct_id":"u","properties":{"n":${numbers}}}`, {}],
    [
      "structured",
      mapCloudEvents,
      `{"specversion":"1.0","id":"1","source":"/","type":"t","data":{"n":${numbers}}}`,
      structured,
    ],
    [
      "binary",
      mapCloudEvents,
      `{"n":${numbers}}`,
      { cloudEvent: { specversion: "1.0", id: "1", source: "/", type: "t" } },
    ],
  ])("%s", (_, mapper, body, facts) => {
    const [text] = textsOf(mapper, Buffer.from(body), { ...someFacts, ...facts });
    expect(text).toContain(`"n":${numbers}`);
  });

  test.each(["9007199254740993", '"9007199254740993"'])("OpenTelemetry's intValue %s", (value) => {
    const body = { stringValue: "" };
    const record = JSON.stringify({ eventName: "e", body, attributes: [] }).replace(
      '"attributes":[]',
      `"attributes":[{"key":"n","value":{"intValue":${value}}}]`,
    );
    const [text] = textsOf(mapOtlpJson, Buffer.from(otlp(record)), someFacts);
    expect(text).toContain('"n":9007199254740993');
  });
});

/** A request with these log records, each as JSON. */
const otlp = (...records: string[]) => `{"resourceLogs":[{"scopeLogs":[{"logRecords":[${records.join(",")}]}]}]}`;

describe("ids", () => {
  test("a UUID stays, in lower case; any other id becomes a UUID that depends on the key's name", () => {
    const idOf = (messageId: unknown, keyName = "web") =>
      oneOf(mapSegment, { type: "track", event: "e", messageId }, { keyName })["event_id"];
    expect(idOf("F452B88C-FAB9-46EC-81E4-8D2B2C8DA1F2")).toBe("f452b88c-fab9-46ec-81e4-8d2b2c8da1f2");
    expect(idOf("my-own-id")).toBe("0c906fd7-1785-5e90-99b7-9b34f76a2489");
    expect(idOf("my-own-id", "app")).not.toBe("0c906fd7-1785-5e90-99b7-9b34f76a2489");
    expect(idOf("")).toBeUndefined();
  });

  test("PostHog's $insert_id counts where there is no uuid, with the event's name and person", () => {
    const idOf = (event: string, distinct_id: string, insertId: string) =>
      oneOf(mapPostHog, { event, distinct_id, properties: { $insert_id: insertId } })["event_id"];
    expect(idOf("e", "u", "1")).toBe(idOf("e", "u", "1"));
    expect(new Set([idOf("e", "u", "1"), idOf("f", "u", "1"), idOf("e", "v", "1"), idOf("e", "u", "2")]).size).toBe(4);
  });

  test("OpenTelemetry's records have the same ids when the same bytes come again, and each its own", () => {
    const body = Buffer.from(otlp('{"eventName":"a"}', '{"eventName":"a"}'));
    const ids = () => textsOf(mapOtlpJson, body, someFacts).map((text) => JSON.parse(text)["event_id"]);
    expect(ids()).toEqual(ids());
    expect(new Set(ids()).size).toBe(2);
    const uid = '{"key":"log.record.uid","value":{"stringValue":"018f0000-0000-7000-8000-000000000002"}}';
    expect(one(mapOtlpJson, otlp(`{"attributes":[${uid}]}`))["event_id"]).toBe("018f0000-0000-7000-8000-000000000002");
  });

  test("the binary and the structured form of a CloudEvent have one id, which its source is part of", () => {
    const requests = vendorRequests("cloudevents");
    const ids = requests.map(
      ({ body, facts }) => JSON.parse(textsOf(mapCloudEvents, body, facts)[0] ?? "")["event_id"],
    );
    expect(ids).toEqual([ids[0], ids[0], ids[2], ids[2], ids[4], ids[4]]);
    const idFrom = (source: string) =>
      oneOf(mapCloudEvents, { specversion: "1.0", id: "1", source, type: "t" }, structured)["event_id"];
    expect(idFrom("/a")).not.toBe(idFrom("/b"));
  });
});

describe("times", () => {
  const at = (seconds: number) => new Date(capturedAtMs + seconds * 1000).toISOString();
  const timeOf = (event: object) => oneOf(mapSegment, { type: "track", event: "e", ...event })["timestamp"];

  test("a clock that is wrong by more than two minutes is corrected, to the microsecond", () => {
    const timestamp = at(-3600).replace("000Z", "000123Z");
    expect(timeOf({ timestamp, sentAt: at(-3590) })).toBe(at(-10).replace("000Z", "000123Z"));
    expect(timeOf({ timestamp: at(600), sentAt: at(610) })).toBe(at(-10).replace("000Z", "000000Z"));
    expect(timeOf({ timestamp: at(-100), sentAt: at(-90) })).toBe(at(-100));
  });

  test("what cannot be read, or would leave the calendar, stays as it was sent", () => {
    expect(timeOf({ timestamp: "soon", sentAt: at(-3600) })).toBe("soon");
    expect(timeOf({ timestamp: at(-3600), sentAt: "soon" })).toBe(at(-3600));
    expect(timeOf({ timestamp: "0001-01-01T00:00:00Z", sentAt: at(3600) })).toBe("0001-01-01T00:00:00Z");
    expect(timeOf({ sentAt: at(-3600) })).toBeUndefined();
  });

  test("RudderStack's originalTimestamp counts where there is no timestamp; PostHog's offset is before the receipt", () => {
    expect(timeOf({ originalTimestamp: at(-1) })).toBe(at(-1));
    expect(timeOf({ timestamp: at(-2), originalTimestamp: at(-1) })).toBe(at(-2));
    expect(oneOf(mapPostHog, { event: "e", offset: 2500 })["timestamp"]).toBe(at(-2.5).replace("500Z", "500000Z"));
  });
});

describe("Segment family", () => {
  test("the path names the type where the event does not", () => {
    expect(oneOf(mapSegment, { event: "e" }, { type: "t" })["event_name"]).toBe("e");
    expect(oneOf(mapSegment, { userId: "u" }, { type: "identify" })).toMatchObject({
      event_name: "identify",
      category: "system",
    });
  });

  test("without a name the type is the name", () => {
    expect(oneOf(mapSegment, { type: "track", event: "" })["event_name"]).toBe("track");
    expect(oneOf(mapSegment, { type: "page", properties: {} })["event_name"]).toBe("page");
    expect(oneOf(mapSegment, { type: "screen", properties: { name: "Main" } })["event_name"]).toBe("Main");
  });

  test("ids that are numbers keep their digits, and empty ones are none", () => {
    const event = one(mapSegment, '{"type":"track","event":"e","userId":9007199254740993,"anonymousId":""}');
    expect([event["user_id"], event["anonymous_id"]]).toEqual(["9007199254740993", undefined]);
  });

  test("the browser's own user agent counts only where no library says that it is a server", () => {
    const agentOf = (context: object) =>
      oneOf(mapSegment, { type: "track", event: "e", context }, { userAgent: "Browser/1" })["user_agent"];
    expect([agentOf({}), agentOf({ library: { name: "x" } }), agentOf({ userAgent: "UA/1" })]).toEqual([
      "Browser/1",
      undefined,
      "UA/1",
    ]);
  });

  test("a bad event is given back whole, with the reason, and the others are mapped", () => {
    const bad = [
      '{"type":"track","event":"e","properties":[1.50]}',
      '{"event":"e"}',
      "7",
      '{"type":"track","userId":{}}',
    ];
    const body = `{"batch":[{"type":"track","event":"good"},${bad.join(",")}]}`;
    const mapped = mapSegment(Buffer.from(body), someFacts);
    expect(mapped).toMatchObject({ ok: true, events: [expect.stringContaining('"good"')] });
    const unmapped = mapped.ok ? mapped.unmapped : [];
    expect(unmapped.map(({ event }) => event)).toEqual(bad);
    expect(unmapped.map(({ reason }) => reason.split(":")[0])).toEqual(["properties", "type", "event", "userId"]);
  });
});

describe("PostHog", () => {
  const whoOf = (distinct_id: string, properties: object) => {
    const { user_id, anonymous_id } = oneOf(mapPostHog, { event: "e", distinct_id, properties });
    return [user_id, anonymous_id];
  };

  test("distinct_id is a user where the device has another id or PostHog says so, and a device otherwise", () => {
    expect(whoOf("u", { $device_id: "d" })).toEqual(["u", "d"]);
    expect(whoOf("d", { $device_id: "d" })).toEqual([undefined, "d"]);
    expect(whoOf("u", { $user_id: "u" })).toEqual(["u", undefined]);
    expect(whoOf("u", { $is_identified: true })).toEqual(["u", undefined]);
    expect(whoOf("x", {})).toEqual([undefined, "x"]);
  });

  test("no event holds the key, mapped or not", () => {
    const token = "phc_secret";
    const body = {
      api_key: token,
      batch: [
        { event: "e", properties: { token } },
        { properties: { token }, token },
      ],
    };
    const mapped = mapPostHog(Buffer.from(JSON.stringify(body)), someFacts);
    expect(mapped).toMatchObject({ ok: true, unmapped: [{ reason: expect.stringContaining("event") }] });
    expect(JSON.stringify(mapped)).not.toContain(token);
  });

  test("a key is looked for only where it is taken out, so no property of the sender's own becomes one", () => {
    const keyOf = (protocol: "posthog" | "segment", event: object) =>
      keyIn(Buffer.from(JSON.stringify(event)), protocol);
    expect(keyOf("posthog", { event: "e", properties: { token: "phc_key" } })).toBe("phc_key");
    for (const name of ["api_key", "writeKey"])
      expect(keyOf("posthog", { event: "e", properties: { [name]: "own" } })).toBeUndefined();
    for (const name of ["api_key", "writeKey", "token"])
      expect(keyOf("segment", { type: "track", properties: { [name]: "own" } })).toBeUndefined();
    const refused = mapSegment(Buffer.from('{"type":"none","properties":{"token":"own"}}'), someFacts);
    expect(refused).toMatchObject({ unmapped: [{ event: expect.stringContaining('"token":"own"') }] });
  });
});

describe("any protocol", () => {
  test("a name longer than 100 code points is cut, and kept whole in $source", () => {
    const name = "\u{1f600}".repeat(101);
    const event = oneOf(mapSegment, { type: "track", event: name });
    expect(event["event_name"]).toBe("\u{1f600}".repeat(100));
    expect(event["properties"]).toMatchObject({ $source: { name } });
  });

  test("properties named category and priority count where they are ours, and $source of the sender is kept inside", () => {
    const properties = { category: "trading", priority: "urgent", $source: { a: 1 } };
    const event = oneOf(mapSegment, { type: "page", properties });
    expect(event).toMatchObject({ category: "trading", priority: "medium" });
    expect(event["properties"]).toMatchObject({ $source: { protocol: "segment", $source: { a: 1 } } });
  });

  test("an event of its own severity, name and time: OpenTelemetry", () => {
    const record = (fields: object) => one(mapOtlpJson, otlp(JSON.stringify(fields)));
    expect(record({ severityNumber: 21 })).toMatchObject({
      event_name: "log",
      category: "error",
      priority: "critical",
    });
    expect(record({ severityNumber: 5 })).toMatchObject({ category: "system", priority: "low" });
    expect(record({ eventName: "web_vital" })).toMatchObject({ category: "performance" });
    expect(record({ observedTimeUnixNano: "1577934245000001999" })["timestamp"]).toBe("2020-01-02T03:04:05.000001Z");
    expect(record({ body: { stringValue: "x" } })["properties"]).toMatchObject({ body: "x" });
  });

  test("a CloudEvent without what it must have is not one", () => {
    const event = { specversion: "1.0", id: "1", source: "/", type: "t" };
    for (const name of Object.keys(event))
      expect(
        mapCloudEvents(Buffer.from(JSON.stringify({ ...event, [name]: undefined })), { ...someFacts, ...structured }),
      ).toEqual({
        ok: false,
        reason: `${name}: must be a string that is not empty`,
      });
  });
});
