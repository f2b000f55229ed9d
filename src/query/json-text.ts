/** DuckDB's values as JSON text, with every digit that they have. DuckDB's own JSON writer would spell numbers anew. */
import {
  DuckDBArrayType,
  DuckDBArrayValue,
  DuckDBListType,
  DuckDBListValue,
  DuckDBMapType,
  DuckDBMapValue,
  DuckDBStructType,
  DuckDBStructValue,
  DuckDBTimestampTZValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  DuckDBUnionValue,
  type DuckDBValue,
  DuckDBVarCharType,
} from "@duckdb/node-api";
import { invariant } from "../base/invariant.ts";

/** Writes one value of a type as JSON. */
export type JsonWriter = (value: DuckDBValue) => string;

/** The writer for a type: chosen once for a column, since a type's kind is looked up slower than a value is written. */
export function jsonWriter(type: DuckDBType): JsonWriter {
  const write = writerOf(type);
  return (value) => (value === null ? "null" : write(value));
}

function writerOf(type: DuckDBType): JsonWriter {
  if (isJson(type)) return (value) => jsonText(String(value));
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType) return listWriter(type);
  if (type instanceof DuckDBStructType) return structWriter(type);
  if (type instanceof DuckDBMapType) return mapWriter(type);
  if (type instanceof DuckDBUnionType) return unionWriter(type);
  switch (type.typeId) {
    case DuckDBTypeId.BOOLEAN:
    case DuckDBTypeId.TINYINT:
    case DuckDBTypeId.SMALLINT:
    case DuckDBTypeId.INTEGER:
    case DuckDBTypeId.BIGINT:
    case DuckDBTypeId.UTINYINT:
    case DuckDBTypeId.USMALLINT:
    case DuckDBTypeId.UINTEGER:
    case DuckDBTypeId.UBIGINT:
    case DuckDBTypeId.HUGEINT:
    case DuckDBTypeId.UHUGEINT:
    case DuckDBTypeId.BIGNUM:
    case DuckDBTypeId.DECIMAL:
      return String;
    case DuckDBTypeId.DOUBLE:
      return (value) => JSON.stringify(Number(value));
    case DuckDBTypeId.FLOAT:
      return (value) => JSON.stringify(shortest(Number(value)));
    case DuckDBTypeId.TIMESTAMP_TZ:
      return timeText;
    default:
      return (value) => JSON.stringify(String(value));
  }
}

/** A type's name as DuckDB shows it. */
export const typeText = (type: DuckDBType) => (isJson(type) ? "JSON" : String(type));

const isJson = (type: DuckDBType) => type instanceof DuckDBVarCharType && type.alias === "JSON";

/** The text as it is, on one line; as a string where it is no JSON, for DuckDB's JSON may hold NaN and Infinity. */
function jsonText(text: string): string {
  if (/nan|inf/i.test(text) && !parses(text)) return JSON.stringify(text);
  // Within a string of JSON a line cannot end, so these are blanks.
  return text.includes("\n") || text.includes("\r") ? text.replace(/[\r\n]/g, " ") : text;
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** The double with the fewest digits that is this 32-bit number: 0.1 and not 0.10000000149011612. */
function shortest(value: number): number {
  if (!Number.isFinite(value)) return value;
  for (let digits = 6; digits < 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return Number(value.toPrecision(9));
}

/** Years that ISO 8601 writes with four digits, as microseconds since 1970. */
const isoFrom = BigInt(Date.parse("0000-01-01T00:00:00Z")) * 1000n;
const isoBefore = BigInt(Date.parse("+010000-01-01T00:00:00Z")) * 1000n;

function timeText(value: DuckDBValue): string {
  invariant(value instanceof DuckDBTimestampTZValue, "a value is of its column's type");
  const { micros } = value;
  if (micros < isoFrom || micros >= isoBefore) return JSON.stringify(String(value));
  const ms = micros / 1000n;
  const floored = micros < 0n && ms * 1000n !== micros ? ms - 1n : ms;
  const below = String(micros - floored * 1000n).padStart(3, "0");
  return `"${new Date(Number(floored)).toISOString().slice(0, -1)}${below}Z"`;
}

function listWriter({ valueType }: DuckDBListType | DuckDBArrayType): JsonWriter {
  const write = jsonWriter(valueType);
  return (value) => {
    invariant(value instanceof DuckDBListValue || value instanceof DuckDBArrayValue, "a value is of its column's type");
    return `[${value.items.map(write).join(",")}]`;
  };
}

function structWriter({ entryNames, entryTypes }: DuckDBStructType): JsonWriter {
  const writers = entryTypes.map(jsonWriter);
  return (value) => {
    invariant(value instanceof DuckDBStructValue, "a value is of its column's type");
    const { entries } = value;
    const members = entryNames.map(
      (name, index) => `${JSON.stringify(name)}:${writers[index]?.(entries[name] ?? null)}`,
    );
    return `{${members.join(",")}}`;
  };
}

/** Keys become text: JSON has no others. */
function mapWriter({ valueType }: DuckDBMapType): JsonWriter {
  const write = jsonWriter(valueType);
  return (value) => {
    invariant(value instanceof DuckDBMapValue, "a value is of its column's type");
    const members = value.entries.map((entry) => `${JSON.stringify(String(entry.key))}:${write(entry.value)}`);
    return `{${members.join(",")}}`;
  };
}

function unionWriter({ memberTags, memberTypes }: DuckDBUnionType): JsonWriter {
  const writers = new Map(
    memberTags.map((tag, index) => [tag, jsonWriter(memberTypes[index] ?? DuckDBVarCharType.instance)]),
  );
  return (value) => {
    invariant(value instanceof DuckDBUnionValue, "a value is of its column's type");
    return writers.get(value.tag)?.(value.value) ?? "null";
  };
}
