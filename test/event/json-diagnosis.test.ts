import { describe, expect, test } from "bun:test";
import { parseJson } from "../../src/event/parse/parse.ts";

/** Text, offset in code points, message: printed by CPython 3.11's `json.loads`. */
const faults: [text: string, offset: number, error: string][] = [
  ["  ", 2, "Expecting value"],
  ["{", 1, "Expecting property name enclosed in double quotes"],
  ['{ "a"', 5, "Expecting ':' delimiter"],
  ['{"a" 1}', 5, "Expecting ':' delimiter"],
  ['{"a":', 5, "Expecting value"],
  ['{"a":1', 6, "Expecting ',' delimiter"],
  ['{"a":1,', 7, "Expecting property name enclosed in double quotes"],
  ['{"a":1,}', 7, "Expecting property name enclosed in double quotes"],
  ["{,", 1, "Expecting property name enclosed in double quotes"],
  ["{a:1}", 1, "Expecting property name enclosed in double quotes"],
  ["{'a':1}", 1, "Expecting property name enclosed in double quotes"],
  ['{"a":1 "b":2}', 7, "Expecting ',' delimiter"],
  ['{"a":{"b":[1,{"c":}]}}', 18, "Expecting value"],
  ["[", 1, "Expecting value"],
  ["[1", 2, "Expecting ',' delimiter"],
  ["[1,", 3, "Expecting value"],
  ["[1,]", 3, "Expecting value"],
  ["[,1]", 1, "Expecting value"],
  ["[1 2]", 3, "Expecting ',' delimiter"],
  ["[1}", 2, "Expecting ',' delimiter"],
  ['{"a":1]', 6, "Expecting ',' delimiter"],
  ["[[1,2],[3", 9, "Expecting ',' delimiter"],
  ["tru", 0, "Expecting value"],
  ["nul", 0, "Expecting value"],
  ["True", 0, "Expecting value"],
  ["undefined", 0, "Expecting value"],
  ["-", 0, "Expecting value"],
  ["-a", 0, "Expecting value"],
  ["+1", 0, "Expecting value"],
  [".5", 0, "Expecting value"],
  ["01", 1, "Extra data"],
  ["-01", 2, "Extra data"],
  ["1.", 1, "Extra data"],
  ["1.e5", 1, "Extra data"],
  ["1e", 1, "Extra data"],
  ["1e+", 1, "Extra data"],
  ["0x10", 1, "Extra data"],
  ["1_000", 1, "Extra data"],
  ["1 2", 2, "Extra data"],
  ["{} {}", 3, "Extra data"],
  ["[]]", 2, "Extra data"],
  ['"a', 0, "Unterminated string starting at"],
  ['"', 0, "Unterminated string starting at"],
  ['"a\\', 0, "Unterminated string starting at"],
  ['"\\x"', 1, "Invalid \\escape"],
  ['"\\u"', 2, "Invalid \\uXXXX escape"],
  ['"\\u12', 2, "Invalid \\uXXXX escape"],
  ['"\\u12G4"', 2, "Invalid \\uXXXX escape"],
  ['"\\u1234', 2, "Invalid \\uXXXX escape"],
  ['"\\ud83d\\u12"', 8, "Invalid \\uXXXX escape"],
  ['"\t"', 1, "Invalid control character at"],
  ['"a\nb"', 2, "Invalid control character at"],
  ['"\u0000"', 1, "Invalid control character at"],
  ['"\u001f', 1, "Invalid control character at"],
  ['["é😀", "\\q"]', 8, "Invalid \\escape"],
  ['["😀😀" 1]', 6, "Expecting ',' delimiter"],
  ["\u000b1", 0, "Expecting value"],
  [" 1", 0, "Expecting value"],
  ["/* c */1", 0, "Expecting value"],
  ["[1, // c\n2]", 4, "Expecting value"],
  ['{"a":1}}', 7, "Extra data"],
  ["[1,\n\n  }", 7, "Expecting value"],
  ['{"a":"b\\"}', 5, "Unterminated string starting at"],
];

