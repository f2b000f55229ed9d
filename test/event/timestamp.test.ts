import { describe, expect, test } from "bun:test";
import { hourOfText, parseTimestamp, timestampOfMs } from "../../src/event/timestamp.ts";
import { moment } from "../support/arbitraries.ts";
import { draws, fc } from "../support/property.ts";

/** What a value is read as; an error stands for itself. */
function textOf(value: string | number): string {
  const parsed = parseTimestamp(value);
  return parsed.ok ? parsed.timestamp.text : parsed.error;
}

/** The canonical text of microseconds since 1970, by Date and BigInt. */
function reference(micros: bigint): { text: string; hour: number } {
  const inSecond = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const date = new Date(Number((micros - inSecond) / 1000n));
  const text = `${date.toISOString().slice(0, 19)}.${String(inSecond).padStart(6, "0")}Z`;
  return { text, hour: Math.floor(date.getTime() / 3_600_000) };
}

describe("ISO 8601 is read to the microsecond, in UTC", () => {
  const readings: [text: string, canonical: string][] = [
    ["2026-11-23T15:05:47.123Z", "2026-11-23T15:05:47.123000Z"],
    ["2026-11-23T15:05:47.123456Z", "2026-11-23T15:05:47.123456Z"],
    ["2026-11-23T15:05:47.1234569Z", "2026-11-23T15:05:47.123456Z"],
    ["2026-11-23T15:05:47.999999999999999999999Z", "2026-11-23T15:05:47.999999Z"],
    ["2026-11-23T15:05:47,5Z", "2026-11-23T15:05:47.500000Z"],
    ["2026-11-23T15:05:47Z", "2026-11-23T15:05:47.000000Z"],
    ["2026-11-23T15:05Z", "2026-11-23T15:05:00.000000Z"],
    ["2026-11-23T15:05", "2026-11-23T15:05:00.000000Z"],
    ["2026-11-23", "2026-11-23T00:00:00.000000Z"],
    ["2026-11-23t15:05:47z", "2026-11-23T15:05:47.000000Z"],
    ["2026-11-23 15:05:47", "2026-11-23T15:05:47.000000Z"],
    ["2026-11-23_15:05:47", "2026-11-23T15:05:47.000000Z"],
    ["2026-11-23T15:05:47+01:30", "2026-11-23T13:35:47.000000Z"],
    ["2026-11-23T15:05:47.25-0130", "2026-11-23T16:35:47.250000Z"],
    ["2026-11-23T15:05\u221201:30", "2026-11-23T16:35:00.000000Z"],
    ["2026-11-23T15:05:47-00:00", "2026-11-23T15:05:47.000000Z"],
    ["2026-12-31T23:59:59.5-23:59", "2027-01-01T23:58:59.500000Z"],
    ["2024-02-29T00:00:00+00:01", "2024-02-28T23:59:00.000000Z"],
    ["2000-02-29", "2000-02-29T00:00:00.000000Z"],
    ["0001-01-01", "0001-01-01T00:00:00.000000Z"],
    ["9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"],
  ];
  test.each(readings)("%s", (text, canonical) => {
    expect(textOf(text)).toBe(canonical);
  });

  test("at any moment of the years 1 to 9999, with any offset", () => {
    fc.assert(
      fc.property(moment, ({ micros, text }) => {
        expect(parseTimestamp(text)).toEqual({ ok: true, timestamp: reference(micros) });
      }),
      draws(3000),
    );
  });
});

describe("a Unix time is seconds up to 2e10 in size, and milliseconds past that", () => {
  const readings: [time: string | number, canonical: string][] = [
    [0, "1970-01-01T00:00:00.000000Z"],
    [-0.25, "1969-12-31T23:59:59.750000Z"],
    [1_700_000_000, "2023-11-14T22:13:20.000000Z"],
    [1_700_000_000.123456, "2023-11-14T22:13:20.123456Z"],
    [1_700_000_000_123.456, "2023-11-14T22:13:20.123456Z"],
    ["1700000000.9999999", "2023-11-14T22:13:21.000000Z"],
    [-1e-7, "1970-01-01T00:00:00.000000Z"],
    [2e10, "2603-10-11T11:33:20.000000Z"],
    [20_000_000_000.5, "1970-08-20T11:33:20.000500Z"],
    [20_000_000_001, "1970-08-20T11:33:20.001000Z"],
    [-2e10, "1336-03-23T12:26:40.000000Z"],
    [-20_000_000_001, "1969-05-14T12:26:39.999000Z"],
    [-62_135_596_800_000, "0001-01-01T00:00:00.000000Z"],
    [253_402_300_799_999, "9999-12-31T23:59:59.999000Z"],
    ["1700000000", "2023-11-14T22:13:20.000000Z"],
    ["1700000000.123456", "2023-11-14T22:13:20.123456Z"],
    ["-1700000000123.5", "1916-02-18T01:46:39.876500Z"],
    ["+5.", "1970-01-01T00:00:05.000000Z"],
    [".5", "1970-01-01T00:00:00.500000Z"],
    ["20261123", "1970-08-23T12:05:23.000000Z"],
  ];
  test.each(readings)("%p", (time, canonical) => {
    expect(textOf(time)).toBe(canonical);
  });

  test("kept to the microsecond, as a number and as its digits", () => {
    const seconds = fc.integer({ min: -2_000_000_000, max: 4_000_000_000 });
    fc.assert(
      fc.property(seconds, fc.integer({ min: 0, max: 999_999 }), (whole, fraction) => {
        const micros = BigInt(whole) * 1_000_000n + BigInt(fraction);
        const time = Number(`${whole < 0 ? "-" : ""}${digitsOf(micros)}`);
        expect(parseTimestamp(time)).toEqual({ ok: true, timestamp: reference(micros) });
        expect(textOf(String(time))).toBe(reference(micros).text);
      }),
      draws(2000),
    );
  });

  test("and so in milliseconds, where those of a clock are as exact", () => {
    fc.assert(
      fc.property(fc.integer({ min: 20_000_000_001, max: 253_402_300_799_999 }), (ms) => {
        const expected = reference(BigInt(ms) * 1000n);
        expect(parseTimestamp(ms)).toEqual({ ok: true, timestamp: expected });
        expect(timestampOfMs(ms)).toEqual(expected);
        expect(hourOfText(expected.text)).toBe(expected.hour);
      }),
    );
  });
});

