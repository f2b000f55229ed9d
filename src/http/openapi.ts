/** The OpenAPI document, made from the schemas that validate. */
import { openapi } from "@elysiajs/openapi";
import { type TSchema, Type } from "@sinclair/typebox";
import { batchSchema, eventSchema } from "../event/schema.ts";
import { contentTypes, queryFormats } from "../query/protocol.ts";
import { statsSchema } from "../stats/answer.ts";
import { healthSchema } from "../stats/health.ts";
import { erasureRequestSchema } from "../store/erasures.ts";

const timestamp = Type.String({ format: "date-time", description: "When it was received, UTC" });

const trackAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    event_id: Type.String({ format: "uuid" }),
    message: Type.String(),
    timestamp,
    duplicate: Type.Boolean({ description: "The id had been accepted before; the event is stored once" }),
  },
  { $id: "TrackAnswer" },
);

const batchAnswerSchema = Type.Object(
  {
    success: Type.Boolean(),
    events_received: Type.Integer(),
    events_queued: Type.Integer({ description: "Repeats count here too" }),
    events_failed: Type.Integer(),
    message: Type.String(),
    timestamp,
    events_duplicate: Type.Integer({ description: "Events whose id had been accepted before; stored once" }),
  },
  { $id: "BatchAnswer" },
);

const validationErrorSchema = Type.Object(
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

const livenessSchema = Type.Object({ status: Type.Literal("alive") }, { $id: "Liveness" });

const refusalSchema = Type.Object({ detail: Type.String() }, { $id: "Refusal" });

/** The body of a query, as it is documented; `http/query.ts` reads it. */
const querySchema = Type.Object(
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

const queryAnswerSchema = Type.Object(
  {
    columns: Type.Array(Type.Object({ name: Type.String(), type: Type.String({ description: "DuckDB's type" }) })),
    rows: Type.Array(Type.Array(Type.Unknown()), {
      description: "Values in the order of the columns; all digits kept",
    }),
    row_count: Type.Integer(),
  },
  { $id: "QueryAnswer" },
);

const queryRefusalSchema = Type.Object(
  {
    detail: Type.String(),
    position: Type.Optional(Type.Integer({ description: "Characters of the SQL before the place that is meant" })),
  },
  { $id: "QueryRefusal" },
);

const erasureSchema = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    erased: Type.Integer({ description: "Events, each counted once" }),
    erased_at: Type.String({ format: "date-time", description: "When the last byte was gone" }),
    by: Type.Union([Type.String(), Type.Null()], { description: "Subject of the token; null: from the command line" }),
    request_hash: Type.String({ description: "SHA-256 of the body as compact JSON, in hex" }),
    catalog_version: Type.Integer({ description: "The first catalog without them" }),
    not_searched: Type.Array(Type.String(), {
      description: "Files kept aside as corrupt, which nobody can read: to be looked at by a person",
    }),
  },
  { $id: "Erasure" },
);

const erasureForecastSchema = Type.Object(
  {
    dry_run: Type.Literal(true),
    would_erase: Type.Integer({ description: "Events that the same request without `dry_run` would remove now" }),
    not_searched: Type.Array(Type.String(), { description: "Files kept aside as corrupt, which nobody can read" }),
  },
  { $id: "ErasureForecast" },
);

/** With each form of a request a dry run can be asked for. */
const erasureBodySchema = Type.Union(
  erasureRequestSchema.anyOf.map(({ properties }) =>
    Type.Object(
      { ...properties, dry_run: Type.Optional(Type.Boolean({ description: "Only count the events", default: false })) },
      { additionalProperties: false },
    ),
  ),
);

const compactionSchema = Type.Object(
  { merges: Type.Integer(), repeats_removed: Type.Integer(), segments: Type.Integer() },
  { $id: "Compaction" },
);

const named = [
  querySchema,
  queryAnswerSchema,
  queryRefusalSchema,
  erasureSchema,
  erasureForecastSchema,
  compactionSchema,
  eventSchema,
  batchSchema,
  trackAnswerSchema,
  batchAnswerSchema,
  statsSchema,
  healthSchema,
  livenessSchema,
  validationErrorSchema,
  refusalSchema,
];

/** A schema as plain JSON Schema, without the name that stands beside it in the document. */
function plain(schema: TSchema): Record<string, unknown> {
  const { $id: _, ...rest } = schema;
  return JSON.parse(JSON.stringify(rest));
}

const components = Object.fromEntries(named.map((schema) => [String(schema.$id), plain(schema)]));

const referenceTo = (schema: TSchema) => ({ $ref: `#/components/schemas/${String(schema.$id)}` });

const contentOf = (schema: TSchema) => ({ "application/json": { schema: referenceTo(schema) } });

const answer = (description: string, schema: TSchema) => ({ description, content: contentOf(schema) });

