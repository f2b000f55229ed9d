/** Splits `{"events":[…]}` into the JSON of each event, without parsing them. */

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d];
const spaces: ReadonlySet<number | undefined> = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Returns the bytes of each event of a body whose first member is `events`; undefined for a body of another shape. An
 * event's own brackets must be balanced; whether it is JSON, its parser finds out.
 */
export function splitEvents(body: Buffer): Buffer[] | undefined {
  const head = /^\s*\{\s*"events"\s*:\s*\[/.exec(body.toString("latin1", 0, headBytesMax))?.[0];
  if (head === undefined) return undefined;
  const events: Buffer[] = [];
  let depth = 0;
  let from = head.length;
  for (let at = from; at < body.byteLength; at++) {
    const byte = body[at];
    if (byte === quote) at = endOfString(body, at);
    else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (depth > 0 && (byte === closeBrace || byte === closeBracket)) depth -= 1;
    else if (depth === 0 && (byte === comma || byte === closeBracket)) {
      const event = trimmed(body.subarray(from, at));
      // An empty list has no event.
      if (event.byteLength > 0 || byte === comma || events.length > 0) events.push(event);
      if (byte === closeBracket) return events;
      from = at + 1;
    }
  }
  return undefined;
}

/** The head of a body that the service itself makes is shorter. Bytes. */
const headBytesMax = 256;

/** Position of the closing quote of the string that begins at `at`; the end of the body if it has none. */
function endOfString(body: Buffer, at: number): number {
  for (let next = at + 1; next < body.byteLength; next++) {
    if (body[next] === backslash) next++;
    else if (body[next] === quote) return next;
  }
  return body.byteLength;
}

function trimmed(bytes: Buffer): Buffer {
  let from = 0;
  let to = bytes.byteLength;
  while (from < to && spaces.has(bytes[from])) from++;
  while (to > from && spaces.has(bytes[to - 1])) to--;
  return bytes.subarray(from, to);
}
