/** The schema of an event and of a batch, made from the table of fields, for validation and the OpenAPI document. */
import type { Static, TLiteral, TOptional, TSchema, TUnion } from "@sinclair/typebox";
import { unreachable } from "../base/invariant.ts";
import { recordOf } from "../base/record.ts";
import { type BatchFieldName, type EventFieldName, eventFieldNames, type FieldKind, fields } from "./fields.ts";
import { batchEventsMax } from "./limits.ts";
import { shape } from "./shapes.ts";

const anyObject = shape.anyObject();

type Described = { description: string };

/** The schema of each kind of field. */
const schemas = {
  string: ({ description }: Described) => shape.optional(shape.union([shape.string(), shape.null()], { description })),
  name: ({ codePointsMax, ...rest }: Described & { codePointsMax: number; examples: readonly string[] }) =>
    shape.string({ minLength: 1, maxLength: codePointsMax, description: rest.description, examples: rest.examples }),
  enum: ({ members, default: value, description }: Described & { members: readonly string[]; default: string }) =>
    shape.optional(
      shape.union(
        members.map((member) => shape.literal(member)),
        { default: value, description },
      ),
    ),
  time: ({ description }: Described) =>
    shape.optional(shape.union([shape.string({ format: "date-time" }), shape.number(), shape.null()], { description })),
  id: ({ description }: Described) =>
    shape.optional(shape.union([shape.string({ format: "uuid" }), shape.null()], { description })),
  object: ({ description }: Described) => shape.optional(shape.union([anyObject, shape.null()], { description })),
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
export const eventSchema = shape.object(eventProperties, { $id: "AnalyticsEvent", title: "AnalyticsEvent" });

const batchFields = { client_id: schemas.string(fields.client_id) } satisfies Readonly<Record<BatchFieldName, TSchema>>;

/** A batch as clients send it: accepted or refused as a whole. */
export const batchSchema = shape.object(
  {
    events: shape.array(eventSchema, {
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
