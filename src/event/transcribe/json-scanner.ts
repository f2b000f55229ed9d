/**
 * Scans JSON without parsing it: finds where values begin and end, and whether JSON.stringify would write the same
 * bytes.
 * REQUIRES: the bytes are valid UTF-8. JSON.parse accepts everything that a scanner accepts and calls plain, and
 * JSON.stringify then writes the same bytes, except for what the flags report: space between tokens, escapes, numbers
 * in another spelling (property test). What a scanner does not accept may still be JSON.
 */
import {
  backslash,
  closeList,
  closeObject,
  colon,
  comma,
  digit0,
  digit9,
  dot,
  letterE,
  lineEnd,
  minus,
  openList,
  openObject,
  plus,
  quote,
  space,
} from "../../base/ascii.ts";
import { longNumberChars, spellingOf } from "../parse/json-number.ts";
import { escapeEnd, isRespelled } from "./json-escape.ts";
import { indexIn, KeyHash } from "./key-hash.ts";
import { KeyStack } from "./key-stack.ts";

/** Deeper values go to the parser, which refuses some of them. `properties` may nest this deep in any body. Levels. */
const depthMax = 64;

/** 1 for each byte that a JSON string may hold unescaped: all but controls, the quote and the backslash. */
const ordinary = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < space || byte === quote || byte === backslash ? 0 : 1,
);

const words = ["true", "false", "null"].map((word) => Buffer.from(word));

/** A position in JSON. Steps return false for what they do not accept; the position then means nothing. */
export class JsonScanner {
  #bytes: Buffer = Buffer.alloc(0);
  /** The position: index of the next byte. */
  at = 0;
  /** Where the bytes of the last key begin. */
  keyAt = 0;
  /**
   * Set to false at what JSON.stringify might write differently: keys that are numbers and not in its order, or two
   * keys with one hash. The caller sets it to true.
   */
  isPlain = true;
  /** Set to true by space between tokens; set to false by the caller. */
  hasSpace = false;
  /** Set to true by an escape that JSON.stringify may write differently; set to false by the caller. */
  isRespelled = false;
  /** Set to true by a number that JSON.stringify would write with other digits or signs; set to false by the caller. */
  hasOwnSpelling = false;
  /**
   * Set to true by a number with a plus before its exponent that JSON.stringify writes the same; set to false by the
   * caller.
   */
  hasPlus = false;
  /**
   * The last key as an index of a list, which JavaScript puts before other keys, in ascending order; -1 if it is not
   * one, NaN if it is spelled with escapes.
   */
  keyIndex = -1;
  /** Whether the last key has an escape that JSON.stringify may write differently. */
  isKeyRespelled = false;
  readonly #keys = new KeyStack();
  /** Numbers of these bytes whose spelling was compared with JavaScript's. */
  #compared = 0;
  readonly #comparedNumbersMax: number;

  /** Bytes with more than `comparedNumbersMax` numbers that are long or have an exponent are not accepted. */
  constructor(comparedNumbersMax = Number.POSITIVE_INFINITY) {
    this.#comparedNumbersMax = comparedNumbersMax;
  }

  /** Starts scanning other bytes and resets all flags. */
  begin(bytes: Buffer): void {
    this.#bytes = bytes;
    this.at = 0;
    this.isPlain = true;
    this.hasSpace = false;
    this.isRespelled = false;
    this.hasOwnSpelling = false;
    this.hasPlus = false;
    this.#keys.clear();
    this.#compared = 0;
  }

  /** Skips space and returns the next byte; 0 at the end. */
  peek(): number {
    const bytes = this.#bytes;
    let at = this.at;
    let byte = bytes[at] ?? 0;
    if (byte > space) return byte;
    while (byte === space || byte === lineEnd || byte === 0x0d || byte === 0x09) byte = bytes[++at] ?? 0;
    if (at > this.at) this.hasSpace = true;
    this.at = at;
    return byte;
  }

  /** Steps over this byte, and space before it. */
  token(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at += 1;
    return true;
  }

  /**
   * Steps to the first member of an object or a list. Returns true if there is one, false if the container is empty,
   * undefined if none starts here.
   */
  enter(open: number, close: number): boolean | undefined {
    if (!this.token(open)) return undefined;
    if (this.peek() !== close) return true;
    this.at += 1;
    return false;
  }

  /**
   * Steps over the comma or the end after a member. Returns true at a comma, false at the end, undefined at anything
   * else.
   */
  next(close: number): boolean | undefined {
    const byte = this.peek();
    if (byte !== comma && byte !== close) return undefined;
    this.at += 1;
    return byte === comma;
  }

  /** Steps over a key and its colon. Returns the key's hash, or undefined if no key is here. */
  key(): number | undefined {
    if (this.peek() !== quote) return undefined;
    const bytes = this.#bytes;
    let at = this.at + 1;
    let byte = bytes[at] ?? 0;
    this.keyAt = at;
    this.isKeyRespelled = false;
    const isDigit = byte >= digit0 && byte <= digit9;
    let hash = 0;
    while (ordinary[byte] === 1) {
      hash = (Math.imul(hash, 31) + byte) | 0;
      byte = bytes[++at] ?? 0;
    }
    this.keyIndex = -1;
    if (byte === backslash) {
      const key = this.#keyWithEscapes();
      if (key === undefined) return undefined;
      ({ hash } = key);
      if (key.isNumber) this.keyIndex = Number.NaN;
    } else if (byte === quote) {
      this.at = at + 1;
      if (isDigit) this.keyIndex = indexIn(bytes, this.keyAt, at);
    } else return undefined;
    return this.token(colon) ? hash : undefined;
  }

