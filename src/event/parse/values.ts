/** What values of a body mean that a schema alone does not say. */

import { type ParsedEventId, parseEventId } from "../event-id.ts";
import { propertiesDepthMax } from "../schema.ts";
import { type ParsedTimestamp, parseTimestamp } from "../timestamp.ts";
import { isRecord } from "./parse.ts";

/** The time that a client sent; undefined where it left it to the server. */
export function timestampOf(value: unknown): ParsedTimestamp | { ok: true; timestamp: undefined } | { ok: false } {
  if (typeof value === "string" || typeof value === "number") return parseTimestamp(value);
  return value === undefined || value === null ? { ok: true, timestamp: undefined } : { ok: false };
}

/** The id that a client sent; undefined where it left it to the server. */
export function eventIdOf(value: unknown): ParsedEventId | { ok: true; id: undefined } | { ok: false } {
  if (typeof value === "string") return parseEventId(value);
  return value === undefined || value === null ? { ok: true, id: undefined } : { ok: false };
}

/** `properties` is itself a level around what lies in it. */
export const propertiesLevelsMax = propertiesDepthMax + 1;

/** How long a string may be. Code points. */
type Lengths = { minLength?: number; maxLength?: number };

/**
 * Whether a string is shorter or longer than it may be. A code point is one UTF-16 unit or two: often the units alone
 * tell.
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

/** What JSON has at a key or an index; nothing that a prototype has. */
export function memberOf(container: unknown, key: string | number): unknown {
  if (Array.isArray(container)) return container[Number(key)];
  return isRecord(container) && Object.hasOwn(container, key) ? container[key] : undefined;
}
