/** JSON is told into rows in each of its forms, with its digits, and a row that is none is told. */
import { expect, test } from "bun:test";
import { checked, place, rowsOf, valuesOf } from "./files.ts";

const events = [
  { event_name: "a", properties: { text: 'br{ack]ets "quoted" \\ \u2028', list: [[1], { x: {} }] } },
  { event_name: "b" },
  { event_name: "c", properties: null },
];

test.each([
  ["lines", events.map((event) => JSON.stringify(event)).join("\n")],
  [
    "lines that end in CRLF, some of them blank",
    `\r\n${events.map((event) => JSON.stringify(event)).join("\r\n \r\n")}\r\n`,
  ],
  ["an array in one line", JSON.stringify(events)],
  ["a pretty array", JSON.stringify(events, undefined, 2)],
  ["a value a line in an array", `[\n${events.map((event) => JSON.stringify(event)).join(",\n")}\n]\n`],
  ["pretty values one after another", events.map((event) => JSON.stringify(event, undefined, 2)).join("\n")],
  ["lines behind a byte order mark", `\ufeff${events.map((event) => JSON.stringify(event)).join("\n")}\n`],
])("%s", async (_, text) => {
  using files = place();
  expect(await valuesOf(files.file("a.json", text))).toEqual(events);
});

test("an array and a file without a value have no rows", async () => {
  using files = place();
  expect(await valuesOf(files.file("a.json", " [\n]\n"))).toEqual([]);
  expect(await valuesOf(files.file("b.ndjson", "\n"))).toEqual([]);
});

test("rows keep their digits, in an array too", async () => {
  using files = place();
  const [row] = await rowsOf(
    files.file("a.json", '[{"event_name":"a","properties":{"n":1.50,"big":9007199254740993}}]'),
  );
  expect(JSON.stringify(row?.ok === true ? row.exact : row)).toContain('{"n":1.50,"big":9007199254740993}');
});

test.each([
  [
    "a.ndjson",
    '{"event_name":"fine"}\n{"event_name":\n{"event_name":"fine"}\n',
    "a.ndjson, row 2: not JSON: Expecting value",
  ],
  ["a.ndjson", '{"event_name":\n{"event_name":"fine"}\n', "a.ndjson, row 1: not JSON"],
  ["a.ndjson", '{"event_name":"fine"}\n7\n', "a.ndjson, row 2: Input should be a valid dictionary or object"],
  ["a.ndjson", '{"event_name":"fine"}\n\nnull\n', "a.ndjson, row 2: is null (line 3)"],
  ["a.json", '[{"event_name":"fine"},\n{"event_name":}]', "a.json, row 2: not JSON: Expecting value at character 14"],
  ["a.json", '[{"event_name":"fine"},\n"x, y", 3]', "a.json, row 2: Input should be a valid dictionary or object"],
  [
    "a.json",
    '[{"event_name":"fine"}\n{"event_name":"b"}]',
    "a.json: line 2, after row 1: a comma or a closing bracket is expected",
  ],
  [
    "a.json",
    '[{"event_name":"fine"},\n{"event_name":"b"}',
    "a.json: line 2, after row 2: the end of the array is expected",
  ],
  ["a.json", '[{"event_name":"fine"},]', "a.json: line 1, after row 1: a value is expected"],
  ["a.json", '[{"event_name":"fine"}] x', "a.json: line 1, after row 1: the end of the file is expected"],
  [
    "a.json",
    '[{"event_name":"fine", "properties":{"a":"',
    "a.json: line 1, after row 0: the end of the value that begins in line 1",
  ],
  ["a.ndjson", '{"event_name":"\\ud800"}\n', "a.ndjson, row 1: not JSON"],
  [
    "a.ndjson",
    `{"event_name":"deep","properties":${'{"a":'.repeat(66)}1${"}".repeat(66)}}\n`,
    "row 1: properties: not JSON: Nested deeper than 64 levels",
  ],
])("%s of %j is refused", async (name, text, message) => {
  using files = place();
  const outcome = await checked([files.file(name, text)]);
  expect(outcome).toBeString();
  expect(outcome).toContain(message);
});

test("a line of 16 MB takes no longer than its bytes in short lines do, by far not their square", async () => {
  using files = place();
  const long = files.file("long.ndjson", `{"event_name":"long","page_url":"${"x".repeat(16_000_000)}"}\n`);
  const short = files.file("short.ndjson", `{"event_name":"short","page_url":"${"x".repeat(1_000)}"}\n`.repeat(16_000));
  const timed = async (path: string) => {
    const startMs = performance.now();
    await rowsOf(path);
    return performance.now() - startMs;
  };
  await timed(short);
  // The square took 32 s, a hundred times as long as short lines.
  expect(await timed(long)).toBeLessThan(20 * (await timed(short)) + 500);
});
