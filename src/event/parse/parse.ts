/**
 * Parses bytes as JSON, more strictly than JSON.parse: numbers keep their digits, strings are valid Unicode, and
 * nesting has a limit. So nothing that is accepted here fails in a later step.
 */

import { jsonOrUndefined } from "../../base/json.ts";
import { propertiesDepthMax } from "../limits.ts";
import { type Issue, jsonInvalid } from "./issue.ts";
import { type Diagnosis, diagnoseDepth, diagnoseSurrogates, diagnoseSyntax, diagnoseUtf8 } from "./json-diagnosis.ts";
import { quoteNumbers } from "./quote-numbers.ts";

declare global {
  /** The proposal "JSON.parse source text access": Bun has it, TypeScript's library does not yet. */
  interface JSON {
    /** Makes a value that JSON.stringify writes as `text`, the JSON of one primitive. */
    rawJSON(text: string): RawJson;
    isRawJSON(value: unknown): value is RawJson;
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  }
  /** A primitive that keeps its own spelling. */
  interface RawJson {
    readonly rawJSON: string;
  }
}

/**
 * A parsed body, in two forms. `exact` is `value` with a JSON.rawJSON for each number that JSON.stringify would spell
 * differently than the client did. Most bodies have no such number; then both are the same object.
 */
export type ParsedJson = { ok: true; value: unknown; exact: unknown } | { ok: false; issues: Issue[] };

/**
 * In a batch, four levels are around the contents of `properties`: the body, its events, the event and `properties`
 * itself.
 */
const bodyDepthMax = 4 + propertiesDepthMax;

/** The error for JSON that nests too deep. */
export const depthError = `Nested deeper than ${propertiesDepthMax} levels`;

/** Reads a request body. */
export function parseJson(bytes: Uint8Array): ParsedJson {
  if (bytes.byteLength === 0) return nothing();
  const text = decode(bytes);
  if (text === undefined) return refused(diagnoseUtf8(bytes));
  const value = jsonOrUndefined(text);
  if (value === undefined) return refused(diagnoseSyntax(text));
  if (value === null) return nothing();
  const lone = surrogateEscape.test(text) ? diagnoseSurrogates(text) : undefined;
  if (lone !== undefined) return refused(lone);
  if (nestsDeeper(value, bodyDepthMax)) return refused(diagnoseDepth(text, bodyDepthMax, depthError));
  return { ok: true, value, exact: exactOf(value, quoteNumbers(text, bytes)) };
}

/** Whether anything in `value` is inside more than `levelsMax` objects and arrays, counting `value` itself. */
export function nestsDeeper(value: unknown, levelsMax: number): boolean {
  // Two loops, since for-in over an array makes a string of each index. Values without members get no call, which
  // halves the time.
  if (isRecord(value)) {
    if (levelsMax === 0) return true;
    for (const key in value) {
      const member = value[key];
      if (typeof member === "object" && nestsDeeper(member, levelsMax - 1)) return true;
    }
  } else if (Array.isArray(value)) {
    if (levelsMax === 0) return true;
    for (const item of value) if (typeof item === "object" && nestsDeeper(item, levelsMax - 1)) return true;
  }
  return false;
}

/** Whether a value is what JSON calls an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const decoder = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

const surrogateEscape = /\\u[dD][89a-fA-F]/;

/**
 * Makes `exact` for a body whose `value` is known. A reviver takes four times as long as a second parse, and it
 * recurses.
 */
function exactOf(value: unknown, quotedText: string | undefined): unknown {
  return quotedText === undefined ? value : new Unquoting().of(JSON.parse(quotedText), value);
}

/** Numbers of one body that are remembered: they often come again, and making one takes longer than finding it. */
const knownMax = 4_096;

/** Turns strings back into numbers where the value has numbers. */
class Unquoting {
  readonly #known = new Map<string, RawJson>();

  /** Changes `quoted` in place, and returns what it has become. */
  of(quoted: unknown, value: unknown): unknown {
    if (typeof quoted === "string") return typeof value === "number" ? this.#number(quoted) : quoted;
    // Two loops, since for-in over an array makes a string of each index.
    if (isRecord(quoted) && isRecord(value)) {
      for (const key in quoted) quoted[key] = this.of(quoted[key], value[key]);
    } else if (Array.isArray(quoted) && Array.isArray(value)) {
      for (let index = 0; index < quoted.length; index++) quoted[index] = this.of(quoted[index], value[index]);
    }
    return quoted;
  }

  #number(spelling: string): RawJson {
    const known = this.#known.get(spelling);
    if (known !== undefined) return known;
    const number = JSON.rawJSON(spelling);
    if (this.#known.size < knownMax) this.#known.set(spelling, number);
    return number;
  }
}

/** FastAPI's answer to a missing body. */
function nothing(): ParsedJson {
  return { ok: false, issues: [{ type: "missing", loc: ["body"], msg: "Field required", input: null }] };
}

function refused({ error, offset }: Diagnosis): ParsedJson {
  return { ok: false, issues: [jsonInvalid(["body", offset], error)] };
}
