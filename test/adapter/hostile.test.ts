/** Bodies that are made to hurt: each is read or refused, in time and memory of its size. */
import { describe, expect, test } from "bun:test";
import { keyIn } from "../../src/adapter/body-key.ts";
import { mappers } from "../../src/adapter/mappers.ts";
import { mapOtlpJson } from "../../src/adapter/otlp/json.ts";
import { mapOtlpProtobuf } from "../../src/adapter/otlp/protobuf.ts";
import { mapPostHog } from "../../src/adapter/posthog.ts";
import { mapSegment } from "../../src/adapter/segment.ts";
import { protocols } from "../../src/event/protocols.ts";
import { protobuf } from "../support/protobuf.ts";
import { someFacts } from "../support/vendor-requests.ts";

const MiB = 1024 * 1024;

describe("names that every JavaScript object has are names like others", () => {
  const inherited = ["constructor", "toString", "valueOf", "hasOwnProperty", "__proto__"];

  test.each(inherited)("a type %s is not one of Segment's, in the body or in the path", (type) => {
    const body = (event: object) => Buffer.from(JSON.stringify({ event: "x", ...event }));
    const refused = { ok: true, events: [], unmapped: [{ reason: expect.stringContaining("type: must be one of") }] };
    expect(mapSegment(body({ type }), someFacts)).toMatchObject(refused);
    expect(mapSegment(body({}), { ...someFacts, type })).toMatchObject(refused);
  });

  test.each(inherited)("an event %s of PostHog is a user's action", (event) => {
    const mapped = mapPostHog(Buffer.from(JSON.stringify({ event, distinct_id: "d" })), someFacts);
    expect(mapped.ok && JSON.parse(mapped.events[0] ?? "")).toMatchObject({
      event_name: event,
      category: "user_action",
    });
  });
});

test("a body of nothing but brackets is read or refused, whatever its depth", () => {
  for (const bytes of [Buffer.alloc(2 * MiB, "["), Buffer.from(`${"[".repeat(MiB)}${"]".repeat(MiB)}`)])
    for (const protocol of protocols) {
      mappers[protocol](bytes, { ...someFacts, contentType: "application/cloudevents-batch+json" });
      expect(keyIn(bytes, protocol)).toBeUndefined();
    }
});

test("the reason why a body is not JSON does not repeat the body", () => {
  const mapped = mapSegment(Buffer.from(`{"a":${"x".repeat(MiB)}}`), someFacts);
  expect(!mapped.ok && mapped.reason.length).toBeLessThan(300);
});

test("a time of a million digits is refused at once", () => {
  for (const digits of [`"${"9".repeat(MiB)}"`, "9".repeat(MiB)]) {
    const body = `{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":${digits}}]}]}]}`;
    const reason = expect.stringContaining("timeUnixNano");
    expect(mapOtlpJson(Buffer.from(body), someFacts)).toMatchObject({ ok: true, unmapped: [{ reason }] });
  }
});

describe("what all events of a body share is written with each of them, so a body that becomes much larger by it", () => {
  const long = "x".repeat(MiB);
  const many = (event: object) => Array.from({ length: 100 }, () => event);
  const attributes = [{ key: "a", value: { stringValue: long } }];
  const records = (count: number) => protobuf(Array.from({ length: count }, () => [2, []]));
  test.each([
    ["segment", "application/json", { sentAt: long, batch: many({ type: "page" }) }],
    ["posthog", "application/json", { sent_at: long, batch: many({ event: "x" }) }],
    [
      "otlp",
      "application/json",
      { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: many({}) }] }] },
    ],
    [
      "otlp",
      "application/json",
      { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: Array(100).fill(1) }] }] },
    ],
  ] as const)("is refused as a whole: %s, %s", (protocol, contentType, body) => {
    const mapped = mappers[protocol](Buffer.from(JSON.stringify(body)), { ...someFacts, contentType });
    expect(mapped).toMatchObject({ ok: false, isTooLarge: true });
  });

  test("is refused as a whole: OpenTelemetry in protobuf", () => {
    const resource = protobuf([
      [
        1,
        [
          [
            1,
            [
              [1, "a"],
              [2, [[1, long]]],
            ],
          ],
        ],
      ],
    ]);
    const scopeLogs = records(100);
    const resourceLogs = Buffer.concat([resource, protobuf([[2, scopeLogs]])]);
    expect(mapOtlpProtobuf(protobuf([[1, resourceLogs]]), someFacts)).toMatchObject({ ok: false, isTooLarge: true });
  });

  test("is refused as a whole: the sender's user agent", () => {
    const body = Buffer.from(JSON.stringify({ batch: Array(10_000).fill({ type: "page" }) }));
    expect(mapSegment(body, { ...someFacts, userAgent: "x".repeat(10_000) })).toMatchObject({ isTooLarge: true });
  });

  test("or its event alone: an id of PostHog that is written in three places", () => {
    const event = { event: "x", distinct_id: "d".repeat(7 * MiB) };
    const unmapped = [{ reason: expect.stringContaining("larger") }];
    expect(mapPostHog(Buffer.from(JSON.stringify(event)), someFacts)).toMatchObject({ events: [], unmapped });
  });

  test("while a hundred thousand small events are not", () => {
    const body = Buffer.from(
      JSON.stringify({ batch: Array(100_000).fill({ type: "track", event: "x", userId: "u" }) }),
    );
    const mapped = mapSegment(body, { ...someFacts, userAgent: "Mozilla/5.0 (X11; Linux x86_64)" });
    expect(mapped.ok && mapped.events.length).toBe(100_000);
  });
});
