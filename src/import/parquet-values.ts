/**
 * Converts values of DuckDB's types to JSON. Not by DuckDB's `to_json`, which rounds decimals within a STRUCT, and
 * writes bytes that are not UTF-8 as escapes.
 */
import { isUtf8 } from "node:buffer";
import {
  DuckDBArrayValue,
  DuckDBBlobValue,
  DuckDBDateValue,
  DuckDBDecimalValue,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBTimeNSValue,
  DuckDBTimestampMillisecondsValue,
  DuckDBTimestampNanosecondsValue,
  DuckDBTimestampSecondsValue,
  DuckDBTimestampTZValue,
  DuckDBTimestampValue,
  DuckDBTimeTZValue,
  DuckDBTimeValue,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUUIDValue,
  type DuckDBValue,
} from "@duckdb/node-api";
import { MillraceError } from "../base/errors.ts";
import { namesOfKind } from "../event/fields.ts";
import { importColumns } from "../event/line/imported.ts";
import { parseMicros } from "../event/timestamp.ts";

/** A value that an event cannot hold; the message says why. */
export class ValueRefused extends MillraceError {
  override readonly name = "ValueRefused";
}

/** Columns of events in which a number does not become a string. */
const otherThanStrings = namesOfKind("time", "object");

const integerTypes = new Set<DuckDBTypeId | undefined>([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
]);

/**
 * The JSON of a column's value; undefined if it is NULL. Integers become strings if the column of events is one.
 * @throws ValueRefused for what JSON or UTF-8 cannot express
 */
export function columnValue(name: string, value: DuckDBValue, type: DuckDBType | undefined): string | undefined {
  if (value === null) return undefined;
  // A string that holds the JSON of an object is read as in any other format.
  if (typeof value === "string" && importColumns.has(name)) return JSON.stringify(value);
  const isString = importColumns.has(name) && !otherThanStrings.has(name);
  if (isString && integerTypes.has(type?.typeId)) return JSON.stringify(String(value));
  return jsonOf(value, type);
}

function jsonOf(value: DuckDBValue, type: DuckDBType | undefined): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return type?.alias === "JSON" ? jsonText(value) : JSON.stringify(value);
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number") return numberText(value, type);
  if (value instanceof DuckDBDecimalValue) return decimalText(value);
  if (value instanceof DuckDBBlobValue) return JSON.stringify(utf8Of(value.bytes));
  if (value instanceof DuckDBUUIDValue) return JSON.stringify(value.toString());
  if (value instanceof DuckDBListValue || value instanceof DuckDBArrayValue) {
    const itemType = type !== undefined && "valueType" in type ? type.valueType : undefined;
    return `[${value.items.map((item) => jsonOf(item, itemType)).join(",")}]`;
  }
  if (value instanceof DuckDBStructValue) return structText(value, type);
  if (value instanceof DuckDBMapValue) return mapText(value, type);
  return JSON.stringify(timeText(value));
}

function structText({ entries }: DuckDBStructValue, type: DuckDBType | undefined): string {
  const typeOf = (name: string) => (type?.typeId === DuckDBTypeId.STRUCT ? type.typeForEntry(name) : undefined);
  const members = Object.entries(entries).map(
    ([name, member]) => `${JSON.stringify(name)}:${jsonOf(member, typeOf(name))}`,
  );
  return `{${members.join(",")}}`;
}

function mapText({ entries }: DuckDBMapValue, type: DuckDBType | undefined): string {
  const [keyType, valueType] =
    type?.typeId === DuckDBTypeId.MAP ? [type.keyType, type.valueType] : [undefined, undefined];
  const members = entries.map(({ key, value }) => {
    const name = jsonOf(key, keyType);
    return `${name.startsWith('"') ? name : JSON.stringify(name)}:${jsonOf(value, valueType)}`;
  });
  return `{${members.join(",")}}`;
}

/** The content of a JSON column, which need not be valid JSON. */
function jsonText(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new ValueRefused("the column is of JSON, and its string is not", { cause: error });
  }
  return text;
}

function numberText(value: number, type: DuckDBType | undefined): string {
  if (!Number.isFinite(value)) throw new ValueRefused(`${value} has no place in JSON`);
  if (type?.typeId !== DuckDBTypeId.FLOAT) return Object.is(value, -0) ? "-0" : String(value);
  // The fewest digits that identify this number among those of 32 bits: 0.1, not 0.10000000149011612.
  for (let digits = 6; digits < 9; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return String(shorter);
  }
  return String(Number(value.toPrecision(9)));
}

function decimalText({ value, scale }: DuckDBDecimalValue): string {
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, "0");
  const sign = value < 0n ? "-" : "";
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Some Parquet writers do not mark strings as such; DuckDB then returns bytes. */
function utf8Of(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new ValueRefused("the bytes are not UTF-8");
  return Buffer.from(bytes).toString("utf8");
}

function timeText(value: DuckDBValue): string {
  if (value instanceof DuckDBTimeValue || value instanceof DuckDBTimeTZValue || value instanceof DuckDBTimeNSValue)
    return value.toString();
  const micros = microsOf(value);
  if (micros === undefined) throw new ValueRefused("a value of this type has no place in an event");
  const parsed = parseMicros(micros);
  if (!parsed.ok) throw new ValueRefused(parsed.error);
  return value instanceof DuckDBDateValue ? parsed.timestamp.text.slice(0, 10) : parsed.timestamp.text;
}

/** Microseconds since 1970; finer digits are cut off. */
function microsOf(value: DuckDBValue): bigint | undefined {
  const finite = <Time extends { isFinite: boolean }>(time: Time) => {
    if (!time.isFinite) throw new ValueRefused("infinity is not a time");
    return time;
  };
  if (value instanceof DuckDBTimestampValue || value instanceof DuckDBTimestampTZValue) return finite(value).micros;
  if (value instanceof DuckDBTimestampMillisecondsValue) return finite(value).millis * 1000n;
  if (value instanceof DuckDBTimestampSecondsValue) return finite(value).seconds * 1_000_000n;
  if (value instanceof DuckDBDateValue) return BigInt(finite(value).days) * 86_400_000_000n;
  if (!(value instanceof DuckDBTimestampNanosecondsValue)) return undefined;
  const { nanos } = finite(value);
  return (nanos - (((nanos % 1000n) + 1000n) % 1000n)) / 1000n;
}
