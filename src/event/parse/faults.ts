/** Checks of one value, with faults in pydantic's words. Undefined: no fault. */
import type { TArray, TInteger, TString } from "@sinclair/typebox";
import type { Issue } from "./issue.ts";
import { isRecord } from "./parse.ts";
import { codePointsOf, eventIdOf, isLengthWrong, timestampOf } from "./values.ts";

/** An issue without its place and input. */
export type Fault = Omit<Issue, "loc" | "input">;

/** A value that must be one of a few strings. */
export function enumFault(members: readonly unknown[], value: unknown): Fault | undefined {
  if (members.includes(value)) return undefined;
  const quoted = members.map((member) => `'${member}'`);
  const expected = quoted.length === 1 ? quoted.join() : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  return { type: "enum", msg: `Input should be ${expected}`, ctx: { expected } };
}

/** A string, which may have limits on its length and a pattern. */
export function stringFault(schema: TString, value: unknown): Fault | undefined {
  if (typeof value !== "string") return { type: "string_type", msg: "Input should be a valid string" };
  const { pattern } = schema;
  const fault = lengthFault(schema, value);
  if (fault !== undefined || pattern === undefined || new RegExp(pattern, "u").test(value)) return fault;
  return { type: "string_pattern_mismatch", msg: `String should match pattern '${pattern}'`, ctx: { pattern } };
}

function lengthFault(schema: TString, value: string): Fault | undefined {
  if (!isLengthWrong(value, schema)) return undefined;
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (codePointsOf(value) < minLength) {
    const msg = `String should have at least ${counted(minLength, "character")}`;
    return { type: "string_too_short", msg, ctx: { min_length: minLength } };
  }
  const msg = `String should have at most ${counted(maxLength, "character")}`;
  return { type: "string_too_long", msg, ctx: { max_length: maxLength } };
}

/** A list's number of items. */
export function listLengthFault(schema: TArray, found: number): Fault | undefined {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  const field_type = "List";
  if (found < minItems) {
    const msg = `List should have at least ${counted(minItems, "item")} after validation, not ${found}`;
    return { type: "too_short", msg, ctx: { field_type, min_length: minItems, actual_length: found } };
  }
  if (found > maxItems) {
    const msg = `List should have at most ${counted(maxItems, "item")} after validation, not ${found}`;
    return { type: "too_long", msg, ctx: { field_type, max_length: maxItems, actual_length: found } };
  }
  return undefined;
}

/** A list, or an object with any members. */
export const dictOrListFault = (value: unknown): Fault | undefined =>
  Array.isArray(value) || isRecord(value)
    ? undefined
    : { type: "dict_type", msg: "Input should be a valid dictionary or list" };

/** Only true or false: a client that asks for a dry run must never get a real one. */
export const booleanFault = (value: unknown): Fault | undefined =>
  typeof value === "boolean" ? undefined : { type: "bool_type", msg: "Input should be a valid boolean" };

/** An integer, which may have a minimum. */
export function integerFault({ minimum }: TInteger, value: unknown): Fault | undefined {
  if (!Number.isInteger(value)) return { type: "int_type", msg: "Input should be a valid integer" };
  if (minimum === undefined || Number(value) >= minimum) return undefined;
  const msg = `Input should be greater than or equal to ${minimum}`;
  return { type: "greater_than_equal", msg, ctx: { ge: minimum } };
}

/** An event's time. */
export function timestampFault(value: unknown): Fault | undefined {
  const timestamp = timestampOf(value);
  if (timestamp.ok) return undefined;
  if (!("error" in timestamp)) return { type: "datetime_type", msg: "Input should be a valid datetime" };
  const { error } = timestamp;
  const msg = `Input should be a valid datetime or date, ${error}`;
  return { type: "datetime_from_date_parsing", msg, ctx: { error } };
}

/** An event's id. */
export function eventIdFault(value: unknown): Fault | undefined {
  const id = eventIdOf(value);
  if (id.ok) return undefined;
  if (!("error" in id)) return { type: "uuid_type", msg: "UUID input should be a string, bytes or UUID object" };
  const { error } = id;
  return { type: "uuid_parsing", msg: `Input should be a valid UUID, ${error}`, ctx: { error } };
}

const counted = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;
