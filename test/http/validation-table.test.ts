/**
 * 422 as pydantic gives it. Each expectation was taken from FastAPI 0.142 with pydantic 2.13 and the reference's
 * models, answered for the same body.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Issue, shaped, validationAnswer } from "../support/answers.ts";
import { paths, sharedService, testMsMax } from "../support/service.ts";

setDefaultTimeout(testMsMax);

const service = sharedService();

const categoryList = "'page_view', 'user_action', 'trading', 'auth', 'error', 'performance', 'feature' or 'system'";
const priorityList = "'low', 'medium', 'high' or 'critical'";

/** An issue without its place. */
type Kind = Omit<Issue, "loc">;

const missing = (input: unknown): Kind => ({ type: "missing", msg: "Field required", input });
const stringType = (input: unknown): Kind => ({ type: "string_type", msg: "Input should be a valid string", input });
const dictType = (input: unknown): Kind => ({ type: "dict_type", msg: "Input should be a valid dictionary", input });
const listType = (input: unknown): Kind => ({ type: "list_type", msg: "Input should be a valid list", input });
const datetimeType = (input: unknown): Kind => ({
  type: "datetime_type",
  msg: "Input should be a valid datetime",
  input,
});
const uuidType = (input: unknown): Kind => ({
  type: "uuid_type",
  msg: "UUID input should be a string, bytes or UUID object",
  input,
});
const modelType = (input: unknown): Kind => ({
  type: "model_attributes_type",
  msg: "Input should be a valid dictionary or object to extract fields from",
  input,
});
const notIn = (expected: string, input: unknown): Kind => ({
  type: "enum",
  msg: `Input should be ${expected}`,
  input,
  ctx: { expected },
});
const tooShort: Kind = {
  type: "string_too_short",
  msg: "String should have at least 1 character",
  input: "",
  ctx: { min_length: 1 },
};
const tooLong = (input: string): Kind => ({
  type: "string_too_long",
  msg: "String should have at most 100 characters",
  input,
  ctx: { max_length: 100 },
});
const emptyList: Kind = {
  type: "too_short",
  msg: "List should have at least 1 item after validation, not 0",
  input: [],
  ctx: { field_type: "List", min_length: 1, actual_length: 0 },
};
const dateParsing = (input: string, error: string): Kind => ({
  type: "datetime_from_date_parsing",
  msg: `Input should be a valid datetime or date, ${error}`,
  input,
  ctx: { error },
});
const uuidParsing = (input: string, error: string): Kind => ({
  type: "uuid_parsing",
  msg: `Input should be a valid UUID, ${error}`,
  input,
  ctx: { error },
});

/**
 * A character that no UUID has. The sentence is the uuid crate's, and grew shorter between pydantic's releases: FastAPI
 * 0.142 with pydantic 2.13 leaves out what earlier ones put in the middle.
 */
const uuidCharacter = (input: string, found: string): Kind => {
  const middle = "(expected an optional prefix of `urn:uuid:` followed by \\[0-9a-fA-F-\\], )?";
  return {
    type: "uuid_parsing",
    msg: expect.stringMatching(new RegExp(`^Input should be a valid UUID, invalid character: ${middle}${found}$`)),
    input,
    ctx: { error: expect.stringMatching(new RegExp(`^invalid character: ${middle}${found}$`)) },
  };
};

async function issuesOf(path: string, body: object | string): Promise<Issue[]> {
  const response = await service().post(path, body);
  const text = await response.text();
  expect({ status: response.status, text }).toMatchObject({ status: 422 });
  expect(response.headers.get("content-type")).toStartWith("application/json");
  return shaped(validationAnswer, JSON.parse(text)).detail;
}

