import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { eventFieldNames } from "../../src/event/fields.ts";
import { batchEventsMax, eventNameCodePointsMax } from "../../src/event/limits.ts";
import type { Issue } from "../../src/event/parse/issue.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { type Validated, type ValidEvent, validateBatch, validateEvent } from "../../src/event/parse/validate.ts";
import { batchSchema, eventSchema } from "../../src/event/schema.ts";
import { categories, priorities, propertiesText } from "../support/arbitraries.ts";
import { canonicalJson } from "../support/json.ts";
import { draws, fc } from "../support/property.ts";

const encoder = new TextEncoder();

function validateText(text: string, validate: typeof validateEvent = validateEvent): Validated {
  const parsed = parseJson(encoder.encode(text));
  return parsed.ok ? validate(parsed.value, parsed.exact, undefined) : parsed;
}

const validated = (body: unknown) => validateText(JSON.stringify(body));
const validatedBatch = (body: unknown) => validateText(JSON.stringify(body), validateBatch);

/** Everything that is wrong with a body; an issue whose `loc` starts with "body". */
function issuesOf(result: Validated): Issue[] {
  return result.ok ? [] : result.issues;
}

/** The one event of a body that must be accepted. */
function eventOf(result: Validated): ValidEvent {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.issues)}`);
  const [event] = result.events;
  if (event === undefined || result.events.length !== 1) throw new Error("not one event");
  return event;
}

describe("an accepted event", () => {
  test("has the defaults of the reference, and leaves time and id to the server", () => {
    expect(validated({ event_name: "signup" })).toEqual({
      ok: true,
      client_id: null,
      events: [
        {
          event_name: "signup",
          category: "user_action",
          priority: "medium",
          properties: null,
          timestamp: undefined,
          session_id: null,
          page_url: null,
          referrer: null,
          user_agent: null,
          user_id: null,
          anonymous_id: null,
          event_id: undefined,
        },
      ],
    });
  });

  test("has what it was sent with, time and id in their canonical forms", () => {
    const texts = { session_id: "s", page_url: "", referrer: "r\0", user_agent: "😀", user_id: "u", anonymous_id: "a" };
    const sent = { event_name: "x", category: "trading", priority: "critical", properties: { a: [1] }, ...texts };
    const id = "0192F0C1-2B3C-7D4E-8F90-ABCDEF012345";
    const event = eventOf(validated({ ...sent, timestamp: "2026-11-23T15:05:47+01:00", event_id: id, other: 1 }));
    expect(event).toEqual({
      ...sent,
      category: "trading",
      priority: "critical",
      timestamp: { text: "2026-11-23T14:05:47.000000Z", hour: 498_734 },
      event_id: id.toLowerCase(),
    });
  });

  test.each([...categories])("may be of category %s", (category) => {
    expect(eventOf(validated({ event_name: "x", category })).category).toBe(category);
  });

  test.each([...priorities])("may have priority %s", (priority) => {
    expect(eventOf(validated({ event_name: "x", priority })).priority).toBe(priority);
  });

  test("may have null wherever it may leave a field out, save category and priority", () => {
    const optional = eventFieldNames.filter((name) => !["event_name", "category", "priority"].includes(name));
    const body = { event_name: "x", ...Object.fromEntries(optional.map((field) => [field, null])) };
    expect(validated(body)).toEqual(validated({ event_name: "x" }));
  });

  test("may have a name of 100 code points, whatever they take in UTF-16", () => {
    for (const character of ["a", "é", "😀"]) {
      expect(validated({ event_name: character.repeat(eventNameCodePointsMax) }).ok).toBe(true);
      expect(validated({ event_name: character.repeat(eventNameCodePointsMax + 1) }).ok).toBe(false);
    }
    expect(validatedBatch({ events: [{ event_name: "a" }, { event_name: "😀".repeat(100) }] }).ok).toBe(true);
  });

  test("gives back its properties with every digit and key", () => {
    const written = (text: string, validate = validateEvent) => {
      return JSON.stringify(eventOf(validateText(text, validate)).properties);
    };
    fc.assert(
      fc.property(propertiesText, (properties) => {
        const event = `{"event_name":"x","properties":${properties}}`;
        expect(canonicalJson(written(event))).toBe(canonicalJson(properties));
        expect(canonicalJson(written(`{"events":[${event}]}`, validateBatch))).toBe(canonicalJson(properties));
      }),
    );
  });
});

/** What is wrong with one field of an event: field, value, and the issue without `loc` and `input`. */
const faults: [field: string, value: unknown, fault: Omit<Issue, "loc" | "input">][] = [
  ["event_name", 5, { type: "string_type", msg: "Input should be a valid string" }],
  ["event_name", null, { type: "string_type", msg: "Input should be a valid string" }],
  [
    "event_name",
    "",
    { type: "string_too_short", msg: "String should have at least 1 character", ctx: { min_length: 1 } },
  ],
  [
    "event_name",
    "😀".repeat(101),
    { type: "string_too_long", msg: "String should have at most 100 characters", ctx: { max_length: 100 } },
  ],
  ...["category", "priority"].flatMap((field) => {
    const expected = {
      category: "'page_view', 'user_action', 'trading', 'auth', 'error', 'performance', 'feature' or 'system'",
      priority: "'low', 'medium', 'high' or 'critical'",
    }[field];
    const fault = { type: "enum", msg: `Input should be ${expected}`, ctx: { expected } };
    return [null, "Low", "", 1, ["low"]].map((value): [string, unknown, typeof fault] => [field, value, fault]);
  }),
  ["properties", [], { type: "dict_type", msg: "Input should be a valid dictionary" }],
  ["properties", "{}", { type: "dict_type", msg: "Input should be a valid dictionary" }],
  ["timestamp", true, { type: "datetime_type", msg: "Input should be a valid datetime" }],
  ["timestamp", [0], { type: "datetime_type", msg: "Input should be a valid datetime" }],
  ["timestamp", {}, { type: "datetime_type", msg: "Input should be a valid datetime" }],
  ...[
    ["nope", "input is too short"],
    ["2026-02-29", "day value is outside expected range"],
    ["2026-11-23Tx", "unexpected extra characters at the end of the input"],
    [1e300, "dates after 9999 are not supported as unix timestamps"],
  ].map(([value, error]): [string, unknown, Omit<Issue, "loc" | "input">] => {
    const msg = `Input should be a valid datetime or date, ${error}`;
    return ["timestamp", value, { type: "datetime_from_date_parsing", msg, ctx: { error } }];
  }),
  ...["session_id", "page_url", "referrer", "user_agent", "user_id", "anonymous_id"].map(
    (field): [string, unknown, Omit<Issue, "loc" | "input">] => [
      field,
      5,
      { type: "string_type", msg: "Input should be a valid string" },
    ],
  ),
  ["event_id", 5, { type: "uuid_type", msg: "UUID input should be a string, bytes or UUID object" }],
  [
    "event_id",
    "123",
    {
      type: "uuid_parsing",
      msg: "Input should be a valid UUID, invalid length: expected length 32 for simple format, found 3",
      ctx: { error: "invalid length: expected length 32 for simple format, found 3" },
    },
  ],
];

describe("what is wrong with a field is said in pydantic's words, with its place and what was sent", () => {
  test.each(faults)("%s: %j", (field, value, { type, msg, ctx }) => {
    const event = { event_name: "x", [field]: value };
    const rest = ctx === undefined ? {} : { ctx };
    expect(issuesOf(validated(event))).toEqual([{ type, loc: ["body", field], msg, input: value, ...rest }]);
    const batch = { events: [{ event_name: "x" }, event] };
    const loc = ["body", "events", 1, field];
    expect(issuesOf(validatedBatch(batch))).toEqual([{ type, loc, msg, input: value, ...rest }]);
  });

  test("keys stand in pydantic's order", () => {
    const [issue] = issuesOf(validated({ event_name: "" }));
    expect(Object.keys(issue ?? {})).toEqual(["type", "loc", "msg", "input", "ctx"]);
  });

  test("a missing field shows the object that it is missing from", () => {
    const missing = { type: "missing", msg: "Field required" };
    expect(issuesOf(validated({ a: 1 }))).toEqual([{ ...missing, loc: ["body", "event_name"], input: { a: 1 } }]);
    expect(issuesOf(validatedBatch({ client_id: null }))).toEqual([
      { ...missing, loc: ["body", "events"], input: { client_id: null } },
    ]);
    expect(issuesOf(validatedBatch({ events: [{}] }))).toEqual([
      { ...missing, loc: ["body", "events", 0, "event_name"], input: {} },
    ]);
  });

  test.each([[[]], ["x"], [1], [true]])("a body that is no object: %j", (input) => {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    const issue = { type: "model_attributes_type", loc: ["body"], msg, input };
    expect(issuesOf(validated(input))).toEqual([issue]);
    expect(issuesOf(validatedBatch(input))).toEqual([issue]);
    const inBatch = { ...issue, loc: ["body", "events", 0] };
    expect(issuesOf(validatedBatch({ events: [input] }))).toEqual([inBatch]);
  });

  test("a number shows the digits that it was sent with", () => {
    const issues = issuesOf(validateText('{"event_name":1.50,"timestamp":1e999,"referrer":[9007199254740993]}'));
    expect(JSON.stringify(issues.map(({ input }) => input))).toBe("[1.50,1e999,[9007199254740993]]");
  });
});

describe("a batch", () => {
  const event = { event_name: "x" };

  test("has its events in order and its client's id", () => {
    const names = ["a", "b", "c"];
    const result = validatedBatch({ events: names.map((event_name) => ({ event_name })), client_id: "web" });
    expect(result.ok && result.events.map(({ event_name }) => event_name)).toEqual(names);
    expect(result.ok && result.client_id).toBe("web");
    for (const client_id of [null, undefined]) {
      expect(validatedBatch({ events: [event], client_id })).toMatchObject({ ok: true, client_id: null });
    }
  });

  test("of 1 to 100 events is accepted", () => {
    expect(validatedBatch({ events: [event] }).ok).toBe(true);
    expect(validatedBatch({ events: Array(batchEventsMax).fill(event) }).ok).toBe(true);
  });

  test("of more or fewer is refused, and its events are not looked at", () => {
    const tooMany = Array(batchEventsMax + 1).fill(1);
    expect(issuesOf(validatedBatch({ events: tooMany }))).toEqual([
      {
        type: "too_long",
        loc: ["body", "events"],
        msg: "List should have at most 100 items after validation, not 101",
        input: tooMany,
        ctx: { field_type: "List", max_length: 100, actual_length: 101 },
      },
    ]);
    expect(issuesOf(validatedBatch({ events: [] }))).toEqual([
      {
        type: "too_short",
        loc: ["body", "events"],
        msg: "List should have at least 1 item after validation, not 0",
        input: [],
        ctx: { field_type: "List", min_length: 1, actual_length: 0 },
      },
    ]);
  });

  test.each([null, {}, "x", 1])("whose events are %j has no list", (input) => {
    const issue = { type: "list_type", loc: ["body", "events"], msg: "Input should be a valid list", input };
    expect(issuesOf(validatedBatch({ events: input }))).toEqual([issue]);
  });

  test("is told everything that is wrong at once: events before the client's id, fields in the schema's order", () => {
    const fields = Object.keys(eventSchema.properties);
    const wrong = Object.fromEntries(fields.toReversed().map((field) => [field, true]));
    const issues = issuesOf(validatedBatch({ client_id: 5, events: [wrong, event, {}, 7] }));
    expect(issues.map(({ loc }) => loc.slice(1).join("."))).toEqual([
      ...fields.map((field) => `events.0.${field}`),
      "events.2.event_name",
      "events.3",
      "client_id",
    ]);
  });
});

describe("properties", () => {
  const nested = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
  const tooDeep = {
    type: "json_invalid",
    msg: "JSON decode error",
    input: {},
    ctx: { error: "Nested deeper than 64 levels" },
  };

  test("may nest 64 levels inside, alone and in a batch, and not one more", () => {
    const event = (levels: number) => `{"event_name":"x","properties":${nested(levels)}}`;
    expect(validateText(event(64)).ok).toBe(true);
    expect(issuesOf(validateText(event(65)))).toEqual([{ ...tooDeep, loc: ["body", "properties"] }]);
    expect(validateText(`{"events":[${event(64)}]}`, validateBatch).ok).toBe(true);
    expect(validateText(`{"events":[${event(65)}]}`, validateBatch).ok).toBe(false);
  });

  test("may have keys that JavaScript gives a meaning, and no field is read from them", () => {
    const hostile = '"__proto__":{"event_name":"x"},"constructor":{"event_name":"x"}';
    expect(issuesOf(validateText(`{${hostile}}`)).map(({ type }) => type)).toEqual(["missing"]);
    const event = eventOf(validateText(`{"event_name":"y","properties":{${hostile}},${hostile}}`));
    expect(event.event_name).toBe("y");
    expect(JSON.stringify(event.properties)).toBe(`{${hostile}}`);
  });
});

describe("for any JSON", () => {
  const field = fc.constantFrom(...Object.keys(eventSchema.properties), "events", "client_id", "other");
  const likely = fc.constantFrom<unknown>(
    "x",
    "low",
    "auth",
    "2026-11-23",
    "1",
    1,
    null,
    "",
    true,
    "a".repeat(101),
    {},
    [],
  );
  const object = fc.dictionary(field, fc.oneof(likely, fc.jsonValue()));
  const body = fc.oneof(
    object,
    fc.record({ events: fc.array(object, { maxLength: 3 }), client_id: likely }),
    fc.jsonValue(),
  );

  test("an answer comes, with events or with issues, never with neither", () => {
    fc.assert(
      fc.property(body, (any) => {
        for (const result of [validated(any), validatedBatch(any)]) {
          expect((result.ok ? result.events : result.issues).length).toBeGreaterThan(0);
        }
      }),
      draws(2000),
    );
  });

  test("what the schema accepts is accepted, and nothing else", () => {
    // Left out: what the schema cannot say, namely which texts are a time or an id.
    const { timestamp: _timestamp, event_id: _eventId, ...properties } = eventSchema.properties;
    const shape = Type.Object(properties);
    const batchShape = Type.Object({
      ...batchSchema.properties,
      events: Type.Array(shape, batchSchema.properties.events),
    });
    const without = (value: unknown): unknown =>
      JSON.parse(
        JSON.stringify(value, (key, member) => {
          return key === "timestamp" || key === "event_id" ? undefined : member;
        }),
      );
    fc.assert(
      fc.property(
        body.map(without).filter((value) => value !== null),
        (any) => {
          expect(validated(any).ok).toBe(Value.Check(shape, any));
          expect(validatedBatch(any).ok).toBe(Value.Check(batchShape, any));
        },
      ),
      draws(2000),
    );
  });
});
