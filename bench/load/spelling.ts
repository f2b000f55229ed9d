/**
 * JSON as the encoders of other languages spell it, by rules that write the fixtures of the real encoders byte for byte
 * (`test/bench/spelling.test.ts`).
 */
import { Real, type RealRules, type WriterRules, writeJson } from "./json-writer.ts";

const shortEscapes: Readonly<Record<string, string>> = {
  "\b": "\\b",
  "\f": "\\f",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  '"': '\\"',
  "\\": "\\\\",
};

/** The escapes of a character's UTF-16 units. */
function unitEscapes(char: string, isUpper = false): string {
  const units = Array.from({ length: char.length }, (_, index) => {
    const digits = char.charCodeAt(index).toString(16).padStart(4, "0");
    return `\\u${isUpper ? digits.toUpperCase() : digits}`;
  });
  return units.join("");
}

type EscapeRules = {
  /** Characters that are escaped beside controls, the quote and the backslash. */
  escaped?: RegExp;
  isUpper?: boolean;
  /** Escapes that are not the usual ones. */
  own?: Readonly<Record<string, string>>;
};

/** Which characters an encoder escapes, and how. */
function escaping({ escaped, isUpper, own = {} }: EscapeRules): WriterRules["escape"] {
  const known: Readonly<Record<string, string>> = { ...shortEscapes, ...own };
  return (char) => {
    const short = known[char];
    if (short !== undefined) return short;
    return char < " " || escaped?.test(char) === true ? unitEscapes(char, isUpper) : undefined;
  };
}

const ofJavaScript: RealRules = {
  ...{ exponentFrom: 21, exponentUpTo: -7, mark: "e+", exponentDigits: 1 },
  ...{ zeroBeforeExponent: false, zeroAfterWhole: false },
};
const ofPython: RealRules = {
  ...{ exponentFrom: 16, exponentUpTo: -5, mark: "e+", exponentDigits: 2 },
  ...{ zeroBeforeExponent: false, zeroAfterWhole: true },
};
const usual = { spaces: false, sortsKeys: false, whole: String };

/** Each encoder by name: its rules. */
const encoders = {
  javascript: { ...usual, escape: escaping({}), real: ofJavaScript, whole: (value) => String(Number(value)) },
  python: { ...usual, spaces: true, escape: escaping({ escaped: /[^ -~]/u }), real: ofPython },
  "python-utf8": { ...usual, spaces: true, escape: escaping({}), real: ofPython },
  php: {
    ...{ ...usual, escape: escaping({ escaped: /[\u0080-\u{10ffff}]/u, own: { "/": "\\/" } }) },
    real: { ...ofPython, exponentFrom: 17, exponentDigits: 1, zeroBeforeExponent: true, zeroAfterWhole: false },
  },
  go: {
    ...{ ...usual, sortsKeys: true, real: ofJavaScript },
    escape: escaping({ escaped: /[<>&\u2028\u2029]/u, own: { "\b": "\\u0008", "\f": "\\u000c" } }),
  },
  jackson: {
    // As bytes; as a string it would write them as they are.
    ...{ ...usual, escape: escaping({ escaped: /[\u{10000}-\u{10ffff}]/u, isUpper: true }) },
    real: {
      ...{ exponentFrom: 7, exponentUpTo: -4, mark: "E", exponentDigits: 1 },
      ...{ zeroBeforeExponent: true, zeroAfterWhole: true },
    },
  },
  ruby: { ...usual, escape: escaping({}), real: { ...ofPython, exponentFrom: 15, zeroBeforeExponent: true } },
  dotnet: {
    ...{ ...usual, escape: escaping({ escaped: /[^ -~]|[&'+<>`]/u, isUpper: true, own: { '"': "\\u0022" } }) },
    real: { ...ofPython, exponentFrom: 15, mark: "E+", zeroAfterWhole: false },
  },
} as const satisfies Readonly<Record<string, WriterRules>>;

/** An encoder whose spelling is known. */
export type Spelling = keyof typeof encoders;

/** All spellings, JavaScript's first. */
export const spellings: readonly Spelling[] = [
  ...(["javascript", "python", "python-utf8", "php", "go", "jackson", "ruby", "dotnet"] as const),
];

/**
 * Spells JSON as an encoder does. A number with a point or an exponent is a double to its client, and so is each number
 * of a member in `realKeys`. REQUIRES: no key is a number, which JavaScript would put first.
 */
export function respelled(json: string, spelling: Spelling, realKeys: readonly string[] = []): string {
  const value: unknown = JSON.parse(json, (key, each, { source }) => {
    if (typeof each !== "number" || source === undefined) return each;
    if (/[.eE]/.test(source) || realKeys.includes(key)) return new Real(each);
    return Number.isSafeInteger(each) ? each : BigInt(source);
  });
  return writeJson(value, encoders[spelling]);
}
