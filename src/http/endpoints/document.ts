/** The OpenAPI document, made from the schemas that validate. */
import { openapi } from "@elysiajs/openapi";
import type { TSchema } from "@sinclair/typebox";
import { batchSchema, eventSchema } from "../../event/schema.ts";
import { contentTypes } from "../../query/protocol.ts";
import { statsSchema } from "../../stats/answer.ts";
import { healthSchema } from "../../stats/health.ts";
import {
  batchAnswerSchema,
  compactionSchema,
  erasureBodySchema,
  erasureForecastSchema,
  erasureSchema,
  livenessSchema,
  queryAnswerSchema,
  queryRefusalSchema,
  querySchema,
  refusalSchema,
  trackAnswerSchema,
  validationErrorSchema,
} from "./schemas.ts";

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
    200: answer("Accepted: synced to disk, unless the service runs with MILLRACE_ACK=buffered", accepted),
    400: refusal("The body was not received whole, or cannot be inflated"),
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or its Content-Encoding is not gzip or zstd"),
    422: answer("The body is not valid; nothing of it is kept", validationErrorSchema),
    503: refusal(
      "Not now: Retry-After says when to send it again. What was interrupted may have been stored, so use the same event_id",
    ),
    ...unauthorized,
  },
});

/** Documentation of each endpoint. */
export const documented = {
  track: { ...ingest("Track Event", eventSchema, trackAnswerSchema), operationId: "trackEvent" },
  batch: { ...ingest("Track Batch", batchSchema, batchAnswerSchema), operationId: "trackBatch" },
  query: {
    summary: "Query Events",
    description:
      "Sees every event acknowledged before the call. An answer that passes a limit after its first rows breaks off: the transfer fails. Needs the scope `query`.",
    operationId: "queryEvents",
    tags: ["Analytics"],
    security: bearer,
    requestBody: { required: true, content: contentOf(querySchema) },
    responses: {
      200: {
        description: "The rows, sent as they are found",
        content: {
          ...contentOf(queryAnswerSchema),
          [contentTypes.ndjson]: {},
          [contentTypes.csv]: {},
          [contentTypes.parquet]: {},
        },
      },
      400: answer(
        "The statement is not allowed, fails, or needs more rows or memory than a query may have",
        queryRefusalSchema,
      ),
      406: refusal("`Accept` names none of the formats"),
      413: refusal("The body is too large"),
      415: refusal("The body is not JSON, or has a Content-Encoding"),
      422: answer("The body is not valid", validationErrorSchema),
      429: refusal("Too many queries are running; Retry-After says when to try again"),
      503: refusal("Not now; Retry-After says when"),
      504: refusal("The query took too long"),
      ...unauthorized,
    },
  },
  erase: {
    summary: "Erase Events",
    description:
      "Removes events from journals, segments, rollups and id logs, and answers when no byte of them is left in the data folder. With `dry_run` it only counts them. An SQL condition is BOOLEAN, without subqueries and without functions such as now() or random(); it has the time and the memory of a query. If the client disconnects before the erasure is recorded, nothing is removed. Needs the scope `admin`.",
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
      413: refusal("The body is too large"),
      415: refusal("The body is not JSON, or its Content-Encoding is not gzip or zstd"),
      422: answer("The body is not valid", validationErrorSchema),
      503: refusal("Not finished yet; what was begun continues by itself. Retry-After says when to try again"),
      ...unauthorized,
    },
  },
  compact: {
    summary: "Compact Segments",
    description: "Merges segments until there are as few as can be, and removes repeats. Needs the scope `admin`.",
    operationId: "compactSegments",
    tags: ["Operation"],
    security: bearer,
    responses: {
      200: answer("What was done", compactionSchema),
      503: refusal("Not now; Retry-After says when to try again"),
      ...unauthorized,
    },
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
      200: answer("Every shard accepts; `warnings` says what a person should look at", healthSchema),
      503: answer("Starting, degraded or stopping; `problems` says what is wrong and what to do", healthSchema),
    },
  },
  livez: {
    summary: "Get Liveness",
    description: "200 while the process runs, also while it is degraded or stopping. Reads nothing; needs no token.",
    operationId: "getLiveness",
    tags: ["Operation"],
    responses: { 200: answer("The process runs", livenessSchema) },
  },
  metrics: {
    summary: "Get Prometheus Metrics",
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
