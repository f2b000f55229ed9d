/** What a row says is kept, and what is wrong with it is told: the same in every format. */
import { expect, test } from "bun:test";
import { importedLine } from "../../src/event/line/imported.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { ContentIds } from "../../src/import/content-ids.ts";
import { checked, place, rowsOf, written } from "./files.ts";

type Files = ReturnType<typeof place>;
type Extra = "refuse" | "properties" | "ignore";

/** The lines of a file's rows, as values. */
async function linesOf(path: string, extra: Extra = "refuse"): Promise<unknown[]> {
  const context = {
    now: timestampOfMs(0),
    extra,
    makeId: () => "00000000-0000-8000-8000-000000000000",
    schemas: undefined,
  };
  return (await rowsOf(path)).map((row) => {
    const line = row.ok ? importedLine(row, context) : { ok: false as const, problems: [row.problem] };
    return line.ok ? JSON.parse(line.row.line) : line.problems;
  });
}

async function parquet(files: Files, select: string): Promise<string> {
  const path = `${files.path}/a.parquet`;
  await written(`COPY (${select}) TO '${path}' (FORMAT parquet)`);
  return path;
}

const times = [
  ["1700000000", "2023-11-14T22:13:20.000000Z"],
  ["1700000000.123456", "2023-11-14T22:13:20.123456Z"],
  ["20000000000", "2603-10-11T11:33:20.000000Z"],
  ["20000000001", "1970-08-20T11:33:20.001000Z"],
  ["1700000000123", "2023-11-14T22:13:20.123000Z"],
  ["-1.5", "1969-12-31T23:59:58.500000Z"],
] as const;

test("times as numbers are seconds up to 2e10 and milliseconds past that, in CSV, JSON and Parquet alike", async () => {
  using files = place();
  const wanted = times.map(([, text]) => ({ timestamp: text, received_at: text }));
  const numbers = times.map(([number]) => number);
  const csv = files.file("a.csv", `event_name,timestamp\n${numbers.map((each) => `x,${each}\n`).join("")}`);
  const json = files.file("a.ndjson", numbers.map((each) => `{"event_name":"x","timestamp":${each}}\n`).join(""));
  const table = await parquet(files, `SELECT 'x' AS event_name, unnest([${numbers.join("::DOUBLE, ")}]) AS timestamp`);
  for (const path of [csv, json, table]) expect(await linesOf(path)).toMatchObject(wanted);
  const integers = await parquet(files, "SELECT 'x' AS event_name, unnest([1700000000, 1700000000123]) AS timestamp");
  expect(await linesOf(integers)).toMatchObject([{ timestamp: times[0][1] }, { timestamp: times[4][1] }]);
});

test.each([
  ["2024-02-03 04:05:06.789+00", "2024-02-03T04:05:06.789000Z"],
  ["2024-02-03 04:05:06-08", "2024-02-03T12:05:06.000000Z"],
  ["2024-02-03 04:05:06.5 UTC", "2024-02-03T04:05:06.500000Z"],
  ["2024-02-03T04:05:06", "2024-02-03T04:05:06.000000Z"],
  ["2024-02-03", "2024-02-03T00:00:00.000000Z"],
])("the time %s is read", async (text, wanted) => {
  using files = place();
  const csv = files.file("a.csv", `event_name,timestamp,received_at\nx,${text},${text}\n`);
  expect(await linesOf(csv)).toMatchObject([{ timestamp: wanted, received_at: wanted }]);
});

test("Parquet's types of time are kept to the microsecond, and what is no time is told with its column", async () => {
  using files = place();
  const path = await parquet(
    files,
    `SELECT 'x' AS event_name, unnest([TIMESTAMP_NS '1969-12-31 23:59:59.999999999', NULL]) AS timestamp`,
  );
  expect(await linesOf(path)).toMatchObject([
    { timestamp: "1969-12-31T23:59:59.999999Z" },
    { timestamp: "1970-01-01T00:00:00.000000Z" },
  ]);
  for (const [type, value, wanted] of [
    ["TIMESTAMP", "2024-01-02 03:04:05.123456", "2024-01-02T03:04:05.123456Z"],
    ["TIMESTAMPTZ", "2024-01-02 03:04:05.5+02", "2024-01-02T01:04:05.500000Z"],
    ["TIMESTAMP_MS", "2024-01-02 03:04:05.123", "2024-01-02T03:04:05.123000Z"],
    ["TIMESTAMP_S", "2024-01-02 03:04:05", "2024-01-02T03:04:05.000000Z"],
    ["DATE", "2024-01-02", "2024-01-02T00:00:00.000000Z"],
  ] as const)
    expect(
      await linesOf(await parquet(files, `SELECT 'x' AS event_name, ${type} '${value}' AS timestamp`)),
    ).toMatchObject([{ timestamp: wanted }]);
  const infinite = await parquet(files, "SELECT 'x' AS event_name, TIMESTAMP 'infinity' AS timestamp");
  expect(await checked([infinite])).toContain("a.parquet, row 1: timestamp: infinity is not a time");
});

