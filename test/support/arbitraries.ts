/** What fast-check makes events from. */
import { fc } from "./property.ts";

/** The eight of the reference, written here again: the tests hold the schema against it. */
export const categories = [
  "page_view",
  "user_action",
  "trading",
  "auth",
  "error",
  "performance",
  "feature",
  "system",
] as const;

/** The four of the reference. */
export const priorities = ["low", "medium", "high", "critical"] as const;

/** A JSON number as text, in every spelling that the grammar has: the digits are the point. */
export const numberText: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.constant("0"), fc.bigInt({ min: 1n, max: 10n ** 30n }).map(String)),
    fc.oneof(
      fc.constant(""),
      fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 20 }).map((digits) => `.${digits.join("")}`),
    ),
    fc.oneof(
      { arbitrary: fc.constant(""), weight: 3 },
      {
        arbitrary: fc
          .tuple(fc.constantFrom("e", "E"), fc.constantFrom("", "+", "-"), fc.integer({ min: 0, max: 999 }))
          .map((parts) => parts.join("")),
        weight: 1,
      },
    ),
  )
  .map((parts) => parts.join(""));

/** A string as JSON text: any code point (U+0000 too), no lone surrogate. */
export const stringText: fc.Arbitrary<string> = fc
  .string({ unit: "binary", maxLength: 12 })
  .map((text) => JSON.stringify(text));

const keyText = fc.oneof(
  { arbitrary: stringText, weight: 4 },
  { arbitrary: fc.constantFrom('"__proto__"', '"constructor"', '"toJSON"', '""', '"0"', '"a.b"', '"$"'), weight: 1 },
);

const { value: anyText } = fc.letrec<{ value: string; list: string; object: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    numberText,
    stringText,
    fc.constantFrom("true", "false", "null"),
    tie("list"),
    tie("object"),
  ),
  list: fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
  object: objectOf(tie("value")),
}));

function objectOf(value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.tuple(keyText, value), { maxLength: 4, selector: ([key]) => JSON.parse(key) })
    .map((members) => `{${members.map(([key, text]) => `${key}:${text}`).join(", ")}}`);
}

/** The text of an object for `properties`: no key twice in one object. */
export const propertiesText: fc.Arbitrary<string> = objectOf(anyText);

/** One of the eight. */
export const category = fc.constantFrom(...categories);

/** One of the four. */
export const priority = fc.constantFrom(...priorities);

/** A moment from year 1 to 9999, in microseconds since 1970, beside one way to write it. */
export const moment: fc.Arbitrary<{ readonly micros: bigint; readonly text: string }> = fc
  .record({
    // A day from each end, so that every offset still writes a year of four digits.
    micros: fc.bigInt({ min: -62_135_510_400_000_000n, max: 253_402_214_399_999_999n }),
    offsetMinutes: fc.option(fc.integer({ min: -1439, max: 1439 }), { nil: undefined }),
    between: fc.constantFrom("T", "t", " "),
  })
  .map(({ micros, offsetMinutes, between }) => ({ micros, text: isoText(micros, offsetMinutes, between) }));

/** ISO 8601 with six digits; no offset: nothing is written after them, which means UTC. */
function isoText(micros: bigint, offsetMinutes: number | undefined, between: string): string {
  const local = micros + BigInt(offsetMinutes ?? 0) * 60_000_000n;
  const fraction = ((local % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((local - fraction) / 1000n)).toISOString().slice(0, 19).replace("T", between);
  return `${seconds}.${String(fraction).padStart(6, "0")}${offsetText(offsetMinutes)}`;
}

function offsetText(minutes: number | undefined): string {
  if (minutes === undefined) return "";
  if (minutes === 0) return "Z";
  const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) =>
    String(part).padStart(2, "0"),
  );
  return `${minutes < 0 ? "-" : "+"}${hours}:${rest}`;
}
