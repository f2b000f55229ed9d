/** What the transcriber asks about the values of fields, in the bytes of a body. */

import { backslash } from "../../base/ascii.ts";
import { eventNameCodePointsMax } from "../limits.ts";
import type { PropertySchemas } from "../parse/property-schemas.ts";
import type { EventFields, Field } from "./event-fields.ts";
import { codePointsIn } from "./json-copy.ts";
import { hashWith } from "./key-hash.ts";

/** The longest spelling of a code point is two escapes of six bytes each. */
const codePointBytesMax = 12;

/** Whether a name's length is allowed. A code point takes at least one byte, and at most two escapes. */
export function isNameIn(body: Buffer, { from, to }: Field): boolean {
  const bytes = to - from - 2;
  if (bytes <= eventNameCodePointsMax) return bytes > 0;
  if (bytes > eventNameCodePointsMax * codePointBytesMax) return false;
  return codePointsIn(body, { from: from + 1, to: to - 1 }) <= eventNameCodePointsMax;
}

/**
 * The index of a field's value among `members`; `fallback` if the field is absent, -1 if the value is none of them.
 */
export function memberIn(body: Buffer, field: Field, members: readonly Buffer[], fallback: number): number {
  if (!field.isThere) return fallback;
  for (let index = 0; index < members.length; index++) {
    const member = members[index];
    if (member !== undefined && isAt(body, field, member)) return index;
  }
  return -1;
}

function isAt(body: Buffer, { from, to }: Field, member: Buffer): boolean {
  if (to - from !== member.length) return false;
  for (let index = 0; index < member.length; index++) if (body[from + index] !== member[index]) return false;
  return true;
}

/**
 * Whether the properties fit the schema of the event's name. They alone are parsed, and only where the name has one.
 * REQUIRES: the name is a string, and the properties are an object, null or absent.
 */
export function admitsIn(body: Buffer, { event_name, properties }: EventFields, schemas: PropertySchemas): boolean {
  const hash = plainHash(body, event_name);
  if (hash !== undefined && !schemas.nameHashes.has(hash)) return true;
  const name: string = JSON.parse(textOf(body, event_name));
  if (!schemas.has(name)) return true;
  return schemas.admits(name, properties.hasValue ? JSON.parse(textOf(body, properties)) : null);
}

/** The `keyHash` of a string's content; undefined if it has an escape. */
function plainHash(body: Buffer, { from, to }: Field): number | undefined {
  let hash = 0;
  for (let at = from + 1; at < to - 1; at++) {
    const byte = body[at] ?? 0;
    if (byte === backslash) return undefined;
    hash = hashWith(hash, byte);
  }
  return hash;
}

const textOf = (body: Buffer, { from, to }: Field) => body.toString("utf8", from, to);
