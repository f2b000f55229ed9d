/** What was sent in `properties` comes back from the catalog with the digits, keys and characters that it had. */
import { expect, setDefaultTimeout, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { propertiesText } from "../support/arbitraries.ts";
import { canonicalJson } from "../support/json.ts";
import { draws, fc } from "../support/property.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

/** Sends each text as one event's properties, in one batch, and reads all of them back once they are sealed. */
async function roundTrip(texts: readonly string[]): Promise<string[]> {
  const client = randomUUID();
  const events = texts.map((text, at) => `{"event_name":"p","session_id":"${at}","properties":${text}}`);
  const response = await service().post(paths.batch, `{"events":[${events.join(",")}],"client_id":"${client}"}`);
  expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT properties::VARCHAR AS text FROM events WHERE client_id = '${client}' ORDER BY session_id::INT`,
  );
  return rows.map(({ text }) => String(text));
}

const numbers = [
  "0",
  "-0",
  "1",
  "1.0",
  "1.50",
  "9007199254740993",
  "-9007199254740993",
  "18446744073709551616",
  "123456789012345678901234567890",
  "0.1e-7",
  "1e400",
  "-1E+400",
  "1e-400",
  "1E2",
  "0.30000000000000004440892098500626",
  "-0.0",
  "0.00001",
  "0.000001",
  "0.0000001",
  "5e-324",
  "1e21",
  "1E-2",
  "100000000000000000000",
  "1.7976931348623157e308",
  "1.5",
];

test("numbers keep their digits, alone, in lists and deep inside", async () => {
  const texts = numbers.flatMap((number) => [`{"n":${number}}`, `{"a":[${number},{"b":{"c":[[${number}]]}}]}`]);
  expect((await roundTrip(texts)).map(canonicalJson)).toEqual(texts.map(canonicalJson));
});

test("numbers keep their digits in an event sent alone too", async () => {
  const text = `{${numbers.map((number, at) => `"n${at}":${number}`).join(",")}}`;
  const { event_id } = await service().track(`{"event_name":"alone","properties":${text}}`);
  await service().waitSealed();
  const [row] = await service().rows(`SELECT properties::VARCHAR AS text FROM events WHERE event_id = '${event_id}'`);
  expect(canonicalJson(String(row?.["text"]))).toBe(canonicalJson(text));
});

test.each([
  ["__proto__ is a key like any other", '{"__proto__":{"x":1},"constructor":{"prototype":1},"a":{"__proto__":null}}'],
  ["a key may be empty, a dot, a dollar, a digit", '{"":1,".":2,"$":3,"0":4,"a b":5,"\\"":6,"\\\\":7}'],
  ["U+0000 stands in keys and values", '{"a\\u0000b":"\\u0000","c":["x\\u0000y"]}'],
  [
    "strings hold every control character",
    `{"s":${JSON.stringify(Array.from({ length: 32 }, (_, c) => String.fromCharCode(c)).join(""))}}`,
  ],
  [
    "strings hold emoji, BOM, line separators, the last code point",
    '{"s":"😀\u{10ffff}\ufeff\u2028\u2029\\ud83d\\ude00"}',
  ],
  ["empty things stay empty", '{"o":{},"l":[],"s":"","n":null,"lo":[{}],"ll":[[]]}'],
  ["an empty object is not null", "{}"],
  ["text that looks like JSON stays text", '{"s":"{\\"a\\":1}","n":"1.0","t":"true"}'],
  ["white space between tokens does not matter", '\n{\t"a" : [ 1.0 ,\r\n 2 ] }'],
])("%s", async (_promise, text) => {
  expect((await roundTrip([text])).map(canonicalJson)).toEqual([canonicalJson(text)]);
});

test("64 levels come back", async () => {
  const lists = `{"a":${"[".repeat(63)}1.0${"]".repeat(63)}}`;
  const objects = `${'{"a":'.repeat(64)}1.0${"}".repeat(64)}`;
  expect((await roundTrip([lists, objects])).map(canonicalJson)).toEqual([lists, objects].map(canonicalJson));
});

test("properties of null are null, not a JSON null", async () => {
  const { event_id } = await service().track({ event_name: "null", properties: null });
  await service().waitSealed();
  expect(await service().count(`event_id = '${event_id}' AND properties IS NULL`)).toBe(1);
});

test("properties answer to DuckDB's JSON functions", async () => {
  const { event_id } = await service().track({ event_name: "json", properties: { a: { b: [10, "x", true] } } });
  await service().waitSealed();
  const rows = await service().rows(
    `SELECT (properties->'$.a.b[0]')::INT AS n, properties->>'$.a.b[1]' AS s, json_type(properties, '$.a') AS t
     FROM events WHERE event_id = '${event_id}'`,
  );
  expect(rows).toEqual([{ n: 10, s: "x", t: "OBJECT" }]);
});

test("any properties come back as they were sent", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(propertiesText, { minLength: 50, maxLength: 100, size: "max" }), async (texts) => {
      expect((await roundTrip(texts)).map(canonicalJson)).toEqual(texts.map(canonicalJson));
    }),
    draws(15, { withinMs: 15_000 }),
  );
});
