/** Ids of events: UUIDs as lower-case strings with hyphens, and as four 32-bit words where there are very many. */

/** Makes a UUIDv7: later ids sort later. */
export function makeEventId(): string {
  return Bun.randomUUIDv7();
}

/** The result of `parseEventId`. */
export type ParsedEventId = { ok: true; id: string } | { ok: false; error: string };

const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const simple = /^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$/;

/**
 * Reads a UUID in any form that pydantic accepts: with hyphens, and then also in braces or after `urn:uuid:`; or as 32
 * digits. For anything else, `error` is the message of Rust's crate `uuid`, which pydantic passes on.
 */
export function parseEventId(text: string): ParsedEventId {
  if (canonical.test(text)) return { ok: true, id: text };
  const { body, start } = unwrap(text);
  const lower = body.toLowerCase();
  const id = start === 0 ? lower.replace(simple, "$1-$2-$3-$4-$5") : lower;
  return canonical.test(id)
    ? { ok: true, id }
    : { ok: false, error: errorOf(Buffer.byteLength(body) === 36 ? body : text) };
}

/** Removes braces or `urn:uuid:`; `start` is the offset of `body` in `text`. */
function unwrap(text: string): { body: string; start: number } {
  if (text.length > 1 && text.startsWith("{") && text.endsWith("}")) return { body: text.slice(1, -1), start: 1 };
  const urn = "urn:uuid:";
  return text.startsWith(urn) ? { body: text.slice(urn.length), start: urn.length } : { body: text, start: 0 };
}

const groupLengths = [8, 4, 4, 4, 12];

/** The crate reports offsets within the wrapping only if that holds the right number of bytes. */
function errorOf(text: string): string {
  const { body, start } = unwrap(text);
  const at = body.search(/[^0-9a-fA-F-]/);
  if (at !== -1) {
    const found = String.fromCodePoint(body.codePointAt(at) ?? 0);
    const expected = "expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-]";
    return `invalid character: ${expected}, found \`${found}\` at ${start + at + 1}`;
  }
  let groupCount = 1;
  for (let dash = body.indexOf("-"); dash !== -1; dash = body.indexOf("-", dash + 1)) groupCount += 1;
  if (groupCount === 1 && start === 0) {
    return `invalid length: expected length 32 for simple format, found ${body.length}`;
  }
  if (groupCount !== groupLengths.length) return `invalid group count: expected 5, found ${groupCount}`;
  const groups = body.split("-").map((digits) => digits.length);
  const group = groups.findIndex((length, index) => length !== groupLengths[index]);
  // The crate adds the wrapping to the length of the last group.
  const found = group === 4 ? text.length - 24 : groups[group];
  return `invalid group length in group ${group}: expected ${groupLengths[group]}, found ${found}`;
}

/** Writes an id as four words at `offset`, most significant first, so words compare as ids do. */
export function writeEventId(id: string, into: Uint32Array, offset: number): void {
  into[offset] = (fourDigits(id, 0) << 16) | fourDigits(id, 4);
  into[offset + 1] = (fourDigits(id, 9) << 16) | fourDigits(id, 14);
  into[offset + 2] = (fourDigits(id, 19) << 16) | fourDigits(id, 24);
  into[offset + 3] = (fourDigits(id, 28) << 16) | fourDigits(id, 32);
}

function fourDigits(id: string, at: number): number {
  return (digit(id, at) << 12) | (digit(id, at + 1) << 8) | (digit(id, at + 2) << 4) | digit(id, at + 3);
}

/**
 * In ASCII, the low four bits of 0 to 9 are the value; those of a to f are the value less 9. Only letters have bit 6.
 */
function digit(id: string, at: number): number {
  const code = id.charCodeAt(at);
  return (code & 15) + 9 * (code >> 6);
}

/** Reads the id that `writeEventId` wrote. */
export function readEventId(from: Uint32Array, offset: number): string {
  let digits = "";
  for (const word of from.subarray(offset, offset + 4)) digits += word.toString(16).padStart(8, "0");
  return digits.replace(simple, "$1-$2-$3-$4-$5");
}