/** What Python takes beyond JSON, and we refuse where it stands. */
const pythonOnly: [text: string, offset: number][] = [
  ["NaN", 0],
  ["[1,Infinity]", 3],
  ['{"a":-Infinity}', 5],
];

const encoder = new TextEncoder();

/** Offset and message of the one issue that a body is refused with. */
function refusalOf(body: string | Uint8Array) {
  const parsed = parseJson(typeof body === "string" ? encoder.encode(body) : body);
  if (parsed.ok) return undefined;
  return { offset: parsed.issues[0]?.loc[1], error: parsed.issues[0]?.ctx?.["error"] };
}

describe("malformed JSON is refused with the place and the words of CPython", () => {
  test.each(faults)("%j", (text, offset, error) => {
    expect(refusalOf(text)).toEqual({ offset, error });
  });
});

test.each(pythonOnly)("%j is refused, though Python takes it", (text, offset) => {
  expect(refusalOf(text)).toEqual({ offset, error: "Expecting value" });
});

test("the whole issue has FastAPI's form", () => {
  expect(parseJson(encoder.encode("[1,]"))).toEqual({
    ok: false,
    issues: [
      {
        type: "json_invalid",
        loc: ["body", 3],
        msg: "JSON decode error",
        input: {},
        ctx: { error: "Expecting value" },
      },
    ],
  });
});

describe("bytes that are no UTF-8 are refused at the first of them", () => {
  const cases: [what: string, bytes: number[], offset: number][] = [
    ["a byte that never occurs", [0x22, 0xff, 0x22], 1],
    ["a continuation without a beginning", [0x22, 0x61, 0x80, 0x22], 2],
    ["a character that is cut short", [0x22, 0xe2, 0x82], 1],
    ["an overlong zero", [0x22, 0xc0, 0x80, 0x22], 1],
    ["an overlong slash in three bytes", [0x22, 0xe0, 0x80, 0xaf, 0x22], 1],
    ["half a surrogate pair, as CESU-8 has it", [0x22, 0xed, 0xa0, 0x80, 0x22], 1],
    ["a code point past U+10FFFF", [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], 1],
    ["after what was sent as U+FFFD itself", [0x22, 0xef, 0xbf, 0xbd, 0xff, 0x22], 2],
    ["after a character of four bytes", [0x22, 0xf0, 0x9f, 0x98, 0x80, 0xff, 0x22], 2],
    ["after a byte order mark, which does not count", [0xef, 0xbb, 0xbf, 0x22, 0xff, 0x22], 1],
    ["UTF-16", [0xff, 0xfe, 0x31, 0x00], 0],
  ];
  test.each(cases)("%s", (_what, bytes, offset) => {
    expect(refusalOf(new Uint8Array(bytes))).toEqual({ offset, error: "Invalid UTF-8" });
  });
});

describe("half a surrogate pair is refused where its escape stands", () => {
  const cases: [text: string, offset: number][] = [
    ['"\\ud800"', 1],
    ['"\\uDFFF"', 1],
    ['"a\\ud83d!"', 2],
    ['"\\ud83d\\u0041"', 1],
    ['"\\ud83d\\ud83d\\ude00"', 1],
    ['"\\ude00\\ud83d"', 1],
    ['"\\ud83d\\\\ude00"', 1],
    ['"\\\\\\ud800"', 3],
    ['"\\\\ud800\\udc00"', 8],
    ['{"😀\\ud800":1}', 3],
    ['{"a":"\\ud800","a":1}', 6],
  ];
  test.each(cases)("%s", (text, offset) => {
    expect(refusalOf(text)).toEqual({ offset, error: "Lone surrogate escape" });
  });
});

test("nesting is refused at the bracket that goes too deep, and brackets in strings do not count", () => {
  const open = `["]]","[[\\"",`;
  expect(refusalOf(`${open.repeat(70)}0${"]".repeat(70)}`)).toEqual({
    offset: open.length * 68,
    error: "Nested deeper than 64 levels",
  });
});