/** What one field may not hold: a name for it, the value, the issue. */
const fields: Record<string, readonly (readonly [what: string, value: unknown, issue: Kind])[]> = {
  event_name: [
    ["null", null, stringType(null)],
    ["a number", 5, stringType(5)],
    ["an object", { a: 1 }, stringType({ a: 1 })],
    ["an empty string", "", tooShort],
    ["101 characters", "x".repeat(101), tooLong("x".repeat(101))],
    ["101 code points", "😀".repeat(101), tooLong("😀".repeat(101))],
  ],
  category: [
    ["another word", "x", notIn(categoryList, "x")],
    ["null", null, notIn(categoryList, null)],
    ["a number", 5, notIn(categoryList, 5)],
    ["a list", ["auth"], notIn(categoryList, ["auth"])],
    ["a known word in capitals", "AUTH", notIn(categoryList, "AUTH")],
  ],
  priority: [
    ["another word", "urgent", notIn(priorityList, "urgent")],
    ["null", null, notIn(priorityList, null)],
    ["a boolean", true, notIn(priorityList, true)],
  ],
  properties: [
    ["a list", [], dictType([])],
    ["a string", "s", dictType("s")],
    ["a number", 5, dictType(5)],
    ["a boolean", false, dictType(false)],
  ],
  timestamp: [
    ["a boolean", true, datetimeType(true)],
    ["an object", {}, datetimeType({})],
    ["a list", [], datetimeType([])],
    ["an empty string", "", dateParsing("", "input is too short")],
    ["a word", "yesterday", dateParsing("yesterday", "input is too short")],
    ["a sentence", "not a timestamp at all", dateParsing("not a timestamp at all", "invalid character in year")],
    ["month 13", "2024-13-01", dateParsing("2024-13-01", "month value is outside expected range of 1-12")],
    ["30 February", "2024-02-30T00:00:00Z", dateParsing("2024-02-30T00:00:00Z", "day value is outside expected range")],
    ["29 February 2023", "2023-02-29", dateParsing("2023-02-29", "day value is outside expected range")],
    ["slashes", "2024/01/01T00:00:00Z", dateParsing("2024/01/01T00:00:00Z", "invalid date separator, expected `-`")],
    ["a month of one digit", "2024-1-1T00:00:00Z", dateParsing("2024-1-1T00:00:00Z", "invalid character in month")],
    [
      "hour 25",
      "2024-01-01T25:00:00Z",
      dateParsing("2024-01-01T25:00:00Z", "unexpected extra characters at the end of the input"),
    ],
    [
      "something after it",
      "2024-01-01T00:00:00x",
      dateParsing("2024-01-01T00:00:00x", "unexpected extra characters at the end of the input"),
    ],
  ],
  session_id: [["a number", 1, stringType(1)]],
  page_url: [["an object", {}, stringType({})]],
  referrer: [["a list", ["r"], stringType(["r"])]],
  user_agent: [["a boolean", true, stringType(true)]],
  user_id: [["a number", 7, stringType(7)]],
  anonymous_id: [["an object", {}, stringType({})]],
  event_id: [
    ["a number", 5, uuidType(5)],
    ["a boolean", true, uuidType(true)],
    ["an object", {}, uuidType({})],
    ["a list", [], uuidType([])],
    ["an empty string", "", uuidParsing("", "invalid length: expected length 32 for simple format, found 0")],
    ["a word", "not-a-uuid", uuidCharacter("not-a-uuid", "found `n` at 1")],
    [
      "31 digits",
      "0190163d8694739baea5966c26f8ad9",
      uuidParsing("0190163d8694739baea5966c26f8ad9", "invalid length: expected length 32 for simple format, found 31"),
    ],
    [
      "a last group of 11",
      "0190163d-8694-739b-aea5-966c26f8ad9",
      uuidParsing("0190163d-8694-739b-aea5-966c26f8ad9", "invalid group length in group 4: expected 12, found 11"),
    ],
    [
      "four groups",
      "0190163d-8694-739b-aea5966c26f8ad90",
      uuidParsing("0190163d-8694-739b-aea5966c26f8ad90", "invalid group count: expected 5, found 4"),
    ],
    [
      "a g",
      "0190163d-8694-739b-aea5-966c26f8ad9g",
      uuidCharacter("0190163d-8694-739b-aea5-966c26f8ad9g", "found `g` at 36"),
    ],
  ],
};

describe("a field that holds what it may not", () => {
  const table = Object.entries(fields).flatMap(([field, cases]) => cases.map((rest) => [field, ...rest] as const));
  test.each(table)("%s: %s", async (field, _what, value, kind) => {
    const event = { event_name: "a", [field]: value };
    expect(await issuesOf(paths.track, event)).toEqual([{ ...kind, loc: ["body", field] }]);
    expect(await issuesOf(paths.batch, { events: [{ event_name: "ok" }, event] })).toEqual([
      { ...kind, loc: ["body", "events", 1, field] },
    ]);
  });

  test("a number past year 9999 is no datetime", async () => {
    for (const timestamp of [1e15, -1e15, 1e300]) {
      const [issue, ...more] = await issuesOf(paths.track, { event_name: "a", timestamp });
      expect(issue).toMatchObject({ loc: ["body", "timestamp"], input: timestamp });
      expect(issue?.type).toMatch(/^datetime_(from_date_)?parsing$/);
      expect(more).toEqual([]);
    }
  });
});

