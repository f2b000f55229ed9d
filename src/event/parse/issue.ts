/** Faults of a body, in the form of pydantic 2 and FastAPI. */

/** One fault, with pydantic's `type`, `msg` and `ctx`, keys in its order. */
export type Issue = {
  type: string;
  /** "body", then keys and indices down to the place. */
  loc: (string | number)[];
  msg: string;
  /** The value there; for a missing field, the object that lacks it. */
  input: unknown;
  /** The values that `msg` contains. */
  ctx?: Record<string, unknown>;
};

/** JSON that we refuse, as FastAPI reports a JSONDecodeError; `error` is the decoder's reason. */
export function jsonInvalid(loc: Issue["loc"], error: string): Issue {
  return { type: "json_invalid", loc, msg: "JSON decode error", input: {}, ctx: { error } };
}

/** Enough to recognise a value by. An answer must not grow with the body. Bytes. */
const inputBytesMax = 1024;

/**
 * The body of a 422: `{"detail":[...]}`.
 * An `input` whose JSON is longer than 1 KiB is cut: a string to its first 1024 bytes, anything else to a string that
 * holds the first 1024 bytes of its JSON. Both end between two code points.
 */
export function answerOf(issues: Issue[]): string {
  return JSON.stringify({ detail: issues.map((issue) => ({ ...issue, input: cutInput(issue.input) })) });
}

function cutInput(input: unknown): unknown {
  const text = jsonBeginning(input, inputBytesMax);
  const beginning = firstBytes(text);
  if (beginning.length === text.length) return input;
  return typeof input === "string" ? firstBytes(input) : beginning;
}

const encoder = new TextEncoder();
const scratch = new Uint8Array(inputBytesMax);

function firstBytes(text: string): string {
  return text.slice(0, encoder.encodeInto(text, scratch).read);
}

/**
 * The JSON of a value, or a beginning of it that is longer than `lengthMax`.
 * Each level adds a character before the next one, so time and stack stay small however large or deep the value is;
 * JSON.stringify throws RangeError there.
 */
function jsonBeginning(value: unknown, lengthMax: number): string {
  if (lengthMax < 0) return "";
  if (typeof value === "string") return JSON.stringify(value.slice(0, lengthMax + 1));
  if (typeof value !== "object" || value === null || JSON.isRawJSON(value)) return JSON.stringify(value) ?? "null";

  const list = Array.isArray(value);
  let text = list ? "[" : "{";
  const members = list ? value.slice(0, lengthMax).entries() : Object.entries(value);
  let separator = "";
  for (const [key, member] of members) {
    if (text.length > lengthMax) return text;
    text += separator;
    if (!list) text += `${JSON.stringify(key)}:`;
    text += jsonBeginning(member, lengthMax - text.length);
    separator = ",";
  }
  return text + (list ? "]" : "}");
}
