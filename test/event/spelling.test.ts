/**
 * Bodies as the JSON writers of other languages spell them: transcribed as the parser would, without it, in time that
 * grows with their bytes.
 */
import { describe, expect, test } from "bun:test";
import { LineBuffer } from "../../src/base/line-buffer.ts";
import { rowOf } from "../../src/event/line/row.ts";
import { parseJson } from "../../src/event/parse/parse.ts";
import { validateEvent } from "../../src/event/parse/validate.ts";
import { timestampOfMs } from "../../src/event/timestamp.ts";
import { Transcriber } from "../../src/event/transcribe/transcribe.ts";
import { Ingest } from "../../src/shard/worker/ingest.ts";
import { draws, fc } from "../support/property.ts";

const receivedAt = timestampOfMs(Date.UTC(2026, 0, 2, 3, 4, 5, 6));
const acceptance = { receivedAt, subjectText: '"größer"', clientIdText: "null" };
const eventId = "01a21483-3214-7734-bf45-8667cfa16c71";

/** The line of an event, and how many of its bytes the parser read; undefined: all of it is left to the parser. */
function transcribed(body: string): { line: string; parsedBytes: number } | undefined {
  const lines = new LineBuffer();
  const transcriber = new Transcriber(lines);
  const rows = transcriber.event(Buffer.from(body), acceptance);
  return rows && { line: lines.view().toString().trimEnd(), parsedBytes: transcriber.takeParsedBytes() };
}

/** The line that the parser makes of an event; undefined: it refuses it. */
function parsedLine(body: string): string | undefined {
  const parsed = parseJson(Buffer.from(body));
  if (!parsed.ok) return undefined;
  const validated = validateEvent(parsed.value, parsed.exact, undefined);
  const [event] = validated.ok ? validated.events : [];
  return event && rowOf(event, acceptance, parsed.exact !== parsed.value).line;
}

const withProperties = (properties: string, more = "") =>
  `{"event_name":"a","event_id":"${eventId}",${more}"properties":${properties}}`;