describe("a body that is no event", () => {
  test.each<[string, string, Issue]>([
    ["an object without event_name", "{}", { ...missing({}), loc: ["body", "event_name"] }],
    ["a list", "[]", { ...modelType([]), loc: ["body"] }],
    ["a string", '"x"', { ...modelType("x"), loc: ["body"] }],
    ["a number", "5", { ...modelType(5), loc: ["body"] }],
    ["a boolean", "true", { ...modelType(true), loc: ["body"] }],
    ["null, which FastAPI takes for no body", "null", { ...missing(null), loc: ["body"] }],
    ["nothing at all", "", { ...missing(null), loc: ["body"] }],
  ])("%s", async (_what, body, issue) => {
    expect(await issuesOf(paths.track, body)).toEqual([issue]);
  });
});

describe("a body that is no batch", () => {
  test.each<[string, object | string, Issue[]]>([
    ["an object without events", {}, [{ ...missing({}), loc: ["body", "events"] }]],
    ["a list", [], [{ ...modelType([]), loc: ["body"] }]],
    ["events of null", { events: null }, [{ ...listType(null), loc: ["body", "events"] }]],
    ["events as an object", { events: {} }, [{ ...listType({}), loc: ["body", "events"] }]],
    ["events as a string", { events: "x" }, [{ ...listType("x"), loc: ["body", "events"] }]],
    ["no events", { events: [] }, [{ ...emptyList, loc: ["body", "events"] }]],
    [
      "a client_id that is a number, beside no events",
      { events: [], client_id: 5 },
      [
        { ...emptyList, loc: ["body", "events"] },
        { ...stringType(5), loc: ["body", "client_id"] },
      ],
    ],
    [
      "events that are no objects",
      { events: [null, "x", [], 1, {}] },
      [
        { ...modelType(null), loc: ["body", "events", 0] },
        { ...modelType("x"), loc: ["body", "events", 1] },
        { ...modelType([]), loc: ["body", "events", 2] },
        { ...modelType(1), loc: ["body", "events", 3] },
        { ...missing({}), loc: ["body", "events", 4, "event_name"] },
      ],
    ],
  ])("%s", async (_what, body, issues) => {
    expect(await issuesOf(paths.batch, body)).toEqual(issues);
  });

  test("101 events", async () => {
    const [first, ...more] = await issuesOf(paths.batch, { events: Array(101).fill({ event_name: "" }), client_id: 5 });
    expect(first).toMatchObject({
      type: "too_long",
      loc: ["body", "events"],
      msg: "List should have at most 100 items after validation, not 101",
      ctx: { field_type: "List", max_length: 100, actual_length: 101 },
    });
    expect(more).toEqual([{ ...stringType(5), loc: ["body", "client_id"] }]);
  });
});

test("all errors of an event come at once, in the order of its fields", async () => {
  const event = {
    event_id: "x",
    anonymous_id: 3,
    user_id: 2,
    user_agent: true,
    referrer: [],
    page_url: {},
    session_id: 1,
    timestamp: "no",
    properties: [],
    priority: "y",
    category: "x",
    event_name: true,
  };
  expect(await issuesOf(paths.track, event)).toEqual([
    { ...stringType(true), loc: ["body", "event_name"] },
    { ...notIn(categoryList, "x"), loc: ["body", "category"] },
    { ...notIn(priorityList, "y"), loc: ["body", "priority"] },
    { ...dictType([]), loc: ["body", "properties"] },
    { ...dateParsing("no", "input is too short"), loc: ["body", "timestamp"] },
    { ...stringType(1), loc: ["body", "session_id"] },
    { ...stringType({}), loc: ["body", "page_url"] },
    { ...stringType([]), loc: ["body", "referrer"] },
    { ...stringType(true), loc: ["body", "user_agent"] },
    { ...stringType(2), loc: ["body", "user_id"] },
    { ...stringType(3), loc: ["body", "anonymous_id"] },
    { ...uuidCharacter("x", "found `x` at 1"), loc: ["body", "event_id"] },
  ]);
});

test("all errors of a batch come at once: its events' in their order, then client_id's", async () => {
  const events = [{ event_name: "a" }, { event_name: "" }, { event_name: "b", category: "zz", priority: 1 }];
  expect(await issuesOf(paths.batch, { client_id: 5, events })).toEqual([
    { ...tooShort, loc: ["body", "events", 1, "event_name"] },
    { ...notIn(categoryList, "zz"), loc: ["body", "events", 2, "category"] },
    { ...notIn(priorityList, 1), loc: ["body", "events", 2, "priority"] },
    { ...stringType(5), loc: ["body", "client_id"] },
  ]);
});

