import { describe, expect, test } from "bun:test";
import { answerOf } from "../../src/event/parse/issue.ts";
import { fc } from "../support/property.ts";

/** What an answer shows of an input. */
function shown(input: unknown): unknown {
  const answer = answerOf([{ type: "missing", loc: ["body", 0, "event_name"], msg: "Field required", input }]);
  return JSON.parse(answer).detail[0].input;
}

test("an answer has FastAPI's form, keys in pydantic's order", () => {
  const ctx = { min_length: 1 };
  const issues = [
    { type: "missing", loc: ["body", "event_name"], msg: "Field required", input: { a: 1 } },
    { type: "string_too_short", loc: ["body", "events", 3], msg: "String should …", input: "", ctx },
  ];
  expect(answerOf(issues)).toBe(
    '{"detail":[{"type":"missing","loc":["body","event_name"],"msg":"Field required","input":{"a":1}},' +
      '{"type":"string_too_short","loc":["body","events",3],"msg":"String should …","input":"","ctx":{"min_length":1}}]}',
  );
});

test("a number in an input keeps its digits", () => {
  const answer = answerOf([
    { type: "t", loc: [], msg: "m", input: [JSON.rawJSON("1.50"), { a: JSON.rawJSON("1e999") }] },
  ]);
  expect(answer).toContain('"input":[1.50,{"a":1e999}]');
});

describe("an input is cut at 1 KiB", () => {
  test("a string that fits as JSON stays, one byte more cuts it to its first 1024 bytes", () => {
    expect(shown("a".repeat(1022))).toBe("a".repeat(1022));
    expect(shown("a".repeat(1023))).toBe("a".repeat(1023));
    expect(shown("a".repeat(5000))).toBe("a".repeat(1024));
    expect(shown("\n".repeat(1024))).toBe("\n".repeat(1024));
  });

  test("a string is cut between two code points", () => {
    expect(shown("€".repeat(2000))).toBe("€".repeat(341));
    expect(shown("😀".repeat(2000))).toBe("😀".repeat(256));
    expect(shown(`abc${"😀".repeat(2000)}`)).toBe(`abc${"😀".repeat(255)}`);
  });

  test("an object or a list that fits stays, else it is the first 1024 bytes of its JSON as a string", () => {
    const fits = { text: "a".repeat(1013) };
    expect(JSON.stringify(fits)).toHaveLength(1024);
    expect(shown(fits)).toEqual(fits);
    for (const large of [
      { text: "a".repeat(1014) },
      Array(600).fill(0),
      { list: Array(2000).fill({ "k€": "😀\n" }) },
    ]) {
      const bytes = Buffer.from(JSON.stringify(large)).subarray(0, 1024);
      expect(shown(large)).toBe(bytes.toString().replace(/\ufffd+$/, ""));
    }
  });

  test("for any JSON value", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 400 });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(text, fc.integer(), fc.constant(null), fc.boolean(), tie("list"), tie("object")),
      list: fc.array(tie("value"), { maxLength: 8 }),
      object: fc.dictionary(text, tie("value"), { maxKeys: 8 }),
    }));
    fc.assert(
      fc.property(value, (input) => {
        const json = JSON.stringify(input);
        if (Buffer.byteLength(json) <= 1024) return expect(shown(input)).toEqual(input);
        const whole = typeof input === "string" ? input : json;
        const cut = shown(input);
        const next = String.fromCodePoint(whole.codePointAt(String(cut).length) ?? 0);
        expect(whole.startsWith(String(cut))).toBe(true);
        expect(Buffer.byteLength(String(cut))).toBeLessThanOrEqual(1024);
        expect(whole === cut || Buffer.byteLength(cut + next) > 1024).toBe(true);
      }),
    );
  });

  test("an input that nests deeper than JSON.stringify can go is cut like any other", () => {
    let deep: unknown = 1;
    for (let level = 0; level < 200_000; level++) deep = [deep];
    expect(shown(deep)).toBe("[".repeat(1024));
  });
});