describe("what other languages write is transcribed without the parser, byte for byte as the parser would", () => {
  test.each([
    ["Python", withProperties('{"price": 5.0, "none": 0.0, "big": 1e+22, "name": "caf\\u00e9 \\ud83d\\ude00"}')],
    ["Python, in columns", withProperties('{"a": 1}', '"session_id": "caf\\u00e9", "page_url": "https:\\/\\/x", ')],
    ["PHP", withProperties('{"url":"https:\\/\\/shop.example\\/?q=gr\\u00f6\\u00dfe","n":10.0}')],
    ["Go", withProperties('{"html":"\\u003cb\\u003e \\u0026","n":1e21,"m":1e-7}')],
    ["Java", withProperties('{"n":1.0E10,"m":-1.5E-5,"q":"\\u0027"}')],
    [".NET, a time", withProperties("{}", '"timestamp":"2026-01-02T00:00:00\\u002B00:00",')],
    [".NET", withProperties('{"text":"\\u0022quoted\\u0022 \\u002B","n":1.50}')],
    [
      "control characters in every spelling",
      withProperties('{"t":"\\u0000\\u0008\\u000A\\u001f\\b\\n\\u007f\\u2028"}'),
    ],
    ["a negative nought", withProperties('{"n":[-0,-0.0,0.0,0e0,-0e-0]}')],
    ["more digits than a double", withProperties('{"n":9007199254740993,"m":0.1000000000000000055511151231257827}')],
    ["small numbers", withProperties('{"n":[0.000001,0.0000001,0.00000010,1e-7]}')],
    ["keys with escapes", withProperties('{"gr\\u00f6\\u00dfe":1.0,"\\u0031x":2,"a\\/b":{"\\"":3}}')],
    ["keys that begin with a digit", withProperties('{"2026-01":1,"3ds":2.0}')],
    ["what looks like a number in a string", withProperties('{"t":"x 1.0, y","u":[":1.50]","e+"],"v":1e+21}')],
    ["a number elsewhere", withProperties('{"n":1}', '"other":[1.0],"timestamp":1767323045.0,')],
    ["a name of 100 characters in escapes", `{"event_name":"${"\\u6771".repeat(100)}","event_id":"${eventId}"}`],
    ["a name of 100 characters in UTF-8", `{"event_name":"${"東".repeat(99)}🎈","event_id":"${eventId}"}`],
    ["lists in lists", withProperties(`{"n":${"[".repeat(62)}1.0${"]".repeat(62)}}`)],
    [
      "an object of many members",
      withProperties(`{${Array.from({ length: 500 }, (_, at) => `"k${at}":${at}.0`).join(",")}}`),
    ],
    ["no properties", withProperties("null", '"other":1.0,')],
  ])("%s", (_name, body) => {
    const line = parsedLine(body);
    expect(line).toBeDefined();
    expect(transcribed(body)).toEqual({ line: line ?? "", parsedBytes: 0 });
  });

  /** JSON of a value in a spelling that chance chooses: escapes, digits, exponents, space. */
  function respelled(value: unknown, chance: () => number): string {
    const space = () => " \n".slice(0, chance() % 4 === 0 ? 1 : 0);
    const hex = (unit: number) => {
      const digits = unit.toString(16).padStart(4, "0");
      return `\\u${chance() % 2 === 0 ? digits : digits.toUpperCase()}`;
    };
    if (typeof value === "string") {
      const chars = [...value].map((char) => {
        if (chance() % 3 > 0) return char === "/" && chance() % 2 === 0 ? "\\/" : JSON.stringify(char).slice(1, -1);
        return Array.from({ length: char.length }, (_, index) => hex(char.charCodeAt(index))).join("");
      });
      return `"${chars.join("")}"`;
    }
    if (typeof value === "number") {
      const text = JSON.stringify(value);
      const forms = [text, /[.e]/.test(text) ? text : `${text}.0`, text.includes("e") ? text : `${text}e0`];
      return forms[chance() % 3] ?? text;
    }
    if (Array.isArray(value)) return `[${value.map((item) => space() + respelled(item, chance)).join(",")}${space()}]`;
    if (typeof value !== "object" || value === null) return JSON.stringify(value);
    const members = Object.entries(value).map(
      ([key, member]) => `${space()}${respelled(key, chance)}:${space()}${respelled(member, chance)}`,
    );
    return `{${members.join(",")}${space()}}`;
  }

  test("any event in any spelling, refused or not", () => {
    let transcribedTimes = 0;
    const text = fc.string({ unit: "grapheme", maxLength: 8 });
    const event = fc.record({
      event_name: fc.constantFrom("a", "größe 東京", 'q"\\/'),
      event_id: fc.constant(eventId),
      session_id: fc.option(text),
      properties: fc.dictionary(text, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6 }),
      other: fc.jsonValue({ maxDepth: 1 }),
    });
    const property = fc.property(event, fc.array(fc.nat(), { minLength: 8, maxLength: 40 }), (value, chances) => {
      let turn = 0;
      const spell = (each: unknown) => respelled(each, () => chances[turn++ % chances.length] ?? 0);
      // A key of the event itself in escapes is the parser's: it may be a field's.
      const body = `{${Object.entries(value)
        .map(([key, each]) => `"${key}":${key === "event_id" ? JSON.stringify(each) : spell(each)}`)
        .join(",")}}`;
      const found = transcribed(body);
      if (found === undefined) return;
      transcribedTimes += found.parsedBytes === 0 ? 1 : 0;
      expect(found.line).toBe(parsedLine(body) ?? "refused");
    });
    fc.assert(property, draws(2_000));
    expect(transcribedTimes).toBeGreaterThan(500);
  });

  test("half of a surrogate pair, a bad escape, a key twice in two spellings and a field's name in escapes are left to the parser", () => {
    for (const text of [
      "\\ud800",
      "\\udc00",
      "\\ud800\\u0041",
      "\\uD83D",
      "\\u12",
      "\\u12G4",
      "\\x",
      "\\ud800\\ud800",
    ]) {
      expect(transcribed(withProperties(`{"t":"${text}"}`))).toBeUndefined();
      expect(transcribed(withProperties(`{"${text}":1}`))).toBeUndefined();
      expect(transcribed(withProperties("{}", `"other":"${text}",`))).toBeUndefined();
    }
    for (const body of [
      withProperties('{"a":1.0,"\\u0061":2}'),
      withProperties('{"\\u0032":1,"1":2.0}'),
      withProperties(`{${Array.from({ length: 500 }, (_, at) => `"k${at}":1.0`).join(",")},"k7":2,"k\\u0038":3}`),
      withProperties("{}", '"session\\u005fid":"x",'),
      withProperties("{}", '"category":"user\\u005faction",'),
      withProperties("{}", '"priority":"\\u0068igh",'),
    ]) {
      const found = transcribed(body);
      expect({ body, line: found?.line }).toEqual({ body, line: parsedLine(body) ?? "refused" });
      expect(found?.parsedBytes).toBeGreaterThan(0);
    }
  });
});

