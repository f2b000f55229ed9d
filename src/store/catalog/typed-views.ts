/** A view for each event name that has a schema, with a typed column for each property that the schema names. */

import { unreachable } from "../../base/invariant.ts";
import { eventColumns } from "../../event/columns.ts";
import { identifier, literal } from "../sql/literals.ts";
import type { CatalogItem } from "./item.ts";

/** What a schema says that a property is. `any`: several kinds, or the schema does not say. */
export const propertyKinds = ["number", "integer", "string", "date-time", "boolean", "object", "array", "any"] as const;

/** One of `propertyKinds`. */
export type PropertyKind = (typeof propertyKinds)[number];

/** A property, and what the schema says about it. */
export type TypedProperty = { name: string; kind: PropertyKind; description?: string };

/** The properties of one event name. */
export type TypedEvent = { eventName: string; properties: readonly TypedProperty[] };

/** RFC 3339. Without an offset the time would depend on the time zone of who asks. */
const dateTime = "\\d{4}-\\d\\d-\\d\\d[ T]\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d(:?\\d\\d)?)";

/** SQL expression for a property as the type of its kind: NULL where it is absent, null, or something else. */
function sqlOf({ name, kind }: TypedProperty): string {
  const path = literal(`/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  const type = `json_type(events.properties, ${path})`;
  const text = `(events.properties->>${path})`;
  const json = `(events.properties->${path})`;
  const ifType = (types: readonly string[], value: string) =>
    `CASE WHEN ${type} IN (${types.map(literal).join(", ")}) THEN ${value} END`;
  switch (kind) {
    case "number": {
      const number = `TRY_CAST(${text} AS DOUBLE)`;
      return ifType(numberTypes, `CASE WHEN isfinite(${number}) THEN ${number} END`);
    }
    case "integer": {
      // The cast alone would round 1.5 to 2.
      const number = `TRY_CAST(${text} AS DOUBLE)`;
      return ifType(numberTypes, `CASE WHEN ${number} = trunc(${number}) THEN TRY_CAST(${text} AS BIGINT) END`);
    }
    case "date-time": {
      const time = `upper(${text})`;
      return ifType(
        ["VARCHAR"],
        `CASE WHEN regexp_full_match(${time}, '${dateTime}') THEN TRY_CAST(${time} AS TIMESTAMPTZ) END`,
      );
    }
    case "string":
      return ifType(["VARCHAR"], text);
    case "boolean":
      return ifType(["BOOLEAN"], `TRY_CAST(${text} AS BOOLEAN)`);
    case "object":
      return ifType(["OBJECT"], json);
    case "array":
      return ifType(["ARRAY"], json);
    case "any":
      return `CASE WHEN ${type} <> 'NULL' THEN ${json} END`;
    default:
      return unreachable(kind);
  }
}

/** DuckDB's names for the types of JSON numbers. */
const numberTypes = ["BIGINT", "UBIGINT", "DOUBLE"];

/**
 * The properties with the names of their columns. A name that is taken, by a column of `events` or by an earlier
 * property, in any case, gets `property_` before it, and a number after it where that is taken as well. So does the
 * empty name. A name that SQL cannot express has no column.
 */
function columnsOf(properties: readonly TypedProperty[]): [column: string, property: TypedProperty][] {
  const taken = new Set(Object.keys(eventColumns));
  return properties.flatMap((property): [string, TypedProperty][] => {
    const { name } = property;
    if (name.includes("\0") || !name.isWellFormed()) return [];
    let column = name === "" ? "property_" : name;
    for (let number = 1; taken.has(column.toLowerCase()); number++)
      column = number === 1 ? `property_${name}` : `property_${name}_${number}`;
    taken.add(column.toLowerCase());
    return [[column, property]];
  });
}

/** The name of the view of an event name. */
const viewName = (eventName: string) => `event_${eventName}`;

/** The views of these events; each needs the view `events` in the same database. */
export const typedViews = (events: readonly TypedEvent[]): CatalogItem[] => events.map(typedView);

function typedView({ eventName, properties }: TypedEvent): CatalogItem {
  const name = identifier(viewName(eventName));
  const columns = columnsOf(properties);
  const values = columns.map(([column, property]) => `, ${sqlOf(property)} AS ${identifier(column)}`);
  const described = columns.filter(
    ([column, { name: own, description }]) => description !== undefined || own !== column,
  );
  return {
    kind: "view",
    name: viewName(eventName),
    query: `SELECT events.*${values.join("")} FROM events WHERE events.event_name = ${literal(eventName)}`,
    comment: {
      meaning: `Events of the name ${JSON.stringify(eventName)}: the columns of events, and one for each property of their schema. What is not of its type there is NULL.`,
      example: `SELECT * FROM ${name} LIMIT 10`,
    },
    columns: Object.fromEntries(
      described.map(([column, { name: own, description }]) => [
        column,
        {
          meaning: description ?? `The property ${JSON.stringify(own)}.`,
          example: `SELECT ${identifier(column)} FROM ${name} LIMIT 10`,
        },
      ]),
    ),
  };
}
