/** What holds for every body: no mapper throws, and each event comes out once. */
import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { batchesOf } from "../../src/adapter/batches.ts";
import { keyIn } from "../../src/adapter/body-key.ts";
import { openBody } from "../../src/adapter/body-text.ts";
import { itemsOf, membersOf, objectOf, readJson } from "../../src/adapter/json-text.ts";
import { mappers } from "../../src/adapter/mappers.ts";
import { mapOtlpProtobuf } from "../../src/adapter/otlp/protobuf.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { validateEvent } from "../../src/event/parse/validate.ts";
import { protocols } from "../../src/event/protocols.ts";
import { fc } from "../support/property.ts";
import { type ProtobufField, protobuf } from "../support/protobuf.ts";
import { someFacts } from "../support/vendor-requests.ts";

const bytesMax = 1024 * 1024;

/** Names that mappers look for, so that generated events reach their code. */
const names = fc.constantFrom(
  ...["event", "type", "userId", "anonymousId", "messageId", "properties", "traits", "context", "timestamp", "sentAt"],
  ...[
    "distinct_id",
    "uuid",
    "$insert_id",
    "$device_id",
    "offset",
    "token",
    "specversion",
    "id",
    "source",
    "time",
    "data",
  ],
  ...[
    "attributes",
    "key",
    "value",
    "body",
    "stringValue",
    "intValue",
    "kvlistValue",
    "arrayValue",
    "values",
    "__proto__",
  ],
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom("track", "page", "1.0", "x", "", "2020-01-02T03:04:05Z", "\ud800", "\u0000"),
    fc.double(),
    fc.constantFrom(null, true, 0, -1, 1e300),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(names, tie("value"), { maxKeys: 6 }),
  ),
})).value;

describe("no mapper throws, and each event comes out once, mapped or not", () => {
  test("whatever the JSON", () => {
    fc.assert(
      fc.property(fc.array(json, { maxLength: 5 }), fc.constantFrom(...protocols), (events, protocol) => {
        const bodies: Record<typeof protocol, string> = {
          segment: JSON.stringify({ batch: events, sentAt: "2020-01-02T03:04:05Z" }),
          posthog: JSON.stringify({ batch: events, sent_at: "2020-01-02T03:04:05Z" }),
          otlp: JSON.stringify({ resourceLogs: [{ scopeLogs: [{ logRecords: events }] }] }),
          cloudevents: JSON.stringify(events),
        };
        const contentType = protocol === "cloudevents" ? "application/cloudevents-batch+json" : "application/json";
        const mapped = mappers[protocol](Buffer.from(bodies[protocol]), { ...someFacts, contentType });
        if (!mapped.ok) throw new Error(mapped.reason);
        expect(mapped.events.length + mapped.unmapped.length).toBe(events.length);
        // What was mapped is judged by the rules of our own API, and has a form that they can judge.
        for (const text of mapped.events) {
          const parsed = parseJson(Buffer.from(text));
          if (parsed.ok) validateEvent(parsed.value, parsed.exact, undefined);
          expect(JSON.parse(text)).toMatchObject({ event_name: expect.any(String) });
        }
        for (const { event } of mapped.unmapped) JSON.parse(event);
        // Messages hold all of them, once.
        const batches = [...batchesOf(mapped)];
        const sent = batches.flatMap(({ body }) =>
          body.length === 0 ? [] : JSON.parse(Buffer.from(body).toString()).events,
        );
        expect(sent).toEqual(mapped.events.map((text) => JSON.parse(text)));
        expect(batches.flatMap(({ refused }) => refused)).toEqual(mapped.unmapped);
      }),
    );
  });

  test("whatever the JSON at the top", () => {
    fc.assert(
      fc.property(
        json,
        fc.constantFrom(...protocols),
        fc.constantFrom("", "application/cloudevents+json"),
        (value, protocol, contentType) => {
          const body = Buffer.from(JSON.stringify(value));
          mappers[protocol](body, { ...someFacts, contentType });
          keyIn(body, protocol);
        },
      ),
    );
  });

  test("whatever the bytes", () => {
    const starts = [[], [0x1f, 0x8b], [0x28, 0xb5, 0x2f, 0xfd], [...Buffer.from("data=")], [0x0a]];
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array(), (start, rest) => {
        const bytes = Buffer.from([...start, ...rest]);
        openBody(bytes, bytesMax);
        for (const protocol of protocols) {
          keyIn(bytes, protocol);
          mappers[protocol](bytes, { ...someFacts, contentType: "" });
        }
        mapOtlpProtobuf(bytes, someFacts);
      }),
    );
  });
});

test("an object cut into its members is the object again, whatever stands around and in them", () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), fc.constantFrom("", " ", "\n\t"), (text, space) => {
      const spaced = `${space}${JSON.stringify({ a: JSON.parse(text), 'b"\\': [JSON.parse(text)] }, null, space)}${space}`;
      const read = readJson(spaced);
      if (!read.ok) throw new Error(read.error);
      const members = membersOf(read.json) ?? new Map();
      expect(JSON.parse(objectOf(members))).toEqual(JSON.parse(spaced));
      expect(itemsOf(members.get('b"\\'))?.map((item) => JSON.parse(item))).toEqual([JSON.parse(text)]);
    }),
  );
});

