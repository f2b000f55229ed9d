/**
 * The shape of an event and of a batch: the one truth behind validation, OpenAPI, the journal and the table.
 * A field's order here is its order in error lists and in the table.
 */
import { type Static, Type } from "@sinclair/typebox";
import { categories, categoryDefault, priorities, priorityDefault } from "./categories.ts";

/** Most events that one batch may carry. */
export const batchEventsMax = 100;

/** Longest `event_name`, in code points. */
export const eventNameCodePointsMax = 100;

/** Deepest nesting inside `properties`, in objects and arrays. */
export const propertiesDepthMax = 64;

// Type.Record would test each key against a pattern, which costs more than the rest of the check.
const anyObject = Type.Unsafe<Record<string, unknown>>(Type.Object({}, { additionalProperties: true }));

const nullableString = (description: string) =>
  Type.Optional(Type.Union([Type.String(), Type.Null()], { description }));

/** An event as clients send it. Fields that it does not name are ignored. */
export const eventSchema = Type.Object(
  {
    event_name: Type.String({
      minLength: 1,
      maxLength: eventNameCodePointsMax,
      description: "Event name",
      examples: ["signup"],
    }),
    category: Type.Optional(
      Type.Union(
        categories.map((category) => Type.Literal(category)),
        { default: categoryDefault, description: "Event category" },
      ),
    ),
    priority: Type.Optional(
      Type.Union(
        priorities.map((priority) => Type.Literal(priority)),
        { default: priorityDefault, description: "Event priority" },
      ),
    ),
    properties: Type.Optional(
      Type.Union([anyObject, Type.Null()], {
        description: `Event properties; JSON of every kind inside, to ${propertiesDepthMax} levels; numbers keep their digits`,
      }),
    ),
    timestamp: Type.Optional(
      Type.Union([Type.String({ format: "date-time" }), Type.Number(), Type.Null()], {
        description:
          "Event timestamp (defaults to server time): ISO 8601, no offset means UTC; or Unix seconds, milliseconds past 2e10",
      }),
    ),
    session_id: nullableString("Session identifier"),
    page_url: nullableString("Page URL where event occurred"),
    referrer: nullableString("Referrer URL"),
    user_agent: nullableString("User agent string"),
    event_id: Type.Optional(
      Type.Union([Type.String({ format: "uuid" }), Type.Null()], {
        description: "UUID that makes the event idempotent; absent: the server makes a UUIDv7",
      }),
    ),
  },
  { $id: "AnalyticsEvent", title: "AnalyticsEvent" },
);

/** A batch as clients send it: kept whole or refused whole. */
export const batchSchema = Type.Object(
  {
    events: Type.Array(eventSchema, {
      minItems: 1,
      maxItems: batchEventsMax,
      description: `List of events (max ${batchEventsMax})`,
    }),
    client_id: nullableString("Client identifier, kept on each of the batch's events"),
  },
  { $id: "AnalyticsBatch", title: "AnalyticsBatch" },
);

/** An event as clients send it. */
export type EventInput = Static<typeof eventSchema>;

/** A batch as clients send it. */
export type BatchInput = Static<typeof batchSchema>;
