/** What values of a body mean, beyond what a schema says. */

import { type ParsedEventId, parseEventId } from "../event-id.ts";
import { propertiesDepthMax } from "../limits.ts";
import { type ParsedTimestamp, parseTimestamp } from "../timestamp.ts";
import { isRecord } from "./parse.ts";

/** Reads the time that a client sent; undefined if it left it to the server. */
export function timestampOf(value: unknown): ParsedTimestamp | { ok: true; timestamp: undefined } | { ok: false } {
  if (typeof value === "string" || typeof value === "number") return parseTimestamp(value);
  return value === undefined || value === null ? { ok: true, timestamp: undefined } : { ok: false };
}

/** Reads the id that a client sent; undefined if it left it to the server. */
export function eventIdOf(value: unknown): ParsedEventId | { ok: true; id: undefined } | { ok: false } {
  if (typeof value === "string") return parseEventId(value);
  return value === undefined || value === null ? { ok: true, id: undefined } : { ok: false };
}

/** `properties` is itself a level around its contents. */
export const propertiesLevelsMax = propertiesDepthMax + 1;

/** How long a string may be. Code points. */
type Lengths = { minLength?: number; maxLength?: number };

/**
 * Whether a string is too short or too long. A code point is one or two UTF-16 units, so counting units is often
 * enough.
 */
export function isLengthWrong(
  value: string,
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: Lengths,
): boolean {
  if (value.length >= minLength * 2 - 1 && value.length <= maxLength) return false;
  const codePoints = codePointsOf(value);
  return codePoints < minLength || codePoints > maxLength;
}

/** Code points of a string. */
export function codePointsOf(value: string): number {
  let codePoints = 0;
  for (const _ of value) codePoints++;
  return codePoints;
}

/** The member of a JSON value at a key or an index; never one inherited from a prototype. */
export function memberOf(container: unknown, key: string | number): unknown {
  if (Array.isArray(container)) return container[Number(key)];
  return isRecord(container) && Object.hasOwn(container, key) ? container[key] : undefined;
}
