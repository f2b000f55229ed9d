/**
 * When an event happened, to the microsecond, in UTC. Reads what pydantic 2 reads (`speedate`, lax mode), without Date,
 * which has only milliseconds.
 */
import { digit0 } from "../base/ascii.ts";

/** A time from year 1 to year 9999. */
export type Timestamp = {
  /** `YYYY-MM-DDTHH:MM:SS.ffffffZ`: always 27 characters, so strings sort by time. */
  text: string;
  /** Whole hours since 1970-01-01T00Z; negative before. */
  hour: number;
};

/** The result of `parseTimestamp`; `error` is in pydantic's words. */
export type ParsedTimestamp = { ok: true; timestamp: Timestamp } | { ok: false; error: string };

/**
 * Reads ISO 8601, or a Unix time as a number or as a string of digits.
 * No offset means UTC. A Unix time is in seconds up to 2e10 in absolute value, and in milliseconds beyond. Digits past
 * the microsecond are cut off in ISO 8601 and rounded in a Unix time.
 */
export function parseTimestamp(value: string | number): ParsedTimestamp {
  if (typeof value === "number") return parseUnix(value);
  return parseIso(value) ?? (unixText.test(value) ? parseUnix(Number(value)) : refused(isoError(value)));
}

/** Converts a clock's milliseconds since 1970. REQUIRES: the time is in the years 1 to 9999. */
export function timestampOfMs(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return momentOf(seconds, Math.floor((ms - seconds * 1000) * 1000));
}

/** Converts whole microseconds since 1970; an error outside of the years 1 to 9999. */
export function parseMicros(micros: bigint): ParsedTimestamp {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return momentWithin(Number((micros - rest) / 1_000_000n), Number(rest));
}

/** Whole hours since 1970-01-01T00Z of a `Timestamp`'s text. */
export function hourOfText(text: string): number {
  return daysAtStart(text) * 24 + twoDigits(text, 11);
}

const secondsPerDay = 86_400;
const year0Seconds = -62_167_219_200;
const year1Seconds = -62_135_596_800;
const year10000Seconds = 253_402_300_800;

/** Undefined if the string is not in this form. */
function parseIso(text: string): ParsedTimestamp | undefined {
  const days = daysAtStart(text);
  if (Number.isNaN(days)) return undefined;
  if (text.length === 10) return momentWithin(days * secondsPerDay, 0);

  const hour = twoDigits(text, 11);
  const minute = twoDigits(text, 14);
  if (!isSeparator(text.charCodeAt(10)) || text[13] !== ":" || !(hour <= 23) || !(minute <= 59)) return undefined;
  const hasSecond = text[16] === ":";
  const second = hasSecond ? twoDigits(text, 17) : 0;
  if (!(second <= 59)) return undefined;
  const hasFraction = hasSecond && (text[19] === "." || text[19] === ",");
  const timeEnd = hasFraction ? endOfDigits(text, 20) : hasSecond ? 19 : 16;
  if (hasFraction && timeEnd === 20) return undefined;
  const offsetMinutes = timeEnd === text.length ? 0 : offsetMinutesAt(text, timeEnd);
  if (Number.isNaN(offsetMinutes)) return undefined;

  const fraction = hasFraction ? text.slice(20, Math.min(timeEnd, 26)).padEnd(6, "0") : "000000";
  // Most clients send nearly the canonical form. Slicing theirs is three times as fast as formatting numbers.
  if (offsetMinutes === 0 && hasSecond && days * secondsPerDay >= year1Seconds) {
    const timestamp = { text: `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction}Z`, hour: days * 24 + hour };
    return { ok: true, timestamp };
  }
  const seconds = days * secondsPerDay + hour * 3600 + (minute - offsetMinutes) * 60 + second;
  return momentWithin(seconds, Number(fraction));
}

/** Days from 1970-01-01 to the date `YYYY-MM-DD` that a string starts with; NaN if it starts with none. */
function daysAtStart(text: string): number {
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const isDate = text[4] === "-" && text[7] === "-" && month >= 1 && month <= 12 && day >= 1;
  return isDate && day <= daysInMonth(year, month) ? daysSince1970(year, month, day) : Number.NaN;
}

/** NaN if there are not two digits; NaN fails every comparison. */
function twoDigits(text: string, at: number): number {
  const tens = text.charCodeAt(at) - 48;
  const ones = text.charCodeAt(at + 1) - 48;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : Number.NaN;
}

function endOfDigits(text: string, at: number): number {
  let end = at;
  for (let code = text.charCodeAt(end); code >= 48 && code <= 57; code = text.charCodeAt(end)) end++;
  return end;
}

/** `T`, `t`, space or `_`. */
function isSeparator(code: number): boolean {
  return code === 84 || code === 116 || code === 32 || code === 95;
}