describe("time grows with the bytes of a body, whatever it holds, taken or refused", () => {
  const many = (item: string, bytes: number, separator = ",") =>
    Array(Math.ceil(bytes / (item.length + separator.length)))
      .fill(item)
      .join(separator);
  const keyed = (bytes: number, value: string) =>
    Array.from({ length: Math.ceil(bytes / (value.length + 9)) }, (_, index) => `"k${index}":${value}`).join(",");
  const shapes: Readonly<Record<string, (bytes: number) => string>> = {
    "numbers of Python": (bytes) => `[${many("1.0", bytes)}]`,
    "numbers of Java": (bytes) => `[${many("1.0E10", bytes)}]`,
    "exponents of JavaScript": (bytes) => `[${many("1e+21", bytes)}]`,
    "one long number": (bytes) => `[${"1".repeat(bytes)}]`,
    "one long fraction": (bytes) => `[0.${"0".repeat(bytes)}1]`,
    "numbers far apart": (bytes) => `[${many(`1.0${" ".repeat(200)}`, bytes)}]`,
    "numbers in a string": (bytes) => `"${many("1.0", bytes)}"`,
    "digits in a string": (bytes) => `"${"1".repeat(bytes)}"`,
    "a string of escapes": (bytes) => `"${many("\\u00e9", bytes, "")}"`,
    "a string of backslashes": (bytes) => `"${many("\\\\", bytes, "")}"`,
    "empty objects": (bytes) => `[${many("{}", bytes)}]`,
    "many keys": (bytes) => `{${keyed(bytes, "1.0")}}`,
    "small objects with numbers as keys": (bytes) => `[${many('{"1":1.0}', bytes)}]`,
    "keys twice": (bytes) => `[${many('{"a":1.0,"a":2}', bytes)}]`,
    "deep lists": (bytes) => `[${many(`${"[".repeat(60)}1.0${"]".repeat(60)}`, bytes)}]`,
  };
  const context = { receivedAt, receivedAtMs: 0, bodyBytesMax: 16 * 1024 * 1024 };

  /** How long one try takes. ms */
  function tryMs(ingest: Ingest, body: Buffer, kind: "rows" | "invalid"): number {
    const startedMs = performance.now();
    const answer = ingest.ingest({ form: "event", body, subject: null, encoding: "identity" }, context);
    const tookMs = performance.now() - startedMs;
    expect(answer.kind).toBe(kind);
    return tookMs;
  }

  test.each(Object.entries(shapes))("%s", (_name, shape) => {
    const ingest = new Ingest({ unusualBytesMax: Number.POSITIVE_INFINITY });
    for (const [end, kind] of [
      ["", "rows"],
      [',"category":"none"', "invalid"],
      ["}", "invalid"],
    ] as const) {
      const [small, large] = [200_000, 800_000].map((bytes) =>
        Buffer.from(`{"event_name":"a","properties":{"p":${shape(bytes)}}${end}}`),
      );
      if (small === undefined || large === undefined) throw new Error("there are two sizes");
      // The quickest of several tries, and of more where the machine is busy. Below a millisecond the clock is too
      // coarse.
      let [smallMs, largeMs] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let tries = 0; tries < 3 || (largeMs >= 10 * smallMs && tries < 40); tries++) {
        smallMs = Math.max(1, Math.min(smallMs, tryMs(ingest, small, kind)));
        largeMs = Math.min(largeMs, tryMs(ingest, large, kind));
      }
      // Four times the bytes: the square of that would be 16 times the time.
      expect(largeMs / smallMs).toBeLessThan(10);
    }
  });

  test.each(Object.entries(shapes).filter(([name]) => !/as keys|twice/.test(name)))(
    "%s: taken without the parser",
    (_name, shape) => {
      expect(transcribed(withProperties(`{"p":${shape(64_000)}}`))?.parsedBytes).toBe(0);
    },
  );
});
