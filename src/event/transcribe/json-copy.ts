/** Copies JSON from a body into a line as JSON.stringify would write it, without parsing and without garbage. */
import { backslash, quote, space } from "../../base/ascii.ts";
import type { LineBuffer } from "../../base/line-buffer.ts";
import { escapeEnd, writeEscape } from "./json-escape.ts";

/** The bytes from `from` to before `to`. */
type Stretch = { from: number; to: number };

/**
 * Copies without the space between tokens, and with escapes as JSON.stringify writes them. REQUIRES: as many bytes
 * reserved as the stretch has.
 */
export function copyRespelled(lines: LineBuffer, body: Buffer, { from, to }: Stretch): void {
  // Byte by byte: there may be space after each token, and a call for each token takes several times as long.
  const memory = lines.memory;
  let end = lines.end;
  let isInString = false;
  for (let at = from; at < to; ) {
    const byte = body[at] ?? 0;
    if (byte === backslash) {
      lines.moveEnd(end);
      at = writeEscape(lines, body, at);
      end = lines.end;
      continue;
    }
    at += 1;
    if (byte === quote) isInString = !isInString;
    else if (byte <= space && !isInString) continue;
    memory[end++] = byte;
  }
  lines.moveEnd(end);
}

/** How many code points a JSON string has. REQUIRES: the stretch is without its quotes. */
export function codePointsIn(body: Buffer, { from, to }: Stretch): number {
  let codePoints = 0;
  for (let at = from; at < to; codePoints++) {
    if (body[at] === backslash) {
      at = escapeEnd(body, at);
      continue;
    }
    at += 1;
    while (((body[at] ?? 0) & 0xc0) === 0x80) at += 1;
  }
  return codePoints;
}

/** What JSON.stringify would write for JSON that is a string or null; undefined if it is neither. */
export function canonicalText(text: string): string | undefined {
  if (!text.includes("\\")) return text;
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    // The guess where it begins was wrong: it only looked like a string.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