test("an empty string of Parquet is absent where it means nothing, and stays where the column is a string", async () => {
  using files = place();
  const empty = ["category", "priority", "timestamp", "received_at", "event_id", "properties", "session_id"];
  const select = `SELECT 'x' AS event_name, ${empty.map((name) => `'' AS ${name}`).join(", ")}`;
  const [row] = await linesOf(await parquet(files, select));
  expect(row).toMatchObject({ category: "user_action", priority: "medium", session_id: "" });
  expect(row).toMatchObject({ timestamp: "1970-01-01T00:00:00.000000Z" });
  expect(row).not.toHaveProperty("properties");
  expect(await checked([await parquet(files, "SELECT '' AS event_name")])).toContain(
    "row 1: event_name: String should",
  );
});

test("STRUCT, MAP and LIST of Parquet become JSON with all of their digits, and strings without the UTF-8 mark are strings", async () => {
  using files = place();
  const path = await parquet(
    files,
    `SELECT 'na\\xC3\\xAFve'::BLOB AS event_name, 42 AS session_id, uuid '01a20919-3612-70a9-873d-3af1a245a664' AS event_id,
      {'d': 1.50::DECIMAL(30,2), 'big': 12345678901234567890.1234567890::DECIMAL(38,10), 'i': 9007199254740993, 'f': 0.1::FLOAT, 'h': 1e300,
       'l': [{'b': 'na\\xC3\\xAFve'::BLOB}], 'm': MAP {'k': NULL, '__proto__': 1}, 't': TIMESTAMP '2024-01-02 03:04:05', 'j': '{"z":1.0}'::JSON} AS properties`,
  );
  const [row] = await rowsOf(path);
  expect(row?.ok === true ? JSON.stringify(row.exact) : row).toBe(
    '{"event_name":"naïve","session_id":"42","event_id":"01a20919-3612-70a9-873d-3af1a245a664","properties":{"d":1.50,"big":12345678901234567890.1234567890,"i":9007199254740993,"f":0.1,"h":1e+300,"l":[{"b":"naïve"}],"m":{"k":null,"__proto__":1},"t":"2024-01-02T03:04:05.000000Z","j":{"z":1.0}}}',
  );
  const map = await parquet(
    files,
    "SELECT 'x' AS event_name, MAP {'a': 1, 'b': 2} AS properties, MAP {1: 'x'} AS more",
  );
  expect(await linesOf(map, "properties")).toMatchObject([{ properties: { a: 1, b: 2, more: { 1: "x" } } }]);
});

test("a first U+FEFF of a string of Parquet is kept: in columns, in bytes, in extra columns, and at any depth", async () => {
  using files = place();
  const mark = "\ufeff";
  const path = await parquet(
    files,
    `SELECT '${mark}' AS event_name, encode('${mark}s') AS session_id, '${mark}${mark}a page past twelve bytes' AS page_url,
      {'k': '${mark}v', '${mark}z': ['${mark}', NULL], 'b': encode('${mark}b'), 'j': '{"${mark}j":"${mark}"}'::JSON,
       'm': MAP {'${mark}k': {'e': '${mark}e'::ENUM ('${mark}e')}}} AS properties, '${mark}x' AS "${mark}more"`,
  );
  const [row] = await linesOf(path, "properties");
  expect(row).toMatchObject({
    event_name: mark,
    session_id: `${mark}s`,
    page_url: `${mark}${mark}a page past twelve bytes`,
  });
  expect(row).toHaveProperty("properties", {
    k: `${mark}v`,
    [`${mark}z`]: [mark, null],
    b: `${mark}b`,
    j: { [`${mark}j`]: mark },
    m: { [`${mark}k`]: { e: `${mark}e` } },
    [`${mark}more`]: `${mark}x`,
  });
});

test("a byte order mark before JSON that a string holds is skipped, in Parquet and in JSON alike", async () => {
  using files = place();
  const text = '\ufeff{"n":1.50}';
  const table = await parquet(files, `SELECT 'x' AS event_name, '${text}' AS properties`);
  const json = files.file("a.ndjson", JSON.stringify({ event_name: "x", properties: text }));
  for (const path of [table, json]) expect(await linesOf(path)).toMatchObject([{ properties: '{"n":1.50}' }]);
});

test("bytes that are no UTF-8, NaN and numbers in a column of strings are bad rows of a Parquet file", async () => {
  using files = place();
  for (const [column, message] of [
    ["'\\xFF'::BLOB AS session_id", "a.parquet, row 1: session_id: the bytes are not UTF-8"],
    ["{'b': ['\\xFF'::BLOB]} AS properties", "a.parquet, row 1: properties: the bytes are not UTF-8"],
    ["{'n': 'nan'::DOUBLE} AS properties", "a.parquet, row 1: properties: NaN has no place in JSON"],
    ["1.5 AS session_id", "a.parquet, row 1: session_id: Input should be a valid string"],
    ["[1] AS properties", "a.parquet, row 1: properties: Input should be a valid dictionary"],
    ["TIME '01:02:03' AS timestamp", "a.parquet, row 1: timestamp: Input should be a valid datetime"],
  ] as const)
    expect(await checked([await parquet(files, `SELECT 'x' AS event_name, ${column}`)])).toContain(message);
});