  /** Steps over a key that has escapes, and hashes it as JSON.stringify would write it. */
  #keyWithEscapes(): KeyHash | undefined {
    const bytes = this.#bytes;
    const wasRespelled = this.isRespelled;
    this.isRespelled = false;
    if (!this.string()) return undefined;
    this.isKeyRespelled = this.isRespelled;
    if (wasRespelled) this.isRespelled = true;
    return new KeyHash(bytes, this.keyAt, this.at - 1);
  }

  /** Whether the last key is this one, spelled without a backslash. REQUIRES: `key` has no backslash. */
  keyIs(key: Uint8Array): boolean {
    return this.#isAt(this.keyAt, key) && this.#bytes[this.keyAt + key.length] === quote;
  }

  /** Steps over a string, which must begin right here. */
  string(): boolean {
    const bytes = this.#bytes;
    let at = this.at;
    if (bytes[at] !== quote) return false;
    let byte = bytes[++at] ?? 0;
    for (;;) {
      while (ordinary[byte] === 1) byte = bytes[++at] ?? 0;
      if (byte === quote) break;
      if (byte !== backslash) return false;
      const end = escapeEnd(bytes, at);
      if (end === -1) return false;
      if (isRespelled(bytes, at)) this.isRespelled = true;
      at = end;
      byte = bytes[at] ?? 0;
    }
    this.at = at + 1;
    return true;
  }

  /** Steps over any value. */
  value(depth = 0): boolean {
    const byte = this.peek();
    if (byte === quote) return this.string();
    if (byte === minus || (byte >= digit0 && byte <= digit9)) return this.#number();
    if (byte === openObject) return depth < depthMax && this.#object(depth);
    if (byte === openList) return depth < depthMax && this.#list(depth);
    for (const word of words) if (byte === word[0]) return this.#word(word);
    return false;
  }

  #object(depth: number): boolean {
    const keys = this.#keys;
    const first = keys.end;
    let lastIndex = -1;
    let goesOn = this.enter(openObject, closeObject);
    while (goesOn === true) {
      const hash = this.key();
      if (hash === undefined) return false;
      // Two keys with the same hash may be the same key.
      if (!keys.push(first, hash)) this.isPlain = false;
      const { keyIndex } = this;
      if (keyIndex === -1) lastIndex = Number.POSITIVE_INFINITY;
      else if (keyIndex > lastIndex) lastIndex = keyIndex;
      // Also for NaN.
      else this.isPlain = false;
      if (!this.value(depth + 1)) return false;
      goesOn = this.next(closeObject);
    }
    if (!keys.pop(first)) this.isPlain = false;
    return goesOn === false;
  }

  #list(depth: number): boolean {
    let goesOn = this.enter(openList, closeList);
    while (goesOn === true) {
      if (!this.value(depth + 1)) return false;
      goesOn = this.next(closeList);
    }
    return goesOn === false;
  }

  #word(word: Uint8Array): boolean {
    const start = this.at;
    this.at += word.length;
    return this.#isAt(start, word);
  }

  #isAt(at: number, expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false;
    return true;
  }

  #number(): boolean {
    const bytes = this.#bytes;
    const start = this.at;
    let at = start;
    if (bytes[at] === minus) at += 1;
    const whole = at;
    at = this.#digitsEnd(at);
    if (at === whole || (bytes[whole] === digit0 && at > whole + 1)) return false;
    const wholeEnd = at;
    const after = bytes[at] ?? 0;
    // Most numbers: a short integer is spelled in one way, save for minus zero.
    if (after !== dot && (after | space) !== letterE && at - start < longNumberChars && bytes[start] !== minus) {
      this.at = at;
      return true;
    }
    if (after === dot) {
      at = this.#digitsEnd(wholeEnd + 1);
      if (at === wholeEnd + 1) return false;
    }
    const fractionEnd = at;
    if (((bytes[at] ?? 0) | space) === letterE) {
      at += 1;
      if (bytes[at] === minus || bytes[at] === plus) at += 1;
      const exponent = at;
      at = this.#digitsEnd(at);
      if (at === exponent) return false;
    }
    this.at = at;
    // After one number in another spelling, the spelling of the others does not matter.
    if (this.hasOwnSpelling) return true;
    if (at > fractionEnd || at - start >= longNumberChars) {
      this.#compared += 1;
      if (this.#compared > this.#comparedNumbersMax) return false;
    }
    const spelling = spellingOf(bytes, { start, whole, wholeEnd, fractionEnd, end: at });
    if (spelling === "own") this.hasOwnSpelling = true;
    else if (spelling === "plus") this.hasPlus = true;
    return true;
  }

  #digitsEnd(from: number): number {
    const bytes = this.#bytes;
    let at = from;
    let byte = bytes[at] ?? 0;
    while (byte >= digit0 && byte <= digit9) byte = bytes[++at] ?? 0;
    return at;
  }
}