/** Microseconds as seconds with six decimals, without the sign. */
function digitsOf(micros: bigint): string {
  const digits = String(micros < 0n ? -micros : micros).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}

describe("anything else is refused in pydantic's words", () => {
  const extra = "unexpected extra characters at the end of the input";
  const day = "day value is outside expected range";
  const after = "dates after 9999 are not supported as unix timestamps";
  const before = "dates before 0000 are not supported as unix timestamps";
  const refusals: [value: string | number, error: string][] = [
    ["", "input is too short"],
    ["nope", "input is too short"],
    ["1e3", "input is too short"],
    ["2026-1-23", "input is too short"],
    ["NaN", "input is too short"],
    [".", "input is too short"],
    [" 2026-11-23", "invalid character in year"],
    ["-2026-11-23", "invalid character in year"],
    ["１２３４", "invalid character in year"],
    ["2026-W01-1", "invalid character in month"],
    ["2026-11-2x", "invalid character in day"],
    ["2026/11/23", "invalid date separator, expected `-`"],
    ["20261123T150547Z", "invalid date separator, expected `-`"],
    ["2026-11/23", "invalid date separator, expected `-`"],
    ["2026-13-01", "month value is outside expected range of 1-12"],
    ["2026-00-00", "month value is outside expected range of 1-12"],
    ["2026-02-29", day],
    ["1900-02-29T00:00", day],
    ["2026-04-31", day],
    ["2026-01-00", day],
    ["2026-11-23T", extra],
    ["2026-11-23T15", extra],
    ["2026-11-23T24:00", extra],
    ["2026-11-23T23:60", extra],
    ["2026-11-23T15:05:60", extra],
    ["2026-11-23T15:05:", extra],
    ["2026-11-23T15:05:47.", extra],
    ["2026-11-23T15:05.5", extra],
    ["2026-11-23T15:05Zx", extra],
    ["2026-11-23T15:05 Z", extra],
    ["2026-11-23T15:05+01", extra],
    ["2026-11-23T15:05+24:00", extra],
    ["2026-11-23T15:05+01:60", extra],
    ["2026-11-23T15:05+01:00:00", extra],
    ["2026-11-23-15:05", extra],
    ["0000-12-31", "year 0 is out of range"],
    ["0000-12-31T23:59:59Z", "year 0 is out of range"],
    ["0001-01-01T00:00+00:01", "year 0 is out of range"],
    ["9999-12-31T23:59:59-00:01", "year 10000 is out of range"],
    [-62_135_596_800_001, "year 0 is out of range"],
    [-62_167_219_200_001, before],
    [253_402_300_800_000, after],
    [1e300, after],
    [Number.POSITIVE_INFINITY, after],
    [Number.NEGATIVE_INFINITY, before],
    ["999999999999999999", after],
    ["-999999999999999999", before],
  ];
  test.each(refusals)("%p", (value, error) => {
    expect(parseTimestamp(value)).toEqual({ ok: false, error });
  });

  test("and a string of half a million digits is refused in the time of its length", () => {
    for (const digits of ["1", "1.1", ".1"])
      expect(parseTimestamp(`${digits}${"1".repeat(500_000)}x`)).toMatchObject({ ok: false });
  });

  test("and no text and no number throws", () => {
    const value = fc.oneof(fc.string(), fc.double(), fc.stringMatching(/^\d{4}-\d\d-\d\d[T ]?[0-9:.,+Z-]{0,20}$/));
    fc.assert(
      fc.property(value, (any) => {
        const parsed = parseTimestamp(any);
        if (parsed.ok) expect(parsed.timestamp.text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      }),
    );
  });
});
