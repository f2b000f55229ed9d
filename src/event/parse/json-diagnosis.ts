/**
 * Finds why and where a body is not JSON, in the words of CPython 3.11's json.decoder, which FastAPI passes on. Runs
 * only after the refusal, so it is written for readers, not for speed. Without recursion, since the text may nest a
 * million levels deep.
 */

/** A fault and its place in code points, as Python counts. */
export type Diagnosis = { error: string; offset: number };

/** A fault and its place in UTF-16 units. */
type Fault = { error: string; at: number };

/** Finds the first fault of a string that JSON.parse refused. */
export function diagnoseSyntax(text: string): Diagnosis {
  return inCodePoints(text, firstFault(text));
}

/**
 * Finds the bracket that opens level `levelsMax + 1`. REQUIRES: the string is JSON and nests deeper than `levelsMax`.
 */
export function diagnoseDepth(text: string, levelsMax: number, error: string): Diagnosis {
  let levels = 0;
  let at = 0;
  for (; at < text.length; at++) {
    const char = text[at];
    if (char === '"') {
      const end = endOfString(text, at);
      if (typeof end !== "number") break;
      at = end - 1;
    } else if (char === "}" || char === "]") levels--;
    else if ((char === "{" || char === "[") && ++levels > levelsMax) break;
  }
  return inCodePoints(text, { error, at });
}

/** Finds the escape of a lone surrogate in a string that is JSON; undefined if there is none. */
export function diagnoseSurrogates(text: string): Diagnosis | undefined {
  for (let at = text.indexOf("\\"); at !== -1; at = text.indexOf("\\", at)) {
    const unit = escapedUnit(text, at);
    const isPair = isHigh(unit) && isLow(escapedUnit(text, at + 6));
    if (!isPair && (isHigh(unit) || isLow(unit))) return inCodePoints(text, { error: "Lone surrogate escape", at });
    // Skips the escaped character too: the second of two backslashes starts no escape.
    at += isPair ? 12 : 2;
  }
  return undefined;
}

/** Finds the first bytes that are not UTF-8. */
export function diagnoseUtf8(bytes: Uint8Array): Diagnosis {
  let offset = 0;
  let at = 0;
  // Bytes that cannot be decoded become U+FFFD here. A U+FFFD that was sent as such has its own three bytes.
  for (const char of new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)) {
    const isFault = char === "\ufffd" && !(bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd);
    if (isFault) break;
    at += Buffer.byteLength(char);
    offset++;
  }
  const isMarked = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return { error: "Invalid UTF-8", offset: isMarked ? offset - 1 : offset };
}

function inCodePoints(text: string, { error, at }: Fault): Diagnosis {
  let offset = at;
  for (let index = 0; index + 1 < at; index++)
    if (isHigh(text.charCodeAt(index)) && isLow(text.charCodeAt(index + 1))) offset--;
  return { error, offset };
}

/** Descends to the next value and, after it, leaves every container that ends there. */
function firstFault(text: string): Fault {
  const open: ("{" | "[")[] = [];
  let at = skipSpace(text, 0);
  for (;;) {
    const char = text[at];
    if (char === "{" || char === "[") {
      const inside = skipSpace(text, at + 1);
      if (text[inside] === closing[char]) {
        at = inside + 1;
      } else {
        open.push(char);
        const next = char === "{" ? valueAfterKey(text, inside) : inside;
        if (typeof next !== "number") return next;
        at = next;
        continue;
      }
    } else {
      const end = endOfScalar(text, at);
      if (typeof end !== "number") return end;
      at = end;
    }

    let container = open.at(-1);
    for (at = skipSpace(text, at); container !== undefined && text[at] === closing[container]; ) {
      open.pop();
      container = open.at(-1);
      at = skipSpace(text, at + 1);
    }
    // Something must follow the last container: otherwise JSON.parse would not have thrown.
    if (container === undefined) return { error: "Extra data", at };
    if (text[at] !== ",") return { error: "Expecting ',' delimiter", at };
    at = skipSpace(text, at + 1);
    if (container === "{") {
      const next = valueAfterKey(text, at);
      if (typeof next !== "number") return next;
      at = next;
    }
  }
}

const closing = { "{": "}", "[": "]" } as const;

/** By codes: a pattern takes ten times as long where there is no space, and a body may be nothing but brackets. */
function skipSpace(text: string, at: number): number {
  let end = at;
  for (;;) {
    const code = text.charCodeAt(end);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return end;
    end += 1;
  }
}

/** Where the value of the key at `at` starts. */
function valueAfterKey(text: string, at: number): number | Fault {
  if (text[at] !== '"') return { error: "Expecting property name enclosed in double quotes", at };
  const end = endOfString(text, at);
  if (typeof end !== "number") return end;
  const colon = skipSpace(text, end);
  return text[colon] === ":" ? skipSpace(text, colon + 1) : { error: "Expecting ':' delimiter", at: colon };
}

const literalOrNumber = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y;

/** Where the string, number or name at `at` ends. */
function endOfScalar(text: string, at: number): number | Fault {
  if (text[at] === '"') return endOfString(text, at);
  literalOrNumber.lastIndex = at;
  return literalOrNumber.test(text) ? literalOrNumber.lastIndex : { error: "Expecting value", at };
}

/** Where the string whose quote is at `start` ends. */
function endOfString(text: string, start: number): number | Fault {
  let at = start + 1;
  for (;;) {
    for (let code = text.charCodeAt(at); code >= 0x20 && code !== 0x22 && code !== 0x5c; ) code = text.charCodeAt(++at);
    const char = text[at];
    if (char === '"') return at + 1;
    if (char !== undefined && char !== "\\") return { error: "Invalid control character at", at };

    const escaped = text[at + 1];
    if (char === undefined || escaped === undefined) return { error: "Unterminated string starting at", at: start };
    if (!'"\\/bfnrtu'.includes(escaped)) return { error: "Invalid \\escape", at };
    // CPython needs a character after the four digits; without one it reports the escape, not the missing quote.
    const isBroken = escaped === "u" && (escapedUnit(text, at) === undefined || at + 6 === text.length);
    if (isBroken) return { error: "Invalid \\uXXXX escape", at: at + 1 };
    at += escaped === "u" ? 6 : 2;
  }
}

/** The UTF-16 unit of the escape at `at`, if there is one. */
function escapedUnit(text: string, at: number): number | undefined {
  if (text[at] !== "\\" || text[at + 1] !== "u") return undefined;
  let unit = 0;
  for (let index = at + 2; index < at + 6; index++) {
    const digit = hexDigits.indexOf(text[index] ?? " ");
    if (digit === -1) return undefined;
    unit = unit * 16 + (digit < 16 ? digit : digit - 6);
  }
  return unit;
}

const hexDigits = "0123456789abcdefABCDEF";

function isHigh(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number | undefined): boolean {
  return unit !== undefined && unit >= 0xdc00 && unit <= 0xdfff;
}
