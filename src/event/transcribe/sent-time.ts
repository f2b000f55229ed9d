/**
 * Converts a client's timestamp to the 27 characters of a line. The usual spelling is copied byte by byte, without
 * allocating a string.
 */
import { colon, digit0, digit9, dot, letterZ } from "../../base/ascii.ts";
import { parseTimestamp, type Timestamp, timestampBytes } from "../timestamp.ts";

/** Length of `YYYY-MM-DD`. */
const dateBytes = 10;
/** Length of `YYYY-MM-DDTHH:MM:SS`, after which a fraction may follow. */
const secondsEnd = 19;
const hourAt = 11;
/** Digits of a fraction that are kept. */
const fractionDigits = 6;

/** Where a JSON string is, and whether it has an escape that JSON.stringify may write differently. */
type JsonString = { from: number; to: number; isRespelled: boolean };

/** The last time that was read. */
export class SentTime {
  /** `YYYY-MM-DDTHH:MM:SS.ffffffZ`, in ASCII. */
  readonly bytes = Buffer.from("1970-01-01T00:00:00.000000Z");
  /** Whole hours since 1970-01-01T00Z. */
  hour = 0;
  /** Hours from 1970 to the start of the day in `bytes`. */
  #dayHours = 0;

  /** Reads a JSON string, quotes included; false if it is not a time, or not certain to be one. */
  readString(body: Buffer, { from, to, isRespelled }: JsonString): boolean {
    // .NET escapes the plus of an offset.
    if (isRespelled) return this.read(String(JSON.parse(body.toString("utf8", from, to))));
    return this.#readUsual(body, from + 1, to - 1) || this.read(body.toString("latin1", from + 1, to - 1));
  }

  /** Reads a time in any form; false if it is not a time. */
  read(value: string | number): boolean {
    const parsed = parseTimestamp(value);
    if (!parsed.ok) return false;
    this.take(parsed.timestamp);
    return true;
  }

  /** Takes a time that was read before. */
  take({ text, hour }: Timestamp): void {
    this.bytes.write(text, 0, "latin1");
    this.hour = hour;
    this.#dayHours = hour - twoDigits(this.bytes, hourAt);
  }

  /**
   * Reads a time on the day of the last one, in UTC: `YYYY-MM-DDTHH:MM:SS`, up to six digits after a point, and `Z`.
   */
  #readUsual(body: Buffer, from: number, to: number): boolean {
    const { bytes } = this;
    const fractionEnd = to - 1;
    const length = fractionEnd - from;
    if (length < secondsEnd || length > secondsEnd + 1 + fractionDigits || body[fractionEnd] !== letterZ) return false;
    for (let index = 0; index <= dateBytes; index++) if (body[from + index] !== bytes[index]) return false;
    if (body[from + 13] !== colon || body[from + 16] !== colon) return false;
    const hour = twoDigits(body, from + hourAt);
    if (!(hour <= 23 && twoDigits(body, from + 14) <= 59 && twoDigits(body, from + 17) <= 59)) return false;
    if (length > secondsEnd && (body[from + secondsEnd] !== dot || length === secondsEnd + 1)) return false;
    for (let index = secondsEnd + 1; index < length; index++) if (!isDigit(body[from + index] ?? 0)) return false;
    for (let index = dateBytes + 1; index < secondsEnd; index++) bytes[index] = body[from + index] ?? 0;
    for (let index = secondsEnd + 1; index < timestampBytes - 1; index++)
      bytes[index] = index < length ? (body[from + index] ?? 0) : digit0;
    this.hour = this.#dayHours + hour;
    return true;
  }
}

const isDigit = (byte: number) => byte >= digit0 && byte <= digit9;

/** 100 where there are not two digits, which fails every comparison. */
function twoDigits(bytes: Buffer, at: number): number {
  const tens = bytes[at] ?? 0;
  const ones = bytes[at + 1] ?? 0;
  return isDigit(tens) && isDigit(ones) ? (tens - digit0) * 10 + ones - digit0 : 100;
}
