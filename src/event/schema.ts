/** The schema of an event and of a batch, made from the table of fields, for validation and the OpenAPI document. */
import { type Static, type TLiteral, type TOptional, type TSchema, type TUnion, Type } from "@sinclair/typebox";
import { unreachable } from "../base/invariant.ts";
import { recordOf } from "../base/record.ts";
import { type BatchFieldName, type EventFieldName, eventFieldNames, type FieldKind, fields } from "./fields.ts";
import { batchEventsMax } from "./limits.ts";

// Type.Record would test each key against a pattern, which costs more than the rest of the check.
const anyObject = Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }));

type Described = { description: string };

/** The schema of each kind of field. */
const schemas = {
  string: ({ description }: Described) => Type.Optional(Type.Union([Type.String(), Type.Null()], { description })),
  name: ({ codePointsMax, ...rest }: Described & { codePointsMax: number; examples: readonly string[] }) =>
    Type.String({ minLength: 1, maxLength: codePointsMax, description: rest.description, examples: rest.examples }),
  enum: ({ members, default: value, description }: Described & { members: readonly string[]; default: string }) =>
    Type.Optional(
      Type.Union(
        members.map((member) => Type.Literal(member)),
        { default: value, description },
      ),
    ),
  time: ({ description }: Described) =>
    Type.Optional(Type.Union([Type.String({ format: "date-time" }), Type.Number(), Type.Null()], { description })),
  id: ({ description }: Described) =>
    Type.Optional(Type.Union([Type.String({ format: "uuid" }), Type.Null()], { description })),
  object: ({ description }: Described) => Type.Optional(Type.Union([anyObject, Type.Null()], { description })),
} satisfies Readonly<Record<FieldKind, unknown>>;

function schemaOf(name: EventFieldName): TSchema {
  const field = fields[name];
  switch (field.kind) {
    case "string":
      return schemas.string(field);
    case "name":
      return schemas.name(field);
    case "enum":
      return schemas.enum(field);
    case "time":
      return schemas.time(field);
    case "id":
      return schemas.id(field);
    case "object":
      return schemas.object(field);
    default:
      return unreachable(field);
  }
}

/** The type of a row's schema: for an ENUM with its own words, for any other kind what `schemas` returns. */
type SchemaOf<Row> = Row extends { kind: "enum"; members: readonly (infer Member extends string)[] }
  ? TOptional<TUnion<TLiteral<Member>[]>>
  : Row extends { kind: infer Kind extends Exclude<FieldKind, "enum"> }
    ? ReturnType<(typeof schemas)[Kind]>
    : never;

type EventProperties = { [Name in EventFieldName]: SchemaOf<(typeof fields)[Name]> };

// The type gives each row the result of `schemaOf`, which TypeScript cannot follow through the loop.
const eventProperties = recordOf(eventFieldNames, schemaOf) as EventProperties;

/** An event as clients send it. Fields that it does not name are ignored. */
export const eventSchema = Type.Object(eventProperties, { $id: "AnalyticsEvent", title: "AnalyticsEvent" });

const batchFields = { client_id: schemas.string(fields.client_id) } satisfies Readonly<Record<BatchFieldName, TSchema>>;

/** A batch as clients send it: accepted or refused as a whole. */
export const batchSchema = Type.Object(
  {
    events: Type.Array(eventSchema, {
      minItems: 1,
      maxItems: batchEventsMax,
      description: `List of events (max ${batchEventsMax})`,
    }),
    ...batchFields,
  },
  { $id: "AnalyticsBatch", title: "AnalyticsBatch" },
);

/** An event as clients send it. */
export type EventInput = Static<typeof eventSchema>;

/** A batch as clients send it. */
export type BatchInput = Static<typeof batchSchema>;