describe("text that is no JSON is json_invalid", () => {
  test.each([
    ["an open brace", "{"],
    ["a missing value", '{"event_name":'],
    ["a trailing comma", '{"event_name":"a",}'],
    ["single quotes", "{'event_name':'a'}"],
    ["something after the body", '{"event_name":"a"} x'],
    ["half a word", "nul"],
    ["an open string", '{"event_name":"a'],
    ["an unknown escape", '{"event_name":"\\q"}'],
    ["a short escape", '{"event_name":"\\u12"}'],
    ["a raw line break in a string", '{"event_name":"a\nb"}'],
    ["NaN", '{"event_name":"a","properties":{"x":NaN}}'],
    ["a number with a leading zero", '{"event_name":"a","properties":{"x":01}}'],
    ["a lone high surrogate", '{"event_name":"\\ud800"}'],
    ["a lone low surrogate inside properties", '{"event_name":"a","properties":{"x":["\\udc00"]}}'],
    ["surrogates in the wrong order", '{"event_name":"a","session_id":"\\udc00\\ud800"}'],
    ["a lone surrogate in a key", '{"event_name":"a","properties":{"\\ud800":1}}'],
  ])("%s", async (_what, body) => {
    const issues = await issuesOf(paths.track, body);
    expect(issues).toEqual([
      {
        type: "json_invalid",
        loc: ["body", expect.any(Number)],
        msg: "JSON decode error",
        input: {},
        ctx: { error: expect.any(String) },
      },
    ]);
    const inBatch = await issuesOf(paths.batch, `{"events":[{"event_name":"ok"},${body}]}`);
    expect(inBatch.map(({ type }) => type)).toEqual(["json_invalid"]);
  });

  test("bytes that are no UTF-8 are refused, never stored", async () => {
    const body = new Uint8Array([...Buffer.from('{"event_name":"a'), 0xff, 0xfe, ...Buffer.from('"}')]);
    const response = await service().request(paths.track, { body });
    expect([400, 422]).toContain(response.status);
    expect(await response.json()).toHaveProperty("detail");
  });
});

describe("depth", () => {
  /** `levels` objects and lists within each other, properties itself being the first. */
  const nested = (levels: number) => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;
  const event = (levels: number) => `{"event_name":"deep","properties":${nested(levels)}}`;

  test("64 levels are kept", async () => {
    expect(await service().track(event(64))).toMatchObject({ success: true });
  });

  test.each([66, 1_000, 100_000])("%i levels are a 422 of the body", async (levels) => {
    const issues = await issuesOf(paths.track, event(levels));
    expect(issues.map(({ loc }) => loc[0])).toEqual(["body"]);
    expect(JSON.stringify(issues).length).toBeLessThan(4096);
  });
});

describe("an event's input is cut at 1 KiB", () => {
  /** A kibibyte, and what marks the cut. */
  const cutBytes = 1024 + 64;

  test("a long string comes back by its beginning", async () => {
    const [issue] = await issuesOf(paths.track, { event_name: "long ".repeat(2000) });
    const input = issue?.input;
    expect(typeof input).toBe("string");
    expect(String(input)).toStartWith("long ".repeat(180));
    expect(Buffer.byteLength(String(input))).toBeLessThanOrEqual(cutBytes);
  });

  test("a long event comes back short", async () => {
    const [issue] = await issuesOf(paths.track, { properties: { text: "x".repeat(5000) } });
    expect(issue).toMatchObject({ type: "missing", loc: ["body", "event_name"] });
    expect(Buffer.byteLength(JSON.stringify(issue?.input))).toBeLessThanOrEqual(cutBytes);
  });

  test("so that an answer to a hundred long events stays small", async () => {
    const events = Array(100).fill({ event_name: 1, properties: ["x".repeat(5000)] });
    const response = await service().post(paths.batch, { events });
    expect(response.status).toBe(422);
    const text = await response.text();
    expect(shaped(validationAnswer, JSON.parse(text)).detail).toHaveLength(200);
    expect(text.length).toBeLessThan(200 * (cutBytes + 256));
  });

  test("an input of less comes back whole", async () => {
    const properties = ["x".repeat(900)];
    expect(await issuesOf(paths.track, { event_name: "a", properties })).toEqual([
      { ...dictType(properties), loc: ["body", "properties"] },
    ]);
  });
});

test("nothing that was refused here was kept", async () => {
  const { total_events } = await service().stats();
  expect(total_events).toBeLessThanOrEqual(1); // the one of 64 levels
});
