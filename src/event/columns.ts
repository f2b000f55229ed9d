/** The columns of `events` and of `events_hourly`: names and SQL types, in the order of the table. */
import { unreachable } from "../base/invariant.ts";
import { recordOf } from "../base/record.ts";
import { type FieldName, fieldNames, fields } from "./fields.ts";

const enumOf = (members: readonly string[]) => `ENUM(${members.map((member) => `'${member}'`).join(", ")})`;

function sqlTypeOf(name: FieldName): string {
  const field = fields[name];
  switch (field.kind) {
    case "string":
    case "name":
      return "VARCHAR";
    case "enum":
      return enumOf(field.members);
    case "time":
      return "TIMESTAMPTZ";
    case "id":
      return "UUID";
    case "object":
      return "JSON";
    default:
      return unreachable(field);
  }
}

function sinceOf(name: FieldName): number {
  const field = fields[name];
  return "since" in field ? field.since : 1;
}

/** Columns of the table `events`: name to SQL type. */
export const eventColumns: Readonly<Record<FieldName, string>> = recordOf(fieldNames, sqlTypeOf);

/** Columns of the table `events`: name to the first format whose segments have it. In an earlier segment it is NULL. */
export const columnsSince: Readonly<Record<string, number>> = recordOf(fieldNames, sinceOf);

/** Columns of the table `rollup` and of the view `events_hourly`: name to SQL type. */
export const rollupColumns = {
  hour: "TIMESTAMPTZ",
  category: eventColumns.category,
  priority: eventColumns.priority,
  event_name: eventColumns.event_name,
  events: "BIGINT",
} as const;

/** SQL for a column of a journal line, read as the type that `journalType` names. */
export function journalColumn(name: string, type: string): string {
  if (type.startsWith("ENUM")) return `${name}::${type} AS ${name}`;
  // `properties` is a string where its numbers must keep their spelling. `json_type` would parse each a second time,
  // and hold 2,048 of them in parsed form, which may take 40 times their size.
  if (type === "JSON")
    return `CASE WHEN starts_with(${name}, '"') THEN (${name}->>'$')::JSON ELSE ${name} END AS ${name}`;
  return `"${name}"`;
}

/** The type that a column of a journal line is read as. */
export const journalType = (type: string) => (type.startsWith("ENUM") ? "VARCHAR" : type);
