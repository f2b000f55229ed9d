/** A body of mapped events: each event is judged by itself, with the words of the own API, and kept as it was sent. */
import { describe, expect, test } from "bun:test";
import { validateEach } from "../../src/event/parse/each.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { splitEvents } from "../../src/event/parse/split-events.ts";
import { validateEvent } from "../../src/event/parse/validate.ts";
import { fc } from "../support/property.ts";
import { schemaSet } from "../support/schemas.ts";

const bodyOf = (events: readonly string[]) => Buffer.from(`{"events":[${events.join(",")}]}`);

describe("each event of a body", () => {
  const good = '{"event_name":"good","properties":{"n":9007199254740993}}';
  const id = "01900000-0000-7000-8000-000000000001";

  test.each([
    [
      `{"event_name":"${"x".repeat(101)}","event_id":"${id}"}`,
      "event_name: String should have at most 100 characters",
      id,
    ],
    ['{"properties":{}}', "event_name: Field required", null],
    ['{"event_name":"a","category":"none of them"}', "category: Input should be 'page_view', 'user_action'", null],
    ['{"event_name":"a","event_id":"no uuid"}', "event_id: Input should be a valid UUID", null],
    ['{"event_name":"\\ud800"}', "JSON decode error: ", null],
    [`{"event_name":"\\ud800","event_id":"${id}"}`, "JSON decode error: ", id],
    [`{"event_id":"${id}","properties":{"a":${"[".repeat(80)}${"]".repeat(80)}}}`, "JSON decode error: Nested", id],
    [`{"event_name":"a","properties":${"[".repeat(80)}${"]".repeat(80)}}`, "", null],
    ["17", "Input should be a valid dictionary or object to extract fields from", null],
    ['{"event_name" "a"}', "JSON decode error: ", null],
  ])("%s is refused alone", (event, reason, eventId) => {
    const each = validateEach(bodyOf([good, event, good]), undefined);
    expect(each?.events.map(({ event_name }) => event_name)).toEqual(["good", "good"]);
    expect(each?.hasOwnSpellings).toBe(true);
    expect(each?.refused).toEqual([{ index: 1, reason: expect.stringContaining(reason), eventId, event }]);
  });

  test("whose properties do not fit their schema is refused alone", () => {
    const schemas = schemaSet("enforce", { priced: { properties: { price: { type: "number" } } } });
    const bad = '{"event_name":"priced","properties":{"price":"x"}}';
    const each = validateEach(bodyOf([good, bad, '{"event_name":"priced"}']), schemas);
    expect(each?.events).toHaveLength(2);
    expect(each?.refused).toEqual([
      { index: 1, reason: "properties.price: Input must be number", eventId: null, event: bad },
    ]);
    expect(schemas.takeMisfits()).toHaveLength(1);
  });

  test("is stored or refused, exactly as it would be alone", () => {
    const part = fc.constantFrom(
      '"event_name":"a"',
      '"event_name":""',
      '"event_name":5',
      '"timestamp":"when"',
      '"properties":{"a":[1,{"b":"]},{"}]}',
      '"properties":[]',
      '"session_id":"\\"}"',
      '"user_id":7',
      '"event_id":null',
      ' "x" : [ ] ',
    );
    const event = fc.oneof(
      fc.array(part, { maxLength: 4 }).map((parts) => `{${parts.join(",")}}`),
      fc.json(),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 6 }), (events) => {
        const each = validateEach(bodyOf(events), undefined);
        const alone = events.map((text) => {
          const parsed = parseJson(Buffer.from(text));
          return parsed.ok && validateEvent(parsed.value, parsed.exact, undefined).ok;
        });
        expect(each?.events.length).toBe(alone.filter((isGood) => isGood).length);
        expect(each?.refused.map(({ index }) => index)).toEqual(
          alone.flatMap((isGood, index) => (isGood ? [] : [index])),
        );
        for (const { index, event: text } of each?.refused ?? []) expect(text).toBe(events[index]?.trim() ?? "");
      }),
    );
  });
});

test("a body of another shape is not split", () => {
  for (const body of ['{"client_id":"c","events":[]}', "[]", '{"events":[{}', '{"events":{}}', ""])
    expect(splitEvents(Buffer.from(body))).toBeUndefined();
  expect(splitEvents(Buffer.from('{"events":[]}'))).toEqual([]);
});