/** Reads the offset that must fill the rest of a string: `Z`, `+HH:MM` or `+HHMM`. NaN for anything else. */
function offsetMinutesAt(text: string, at: number): number {
  const sign = text[at];
  if ((sign === "Z" || sign === "z") && text.length === at + 1) return 0;
  const minutesAt = text[at + 3] === ":" ? at + 4 : at + 3;
  const hours = twoDigits(text, at + 1);
  const minutes = twoDigits(text, minutesAt);
  if (!(hours <= 23) || !(minutes <= 59) || text.length !== minutesAt + 2) return Number.NaN;
  // Speedate also accepts U+2212, the typographic minus.
  return sign === "+" ? hours * 60 + minutes : sign === "-" || sign === "\u2212" ? -hours * 60 - minutes : Number.NaN;
}

/** Each character can be read in one way only: a string of a million digits must not be tried in as many ways. */
const unixText = /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)$/;
const unixSecondsMax = 2e10;

function parseUnix(time: number): ParsedTimestamp {
  const whole = Math.floor(time);
  const inMs = Math.abs(time) > unixSecondsMax;
  const seconds = inMs ? Math.floor(whole / 1000) : whole;
  // The fraction is computed from the original number: multiplying the whole time first would round twice.
  const micros = inMs
    ? (whole - seconds * 1000) * 1000 + Math.round((time - whole) * 1000)
    : Math.round((time - whole) * 1e6);
  if (seconds < year0Seconds) return refused("dates before 0000 are not supported as unix timestamps");
  if (!(seconds < year10000Seconds)) return refused("dates after 9999 are not supported as unix timestamps");
  return micros < 1e6 ? momentWithin(seconds, micros) : momentWithin(seconds + 1, micros - 1e6);
}

function momentWithin(seconds: number, micros: number): ParsedTimestamp {
  if (seconds < year1Seconds) return refused("year 0 is out of range");
  if (seconds >= year10000Seconds) return refused("year 10000 is out of range");
  return { ok: true, timestamp: momentOf(seconds, micros) };
}

function refused(error: string): ParsedTimestamp {
  return { ok: false, error };
}

/** Length of a time as it is stored, `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Bytes, and as many characters. */
export const timestampBytes = 27;

/** The last time that was made, written over for each: joining strings would leave ten of them for each time. */
const written = Buffer.from("1970-01-01T00:00:00.000000Z");
/** Days from 1970 to the date in `written`. */
let writtenDays = 0;

function momentOf(seconds: number, micros: number): Timestamp {
  const days = Math.floor(seconds / secondsPerDay);
  if (days !== writtenDays) written.write(dateOf(days), 0, "latin1");
  writtenDays = days;
  const rest = seconds - days * secondsPerDay;
  const hour = Math.floor(rest / 3600);
  writeDigits(hour, 11, 13);
  writeDigits(Math.floor(rest / 60) % 60, 14, 16);
  writeDigits(rest % 60, 17, 19);
  writeDigits(micros, 20, 26);
  return { text: written.toString("latin1"), hour: days * 24 + hour };
}

/** Writes a whole number into `written` from `from` to before `to`, with zeros in front. */
function writeDigits(value: number, from: number, to: number): void {
  let rest = value;
  for (let at = to - 1; at >= from; at--) {
    written[at] = digit0 + (rest % 10);
    rest = Math.floor(rest / 10);
  }
}

function padded(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

/** Counts years from March: the leap day is then their last day, and the lengths of months repeat. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((marchMonth * 153 + 2) / 5) + day - 719_469;
}

/** The inverse of `daysSince1970`, as a string. */
function dateOf(days: number): string {
  const marchDays = days + 719_468;
  const era = Math.floor(marchDays / 146_097);
  const dayOfEra = marchDays - era * 146_097;
  // The terms remove the leap days of 4, 100 and 400 years, so that all years have 365 days.
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100);
  const dayOfYear = dayOfEra - yearOfEra * 365 - leapDays;
  const marchMonth = Math.floor((dayOfYear * 5 + 2) / 153);
  const day = dayOfYear - Math.floor((marchMonth * 153 + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = era * 400 + yearOfEra + (month > 2 ? 0 : 1);
  return `${padded(year, 4)}-${padded(month, 2)}-${padded(day, 2)}`;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/**
 * Why a string is not a time. pydantic reports the fault that it met when, as its last attempt, it tried a date alone.
 */
function isoError(text: string): string {
  if (Buffer.byteLength(text) < 10) return "input is too short";
  if (!/^\d{4}/.test(text)) return "invalid character in year";
  if (text[4] !== "-") return "invalid date separator, expected `-`";
  const month = twoDigits(text, 5);
  if (Number.isNaN(month)) return "invalid character in month";
  if (text[7] !== "-") return "invalid date separator, expected `-`";
  if (Number.isNaN(twoDigits(text, 8))) return "invalid character in day";
  if (month < 1 || month > 12) return "month value is outside expected range of 1-12";
  if (Number.isNaN(daysAtStart(text))) return "day value is outside expected range";
  return "unexpected extra characters at the end of the input";
}
