/** Schemas of bodies as the OpenAPI document has them, where nothing else validates or makes them by a schema. */
import { Type } from "@sinclair/typebox";
import { queryFormats } from "../../query/protocol.ts";
import { erasureRequestSchema } from "../../store/catalog/erasures.ts";

const timestamp = Type.String({ format: "date-time", description: "When it was received, UTC" });

/** The answer to one event. */
export const trackAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    event_id: Type.String({ format: "uuid" }),
    message: Type.String(),
    timestamp,
    duplicate: Type.Boolean({ description: "Whether the id had been accepted before; the event is stored once" }),
  },
  { $id: "TrackAnswer" },
);

/** The answer to a batch. */
export const batchAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    events_received: Type.Integer(),
    events_queued: Type.Integer({ description: "Events accepted; duplicates count here, too" }),
    events_failed: Type.Integer(),
    message: Type.String(),
    timestamp,
    events_duplicate: Type.Integer({ description: "Events whose id had been accepted before; stored once" }),
  },
  { $id: "BatchAnswer" },
);

/** pydantic's list of what is wrong with a body. */
export const validationErrorSchema = Type.Object(
  {
    detail: Type.Array(
      Type.Object({
        type: Type.String(),
        loc: Type.Array(Type.Union([Type.String(), Type.Integer()])),
        msg: Type.String(),
        input: Type.Unknown(),
        ctx: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
      }),
    ),
  },
  { $id: "HTTPValidationError" },
);

/** The answer of `GET /livez`. */
export const livenessSchema = Type.Object({ status: Type.Literal("alive") }, { $id: "Liveness" });

/** Any other refusal. */
export const refusalSchema = Type.Object({ detail: Type.String() }, { $id: "Refusal" });

/** The body of a query, as it is documented; `query.ts` reads it. */
export const querySchema = Type.Object(
  {
    sql: Type.String({
      description:
        "One SELECT over `events` and the catalog's other views; WITH, PIVOT, UNPIVOT, DESCRIBE, SUMMARIZE, SHOW TABLES and EXPLAIN too",
      examples: ["SELECT event_name, count(*) AS events FROM events WHERE category = $1 GROUP BY ALL ORDER BY ALL"],
    }),
    params: Type.Optional(
      Type.Union([Type.Array(Type.Unknown()), Type.Record(Type.String(), Type.Unknown()), Type.Null()], {
        description:
          "Values for `?` and `$1` by position, or for `$name` by name: strings, numbers, booleans, null, or lists of these",
        examples: [["trading"]],
      }),
    ),
    format: Type.Optional(
      Type.Union([...queryFormats.map((format) => Type.Literal(format)), Type.Null()], {
        description: "How rows are written; absent: what `Accept` names, else json",
      }),
    ),
  },
  { $id: "AnalyticsQuery", title: "AnalyticsQuery" },
);

/** The rows of a query as JSON. */
export const queryAnswerSchema = Type.Object(
  {
    columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String({ description: "DuckDB's type" }) })),
    rows: Type.Array(Type.Array(Type.Unknown()), {
      description: "Values in the order of the columns; all digits kept",
    }),
    row_count: Type.Integer(),
  },
  { $id: "QueryAnswer" },
);

/** Why a statement was refused or failed. */
export const queryRefusalSchema = Type.Object(
  {
    detail: Type.String(),
    position: Type.Optional(Type.Integer({ description: "How many characters of the SQL precede the error" })),
  },
  { $id: "QueryRefusal" },
);

/** The receipt of an erasure. */
export const erasureSchema = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    erased: Type.Integer({ description: "How many events were removed, each counted once" }),
    erased_at: Type.String({ format: "date-time", description: "When the last byte of them was gone" }),
    by: Type.Union([Type.String(), Type.Null()], { description: "Subject of the token; null: from the command line" }),
    request_hash: Type.String({ description: "SHA-256 of the body as compact JSON, in hex" }),
    catalog_version: Type.Integer({ description: "The first catalog without them" }),
    not_searched: Type.Array(Type.String(), {
      description: "Damaged files that could not be searched; look at them, they may hold such events",
    }),
  },
  { $id: "Erasure" },
);

/** What a dry run of an erasure counted. */
export const erasureForecastSchema = Type.Object(
  {
    dry_run: Type.Literal(true),
    would_erase: Type.Integer({ description: "Events that the same request without `dry_run` would remove now" }),
    not_searched: Type.Array(Type.String(), { description: "Damaged files that could not be searched" }),
  },
  { $id: "ErasureForecast" },
);

/** With each form of a request a dry run can be asked for. */
export const erasureBodySchema = Type.Union(
  erasureRequestSchema.anyOf.map(({ properties }) =>
    Type.Object(
      { ...properties, dry_run: Type.Optional(Type.Boolean({ description: "Only count the events", default: false })) },
      { additionalProperties: false },
    ),
  ),
);

/** What a compaction did. */
export const compactionSchema = Type.Object(
  {
    merges: Type.Integer(),
    repeats_removed: Type.Integer({ description: "Events whose `event_id` was stored before, now removed" }),
    segments: Type.Integer({ description: "Segments that there are now" }),
  },
  { $id: "Compaction" },
);