const refusal = (description: string) => answer(description, refusalSchema);

const bearer = [{ HTTPBearer: [] }];

const unauthorized = { 401: refusal("No valid token"), 403: refusal("The token lacks the scope") };

/** Documentation of an endpoint that takes events. */
const ingest = (summary: string, body: TSchema, accepted: TSchema) => ({
  summary,
  tags: ["Analytics"],
  security: bearer,
  requestBody: { required: true, content: contentOf(body) },
  responses: {
    200: answer("Durable", accepted),
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or packed in an unknown way"),
    422: answer("The body is not valid; nothing of it is kept", validationErrorSchema),
    503: refusal("Not now; Retry-After says when"),
    ...unauthorized,
  },
});

/** Documentation of each endpoint. */
export const documented = {
  track: { ...ingest("Track Event", eventSchema, trackAnswerSchema), operationId: "trackEvent" },
  batch: { ...ingest("Track Batch", batchSchema, batchAnswerSchema), operationId: "trackBatch" },
  query: {
    summary: "Query Events",
    description: "Sees every event acknowledged before the call. An answer that ends past a limit breaks off.",
    operationId: "queryEvents",
    tags: ["Analytics"],
    security: bearer,
    requestBody: { required: true, content: contentOf(querySchema) },
    responses: {
      200: {
        description: "The rows, as they come",
        content: {
          ...contentOf(queryAnswerSchema),
          [contentTypes.ndjson]: {},
          [contentTypes.csv]: {},
          [contentTypes.parquet]: {},
        },
      },
      400: answer("The statement is not allowed, fails, or wants too much", queryRefusalSchema),
      406: refusal("No format that `Accept` names"),
      413: refusal("The body is too large"),
      415: refusal("The body is not JSON, or packed"),
      422: answer("The body is not valid", validationErrorSchema),
      429: refusal("As many queries run as may; Retry-After says when"),
      503: refusal("Not now; Retry-After says when"),
      504: refusal("The query took too long"),
      ...unauthorized,
    },
  },
  erase: {
    summary: "Erase Events",
    description:
      "Removes events from journals, segments, rollups and id logs, and answers when no byte of them is left in the data folder. With `dry_run` it only says how many there are. An SQL condition is BOOLEAN, without subqueries and without functions such as now() or random(); it has the time and the memory of a query. A client that goes before the erasure is written down ends it. Needs the scope `admin`.",
    operationId: "eraseEvents",
    tags: ["Operation"],
    security: bearer,
    requestBody: {
      required: true,
      content: { "application/json": { schema: plain(erasureBodySchema) } },
    },
    responses: {
      200: {
        description: "The receipt, or what a dry run counted",
        content: { "application/json": { schema: { anyOf: [erasureSchema, erasureForecastSchema].map(referenceTo) } } },
      },
      400: refusal("The condition is not allowed, fails, or needs more time or memory than it may have"),
      422: answer("The body is not valid", validationErrorSchema),
      503: refusal("Not now; what was begun goes on by itself"),
      ...unauthorized,
    },
  },
  compact: {
    summary: "Compact Segments",
    description: "Merges segments until there are as few as can be, and removes repeats. Needs the scope `admin`.",
    operationId: "compactSegments",
    tags: ["Operation"],
    security: bearer,
    responses: { 200: answer("What was done", compactionSchema), 503: refusal("Not now"), ...unauthorized },
  },
  stats: {
    summary: "Get Analytics Stats",
    operationId: "getStats",
    tags: ["Analytics"],
    security: bearer,
    responses: { 200: answer("Exact counts", statsSchema), ...unauthorized },
  },
  health: {
    summary: "Get Analytics Health",
    operationId: "getHealth",
    tags: ["Analytics"],
    responses: {
      200: answer("Every shard accepts; `warnings` are for a person", healthSchema),
      503: answer("`problems` says what is wrong", healthSchema),
    },
  },
  livez: {
    summary: "Get Liveness",
    description: "200 while the process runs, also while it is degraded or stopping. Reads nothing; needs no token.",
    operationId: "getLiveness",
    tags: ["Operation"],
    responses: { 200: answer("It runs", livenessSchema) },
  },
  metrics: {
    summary: "Prometheus metrics",
    operationId: "getMetrics",
    tags: ["Operation"],
    responses: { 200: { description: "Prometheus text", content: { "text/plain": {} } } },
  },
};

/** The plugin that serves the document at `/openapi/json`; the page for it is `openapi-page.ts`. */
export const documentation = (version: string) =>
  openapi({
    // Its own page loads a script from another host, of whatever version is the latest.
    provider: null,
    specPath: "/openapi/json",
    exclude: { staticFile: true },
    documentation: {
      info: { title: "Millrace", version, description: "Platform analytics and performance tracking" },
      components: {
        schemas: components,
        securitySchemes: { HTTPBearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      },
    },
  });