test.each([
  ["timestamp", "03/10/2024 12:00", "Input should be a valid datetime or date, invalid character in year"],
  ["received_at", "yesterday", "Input should be a valid datetime or date, input is too short"],
  ["category", "nonsense", "Input should be 'page_view'"],
  ["priority", "urgent", "Input should be 'low'"],
  ["event_id", "7", "Input should be a valid UUID"],
  ["properties", "[1]", "Input should be a valid dictionary"],
  ["properties", "{x}", "not JSON: "],
  ["event_name", "x".repeat(101), "String should have at most 100 characters"],
])("a bad %s is told with file, row, column and value, the same in each format", async (column, value, message) => {
  using files = place();
  const name = column === "event_name" ? {} : { event_name: "x" };
  const row = { ...name, [column]: value };
  const csv = files.file("a.csv", `${Object.keys(row).join()}\n${Object.values(row).join()}\n`);
  const json = files.file("a.ndjson", JSON.stringify(row));
  const table = await parquet(files, `SELECT ${Object.entries(row).map(([key, text]) => `'${text}' AS ${key}`)}`);
  for (const [path, file] of [
    [csv, "a.csv"],
    [json, "a.ndjson"],
    [table, "a.parquet"],
  ] as const)
    expect(await checked([path])).toContain(`${file}, row 1: ${column}: ${message}`);
});

test("columns that events do not have are listed by name, empty ones too, with what can be done", async () => {
  using files = place();
  const csv = files.file("a.csv", "event_name,distinct_id,country\nx,,\n");
  const json = files.file("b.ndjson", '{"event_name":"x"}\n{"event_name":"x","utm":null}\n');
  const table = await parquet(files, "SELECT 'x' AS event_name, NULL::INTEGER AS score");
  expect(await checked([csv, json, table])).toBe(
    [
      'a.csv: columns that events do not have: "distinct_id", "country"',
      'b.ndjson: columns that events do not have: "utm"',
      'a.parquet: columns that events do not have: "score"',
      "nothing was imported",
    ]
      .map((line) =>
        line.includes("columns")
          ? `${line}; --extra properties puts them into properties, --extra ignore leaves them out`
          : line,
      )
      .join("\n"),
  );
  expect(await checked([csv, json, table], { extra: "ignore" })).toEqual({ rows: 4, bad: 0 });
});

test("--extra properties puts them beside what is there, with their digits, and refuses to replace anything", async () => {
  using files = place();
  const csv = files.file("a.csv", 'event_name,properties,country,__proto__\nx,"{""a"":1.50}",DE,y\n');
  expect(await linesOf(csv, "properties")).toMatchObject([{ properties: '{"a":1.50,"country":"DE","__proto__":"y"}' }]);
  const json = files.file(
    "a.ndjson",
    '{"event_name":"x","score":1.50}\n{"event_name":"x","score":[9007199254740993]}\n',
  );
  expect(await linesOf(json, "properties")).toMatchObject([
    { properties: '{"score":1.50}' },
    { properties: '{"score":[9007199254740993]}' },
  ]);
  const twice = files.file("b.ndjson", '{"event_name":"x","properties":{"score":1},"score":2}\n');
  expect(await checked([twice], { extra: "properties" })).toContain('properties has "score" already');
});

test("twenty bad rows are told one by one, and the others are counted", async () => {
  using files = place();
  const outcome = await checked([files.file("a.ndjson", '{"event_name":""}\n'.repeat(1_000))]);
  expect(outcome).toContain("a.ndjson, row 20: event_name");
  expect(outcome).toContain("and 980 more bad rows");
});

test("ids from content: equal rows of a file differ, the order of rows and columns does not matter, names do", () => {
  const idsOf = (source: string, rows: unknown[], ids = new ContentIds()) => rows.map((row) => ids.next(source, row));
  const [x, y] = [{ event_name: "x", n: 1 }, { event_name: "y" }];
  const first = idsOf("a.csv", [x, x, y]);
  expect(new Set(first).size).toBe(3);
  expect(new Set(idsOf("a.csv", [y, { n: 1, event_name: "x" }, x]))).toEqual(new Set(first));
  expect(idsOf("a.csv", [{ event_name: "new" }, x, x, y]).slice(1)).toEqual(first);
  expect(new Set([...first, ...idsOf("b.csv", [x, x, y])]).size).toBe(6);
  const many = Array.from({ length: 200_000 }, (_, index) => ({ index: index % 150_000 }));
  const all = idsOf("a.csv", many);
  expect(new Set(all).size).toBe(200_000);
  expect(idsOf("a.csv", many)).toEqual(all);
});
