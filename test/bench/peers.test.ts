import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { countIn } from "../../bench/peers/influxdb.ts";
import {
  fieldText,
  linesOfBody,
  pointEnd,
  pointOf,
  tagValue,
  timestampPlace,
} from "../../bench/peers/line-protocol.ts";
import { provide } from "../../bench/peers/packages.ts";
import { peerSecret, signToken } from "../../bench/peers/token.ts";
import { fc } from "../support/property.ts";

/** Any text, with what means something in a line more often than chance would bring it. */
const anyText = fc.string({
  unit: fc.oneof(fc.constantFrom(..."\\\"',= \n\r\u001e\u001f"), fc.string({ maxLength: 1 })),
});

const flat = (text: string) => text.replaceAll(/[\r\n\u001e\u001f]/g, " ");

test("an event is a point: few names as tags, the rest as text", () => {
  const event = { event_name: "cart changed", properties: { sku: 'a "b"' }, session_id: "s-1", referrer: null };
  expect(pointOf(event, "web-1")).toBe(
    `events,event_name=cart\\ changed,category=user_action,priority=medium properties="{\\"sku\\":\\"a \\\\\\"b\\\\\\"\\"}",session_id="s-1",client_id="web-1" ${timestampPlace}`,
  );
});

test("a batch is one line of as many points as it has events, each with a place for its time", () => {
  const batch = { events: [{ event_name: "a" }, { event_name: "b" }, { event_name: "c" }], client_id: "web-2" };
  const points = linesOfBody(batch).split(pointEnd);
  expect(points.map((point) => point.endsWith(` ${timestampPlace}`))).toEqual([true, true, true]);
  expect(points.every((point) => point.includes('client_id="web-2"'))).toBe(true);
  expect(linesOfBody({ event_name: "alone" })).toBe(pointOf({ event_name: "alone" }, null));
});

test("a field's text comes back from its quotes, whatever is in it but the ends of lines", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const quoted = fieldText(text);
      expect(quoted).toMatch(/^"(?:[^"\\]|\\["\\])*"$/s);
      expect(quoted.slice(1, -1).replaceAll(/\\(["\\])/g, "$1")).toBe(flat(text));
    }),
  );
});

test("a tag never ends before its value does", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const value = tagValue(text);
      expect(value).toMatch(/^(?:[^\\,= \n]|\\[,= ])*$/s);
      expect(value.replaceAll(/\\([,= ])/g, "$1")).toBe(flat(text).replaceAll("\\", "/"));
    }),
  );
});

test("no event takes more than one line of a file of bodies, nor brings a place of its own", () => {
  fc.assert(
    fc.property(anyText, anyText, fc.dictionary(fc.string(), fc.jsonValue()), (name, text, properties) => {
      const body = linesOfBody({ event_name: name, page_url: text, properties });
      expect(body.split(timestampPlace)).toHaveLength(2);
      expect(body).not.toMatch(/[\n\u001e]/);
    }),
  );
});

test("a count of InfluxDB is read, none is nought, and anything else is an error", () => {
  const counted = { columns: ["time", "count"], name: "events", values: [["1970-01-01T00:00:00Z", 175_432]] };
  expect(countIn({ results: [{ series: [counted], statement_id: 0 }] })).toBe(175_432);
  expect(countIn({ results: [{ statement_id: 0 }] })).toBe(0);
  expect(() => countIn({ message: "no" })).toThrow("not a count");
});

test("a peer's token is HS256 over the shared key, and ends", () => {
  const [head = "", claims = "", signature = ""] = signToken(1_700_000_000_000).split(".");
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString());
  expect(read(head)).toEqual({ alg: "HS256", typ: "JWT" });
  expect(read(claims)).toEqual({ sub: "bench", iat: 1_700_000_000, exp: 1_700_086_400 });
  expect(signature).toBe(createHmac("sha256", peerSecret).update(`${head}.${claims}`).digest("base64url"));
});

test("a program that is there is not installed, and tells its version", async () => {
  const program = { probe: ["sh", "-c", "echo seven 7.1"], packages: ["none"], units: [] };
  const told: string[] = [];
  const { signal } = new AbortController();
  expect(await provide(program, { progress: (line) => told.push(line), signal })).toEqual({
    kind: "there",
    printed: "seven 7.1",
  });
  expect(told).toEqual([]);
});
