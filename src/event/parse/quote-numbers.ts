/**
 * Puts numbers in quotes that JSON.stringify would spell differently than the client did, so that a second parse keeps
 * their digits.
 */
import { backslash, digit0, digit9, dot, letterE, minus, plus, quote, space } from "../../base/ascii.ts";
import { spellingOf } from "./json-number.ts";

/**
 * Finds what follows a number that JSON.stringify may spell differently: one with an exponent, a fraction that ends in
 * 0, a minus before 0 alone, six zeros after the point, or 16 digits. Any other number already has the shortest
 * spelling of its double.
 * It looks for the rare character that follows a number and then looks behind: 140 ns for 400 bytes, compared to 350
 * when looking ahead from what precedes a number. A pattern that begins with the lookbehind could restart at each place
 * of a long run.
 */
const suspect = /[,}\]](?<=(?:\.\d*0|[eE][-+]?\d+|[\d.]{16}|-0|\.0{6}\d+)\s*.)/;

/**
 * Returns the JSON with quotes around each number that JSON.stringify would spell differently; undefined if there is
 * none. REQUIRES: `text` is JSON, and what `bytes` hold.
 */
export function quoteNumbers(text: string, bytes: Uint8Array): string | undefined {
  // Nothing follows a number that is the whole body.
  const mayBeNumber = !/[}\]]$/.test(text);
  return mayBeNumber || suspect.test(text)
    ? quotedIn(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    : undefined;
}

function quotedIn(bytes: Buffer): string | undefined {
  // Such a number has at least two bytes and gets two more.
  const quoted = Buffer.allocUnsafeSlow(bytes.byteLength * 2);
  let end = 0;
  let done = 0;
  let at = 0;
  while (at < bytes.byteLength) {
    const byte = bytes[at] ?? 0;
    if (byte === quote) at = stringEnd(bytes, at);
    else if (byte === minus || (byte >= digit0 && byte <= digit9)) {
      const number = placesOf(bytes, at);
      if (spellingOf(bytes, number) === "own") {
        end += bytes.copy(quoted, end, done, at);
        quoted[end++] = quote;
        end += bytes.copy(quoted, end, at, number.end);
        quoted[end++] = quote;
        done = number.end;
      }
      at = number.end;
    } else at += 1;
  }
  if (done === 0) return undefined;
  end += bytes.copy(quoted, end, done);
  return decoder.decode(quoted.subarray(0, end));
}

const decoder = new TextDecoder();

/** Where a string ends. REQUIRES: it begins here and ends. */
function stringEnd(bytes: Buffer, start: number): number {
  let at = start + 1;
  for (let byte = bytes[at]; byte !== quote; byte = bytes[at]) at += byte === backslash ? 2 : 1;
  return at + 1;
}

/** The parts of the number that begins here. */
function placesOf(bytes: Buffer, start: number) {
  const whole = bytes[start] === minus ? start + 1 : start;
  const wholeEnd = digitsEnd(bytes, whole);
  const fractionEnd = bytes[wholeEnd] === dot ? digitsEnd(bytes, wholeEnd + 1) : wholeEnd;
  if (((bytes[fractionEnd] ?? 0) | space) !== letterE) return { start, whole, wholeEnd, fractionEnd, end: fractionEnd };
  const sign = bytes[fractionEnd + 1];
  const exponent = sign === minus || sign === plus ? fractionEnd + 2 : fractionEnd + 1;
  return { start, whole, wholeEnd, fractionEnd, end: digitsEnd(bytes, exponent) };
}

function digitsEnd(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = bytes[at] ?? 0; byte >= digit0 && byte <= digit9; byte = bytes[at] ?? 0) at += 1;
  return at;
}
