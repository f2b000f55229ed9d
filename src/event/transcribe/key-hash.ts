/** Hashes of object keys, for finding and comparing them. */
import { backslash, digit0, digit9 } from "../../base/ascii.ts";
import { writeEscape } from "./json-escape.ts";

/** The hash that `JsonScanner.key` returns for a key of these bytes. */
export function keyHash(key: Uint8Array): number {
  let hash = 0;
  for (const byte of key) hash = hashWith(hash, byte);
  return hash;
}

/** The hash of what has this hash and one more byte. */
export const hashWith = (hash: number, byte: number): number => (Math.imul(hash, 31) + byte) | 0;

/** The largest index of a list: a larger number is a key like any other. */
const indexMax = 2 ** 32 - 2;

/** The key from `from` to before `to` as an index of a list; -1 if it is not one. */
export function indexIn(bytes: Uint8Array, from: number, to: number): number {
  if (bytes[from] === digit0 && to > from + 1) return -1;
  let index = 0;
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - digit0;
    if (digit < 0 || digit > 9) return -1;
    index = index * 10 + digit;
    if (index > indexMax) return -1;
  }
  return index;
}

/** The same hash for a key that has escapes: of the bytes that JSON.stringify would write for it. */
export class KeyHash {
  hash = 0;
  /** Whether the key consists of digits alone. */
  isNumber = true;

  /** REQUIRES: the bytes from `from` to before `to` are what a JSON string holds. */
  constructor(bytes: Uint8Array, from: number, to: number) {
    for (let at = from; at < to; ) {
      const byte = bytes[at] ?? 0;
      if (byte === backslash) at = writeEscape(this, bytes, at);
      else {
        this.byte(byte);
        at += 1;
      }
    }
  }

  /** Takes the next byte. */
  byte(byte: number): void {
    this.hash = hashWith(this.hash, byte);
    if (byte < digit0 || byte > digit9) this.isNumber = false;
  }
}
