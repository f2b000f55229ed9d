/** Escapes in JSON strings, without parsing: where one ends, and how JSON.stringify would write the character. */
import { backslash, digit0, lineEnd, quote, space } from "../../base/ascii.ts";

/** Takes bytes one by one. */
type ByteSink = { byte(byte: number): void };

const letterU = 0x75;
const slash = 0x2f;

/** 1 for each byte that may follow a backslash, except `u`. */
const shortEscape = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) shortEscape[byte] = 1;

/** The control characters that have a short escape, with its letter. */
const letterOfControl = new Map([
  [0x08, 0x62],
  [0x09, 0x74],
  [lineEnd, 0x6e],
  [0x0c, 0x66],
  [0x0d, 0x72],
]);

/** The value of each hexadecimal digit; -1 for all other bytes. */
const hexValue = new Int8Array(256).fill(-1);
for (const [value, digit] of Buffer.from("0123456789abcdef").entries()) hexValue[digit] = value;
for (const [value, digit] of Buffer.from("ABCDEF").entries()) hexValue[digit] = 10 + value;

const hexDigits = Buffer.from("0123456789abcdef");

/** The UTF-16 unit of the `\uXXXX` at an offset; -1 if there is none. */
function unitAt(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== backslash || bytes[at + 1] !== letterU) return -1;
  let unit = 0;
  for (let index = at + 2; index < at + 6; index++) {
    const value = hexValue[bytes[index] ?? 0] ?? -1;
    if (value === -1) return -1;
    unit = unit * 16 + value;
  }
  return unit;
}

const isHigh = (unit: number) => unit >= 0xd800 && unit <= 0xdbff;
const isLow = (unit: number) => unit >= 0xdc00 && unit <= 0xdfff;

/** Where the escape ends whose backslash is at `at`; -1 if it is not an escape, or half of a surrogate pair. */
export function escapeEnd(bytes: Uint8Array, at: number): number {
  const kind = bytes[at + 1] ?? 0;
  if (kind !== letterU) return shortEscape[kind] === 1 ? at + 2 : -1;
  const unit = unitAt(bytes, at);
  if (unit === -1 || isLow(unit)) return -1;
  if (!isHigh(unit)) return at + 6;
  return isLow(unitAt(bytes, at + 6)) ? at + 12 : -1;
}

/** Whether JSON.stringify might write the escape at `at` differently. */
export function isRespelled(bytes: Uint8Array, at: number): boolean {
  const kind = bytes[at + 1];
  return kind === letterU || kind === slash;
}

/**
 * Writes what JSON.stringify would write for the escape at `at`, never more bytes than it has, and returns where it
 * ends.
 * REQUIRES: `escapeEnd` accepts it.
 */
export function writeEscape(sink: ByteSink, bytes: Uint8Array, at: number): number {
  const kind = bytes[at + 1] ?? 0;
  if (kind !== letterU) {
    if (kind !== slash) sink.byte(backslash);
    sink.byte(kind);
    return at + 2;
  }
  const unit = unitAt(bytes, at);
  if (!isHigh(unit)) {
    writeUnit(sink, unit);
    return at + 6;
  }
  const code = 0x10000 + ((unit - 0xd800) << 10) + (unitAt(bytes, at + 6) - 0xdc00);
  sink.byte(0xf0 | (code >> 18));
  sink.byte(0x80 | ((code >> 12) & 0x3f));
  sink.byte(0x80 | ((code >> 6) & 0x3f));
  sink.byte(0x80 | (code & 0x3f));
  return at + 12;
}

/** Writes a unit that is not part of a surrogate pair. */
function writeUnit(sink: ByteSink, unit: number): void {
  if (unit < space) {
    writeControl(sink, unit);
  } else if (unit < 0x80) {
    if (unit === quote || unit === backslash) sink.byte(backslash);
    sink.byte(unit);
  } else if (unit < 0x800) {
    sink.byte(0xc0 | (unit >> 6));
    sink.byte(0x80 | (unit & 0x3f));
  } else {
    sink.byte(0xe0 | (unit >> 12));
    sink.byte(0x80 | ((unit >> 6) & 0x3f));
    sink.byte(0x80 | (unit & 0x3f));
  }
}

function writeControl(sink: ByteSink, unit: number): void {
  const letter = letterOfControl.get(unit);
  sink.byte(backslash);
  sink.byte(letter ?? letterU);
  if (letter !== undefined) return;
  sink.byte(digit0);
  sink.byte(digit0);
  sink.byte(digit0 + (unit >> 4));
  sink.byte(hexDigits[unit & 0xf] ?? 0);
}
