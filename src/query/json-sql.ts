/**
 * SQL that writes values as JSON, for DuckDB to run: rows never become JavaScript values on their way out. DuckDB's own
 * `to_json` of a row would write decimals and large integers as doubles; here each number keeps its digits.
 *
 * What JSON cannot express is a string: "NaN", "Infinity", "-Infinity", and whatever DuckDB casts to VARCHAR (dates,
 * UUIDs, intervals, blobs). A TIMESTAMPTZ is ISO 8601 to the microsecond, in the session's time zone.
 */
import {
  DuckDBArrayType,
  DuckDBListType,
  DuckDBMapType,
  DuckDBStructType,
  type DuckDBType,
  DuckDBTypeId,
  DuckDBUnionType,
  DuckDBVarCharType,
} from "@duckdb/node-api";
import { literal } from "../store/sql/literals.ts";

/** What the JSON depends on besides the type. */
type JsonOptions = {
  /** The session's time zone is UTC: times end in `Z`. */
  isUtc: boolean;
};

/** An SQL expression for the JSON of the expression `value` of this type. It is never NULL: a NULL becomes `null`. */
export const jsonExpression = (type: DuckDBType, value: string, options: JsonOptions, depth = 0): string =>
  `coalesce(${nullable(type, value, options, depth)}, 'null')`;

/** The same, but NULL where the value is NULL. `depth` makes the variables of nested lambdas different. */
function nullable(type: DuckDBType, value: string, options: JsonOptions, depth: number): string {
  const inner = (of: DuckDBType, item: string) => jsonExpression(of, item, options, depth + 1);
  if (isJson(type)) return jsonText(`${value}::VARCHAR`);
  if (type instanceof DuckDBListType || type instanceof DuckDBArrayType)
    return `'[' || ${joined(value, (item) => inner(type.valueType, item), depth)} || ']'`;
  if (type instanceof DuckDBStructType) {
    const members = type.entryTypes.map(
      (of, index) =>
        `${literal(`${JSON.stringify(type.entryNames[index] ?? "")}:`)} || ${inner(of, `struct_extract_at(${value}, ${index + 1})`)}`,
    );
    return `CASE WHEN ${value} IS NOT NULL THEN '{' || ${members.join(" || ',' || ")} || '}' END`;
  }
  if (type instanceof DuckDBMapType) {
    // Keys become strings: JSON has no other keys.
    const member = (entry: string) =>
      `${quoted(`${entry}.key::VARCHAR`)} || ':' || ${inner(type.valueType, `${entry}.value`)}`;
    return `'{' || ${joined(`map_entries(${value})`, member, depth)} || '}'`;
  }
  if (type instanceof DuckDBUnionType) {
    const members = type.memberTypes.map((of, index) => {
      const tag = literal(type.memberTags[index] ?? "");
      return `WHEN ${tag} THEN ${inner(of, `union_extract(${value}, ${tag})`)}`;
    });
    return `CASE union_tag(${value})::VARCHAR ${members.join(" ")} END`;
  }
  return scalar(type, value, options);
}

function scalar(type: DuckDBType, value: string, { isUtc }: JsonOptions): string {
  switch (type.typeId) {
    case DuckDBTypeId.SQLNULL:
      return "NULL";
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
      return `${value}::VARCHAR`;
    case DuckDBTypeId.FLOAT:
    case DuckDBTypeId.DOUBLE:
      return `CASE WHEN isfinite(${value}) THEN ${value}::VARCHAR WHEN isnan(${value}) THEN '"NaN"' WHEN ${value} > 0 THEN '"Infinity"' WHEN ${value} < 0 THEN '"-Infinity"' END`;
    case DuckDBTypeId.TIMESTAMP_TZ:
      return `CASE WHEN ${hasIsoYear(value, isUtc)} THEN ${isoTime(value, isUtc)} ELSE ${quoted(`${value}::VARCHAR`)} END`;
    default:
      return quoted(`${value}::VARCHAR`);
  }
}

/** The items of a list as JSON, separated by commas. */
function joined(list: string, item: (name: string) => string, depth: number): string {
  const name = `x${depth}`;
  return `array_to_string(list_transform(${list}, lambda ${name}: ${item(name)}), ',')`;
}

const quoted = (text: string) => `to_json(${text})::VARCHAR`;

/** Whether a time has a year of four digits that is not before Christ. */
const hasIsoYear = (value: string, isUtc: boolean) =>
  isUtc
    ? `${value} BETWEEN '0001-01-01 00:00:00+00'::TIMESTAMPTZ AND '9999-12-31 23:59:59.999999+00'::TIMESTAMPTZ`
    : // A year before Christ is positive, too, and no zone is more than a day from UTC.
      `isfinite(${value}) AND ${value} >= '0001-01-02 00:00:00+00'::TIMESTAMPTZ AND year(${value}) <= 9999`;

function isoTime(value: string, isUtc: boolean): string {
  // As a TIMESTAMP: the calendar of a TIMESTAMPTZ takes half of the time of the whole answer.
  if (isUtc) return `strftime(make_timestamp(epoch_us(${value})), '"%Y-%m-%dT%H:%M:%S.%fZ"')`;
  // DuckDB writes an offset of full hours with two digits.
  const withOffset = `strftime(${value}, '%Y-%m-%dT%H:%M:%S.%f%z')`;
  return `'"' || regexp_replace(${withOffset}, '([-+]\\d\\d)$', '\\1:00') || '"'`;
}

/** A type's name as DuckDB shows it. */
export const typeText = (type: DuckDBType) => (isJson(type) ? "JSON" : String(type));

const isJson = (type: DuckDBType) => type instanceof DuckDBVarCharType && type.alias === "JSON";

/**
 * JSON unchanged but on one line: line ends are never inside a JSON string, so they become blanks. It becomes a string
 * where other readers would not accept it: DuckDB's JSON may hold NaN and Infinity outside of strings. What costs is
 * done only where a search for a few letters finds a reason: nearly never.
 */
function jsonText(text: string): string {
  const bare = `regexp_replace(${text}, '"(?:[^"\\\\]|\\\\.)*"', '', 'g')`;
  const mayBeForeign = `contains(lower(${text}), 'nan') OR contains(lower(${text}), 'inf')`;
  const isForeign = `(${mayBeForeign}) AND regexp_matches(${bare}, '(?i)nan|inf')`;
  const hasLines = `contains(${text}, chr(10)) OR contains(${text}, chr(13))`;
  return `CASE WHEN ${isForeign} THEN ${quoted(text)} WHEN ${hasLines} THEN translate(${text}, chr(10) || chr(13), '  ') ELSE ${text} END`;
}