describe("OpenTelemetry's protobuf", () => {
  const string = (text: string): ProtobufField => [2, [[1, text]]];
  const record = (...fields: ProtobufField[]) =>
    protobuf([
      [
        1,
        [
          [1, [[1, [[1, "service.name"], string("shop")]]]],
          [
            2,
            [
              [1, [[1, "lib"]]],
              [2, fields],
            ],
          ],
        ],
      ],
    ]);

  test("becomes the same events as the same records in JSON, digits and all", () => {
    const body = record(
      [1, { fixed64: 1795439225641000000n }],
      [2, 9n],
      [3, "INFO"],
      [12, "order"],
      [9, Buffer.from("0102", "hex")],
      [
        5,
        [
          [
            6,
            [
              [
                1,
                [
                  [1, "n"],
                  [2, [[3, 9007199254740993n]]],
                ],
              ],
              [
                1,
                [
                  [1, "negative"],
                  [2, [[3, -1n]]],
                ],
              ],
            ],
          ],
        ],
      ],
      [
        6,
        [
          [1, "list"],
          [
            2,
            [
              [
                5,
                [
                  [1, [[2, 1n]]],
                  [1, [[4, { fixed64: 0x3ff8000000000000n }]]],
                  [1, []],
                ],
              ],
            ],
          ],
        ],
      ],
      [
        6,
        [
          [1, "bytes"],
          [2, [[7, Buffer.from([1, 2, 3])]]],
        ],
      ],
      [99, "from a later version"],
    );
    const mapped = mapOtlpProtobuf(body, someFacts);
    const { properties, ...event } = JSON.parse(mapped.ok ? (mapped.events[0] ?? "") : "");
    expect(event).toMatchObject({
      event_name: "order",
      timestamp: "2026-11-23T13:07:05.641000Z",
      category: "user_action",
    });
    expect(mapped.ok && mapped.events[0]).toContain('"n":9007199254740993,"negative":-1');
    expect(properties).toMatchObject({ list: [true, 1.5, null], bytes: "AQID" });
    expect(properties.$source).toEqual({
      protocol: "otlp",
      resource: { "service.name": "shop" },
      scope: { name: "lib" },
      severity: { number: 9, text: "INFO" },
      trace_id: "0102",
    });
  });

  test("cut off anywhere it is refused, or holds fewer fields; it never throws", () => {
    const body = record(
      [12, "order"],
      [
        6,
        [
          [1, "a"],
          [2, [[1, "b"]]],
        ],
      ],
    );
    for (let bytes = 0; bytes < body.length; bytes++) mapOtlpProtobuf(body.subarray(0, bytes), someFacts);
    expect(mapOtlpProtobuf(body.subarray(0, -1), someFacts)).toEqual({
      ok: false,
      reason: "The body is not protobuf: a field is longer than what holds it",
    });
  });

  test("a value that nests too deep is refused alone", () => {
    let value: readonly ProtobufField[] = [[1, "x"]];
    for (let depth = 0; depth < 100; depth++) value = [[5, [[1, value]]]];
    expect(mapOtlpProtobuf(record([5, value]), someFacts)).toMatchObject({
      ok: true,
      events: [],
      unmapped: [{ reason: expect.stringContaining("64 levels") }],
    });
  });
});

describe("bodies", () => {
  const text = '{"event":"é+"}';
  const base64 = Buffer.from(text).toString("base64");
  test.each([
    ["as they are", Buffer.from(text)],
    ["gzip without a header", gzipSync(text)],
    ["zstd", Bun.zstdCompressSync(text)],
    ["a form of base64", Buffer.from(`data=${encodeURIComponent(base64)}`)],
    ["a form of base64 whose plus is not escaped", Buffer.from(`data=${base64}&ver=1`)],
    ["a form of JSON", Buffer.from(`data=${encodeURIComponent(text)}&compression=none`)],
    ["a form of base64 of gzip", Buffer.from(`data=${encodeURIComponent(gzipSync(text).toString("base64"))}`)],
  ])("are opened: %s", (_, body) => {
    const opened = openBody(body, bytesMax);
    expect(opened.ok && Buffer.from(opened.bytes).toString()).toBe(text);
  });

  test("that inflate past the limit are refused, in memory of the limit", () => {
    const bomb = gzipSync(Buffer.alloc(bytesMax + 1));
    expect(openBody(bomb, bytesMax)).toEqual({ ok: false, reason: "too_large" });
    const twice = Buffer.from(`data=${encodeURIComponent(bomb.toString("base64"))}`);
    expect(openBody(twice, bytesMax)).toEqual({ ok: false, reason: "too_large" });
    expect(openBody(bomb.subarray(0, 20), bytesMax)).toEqual({ ok: false, reason: "corrupt" });
  });

  test("are split into messages of at most a hundred events and 512 KiB, in their order", () => {
    const events = Array.from({ length: 250 }, (_, index) => `{"event_name":"${index}"}`);
    const large = `{"event_name":"${"x".repeat(600 * 1024)}"}`;
    const sizes = [...batchesOf({ ok: true, events: [...events, large, large], unmapped: [] })].map(
      ({ body }) => JSON.parse(Buffer.from(body).toString()).events.length,
    );
    expect(sizes).toEqual([100, 100, 50, 1, 1]);
  });
});
