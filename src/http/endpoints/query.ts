/** `POST /api/v1/analytics/query`: one SELECT over everything acknowledged, with its rows streamed. */
import { type Static, Type } from "@sinclair/typebox";
import { unreachable } from "../../base/invariant.ts";
import { isRecord } from "../../event/parse/parse.ts";
import type { QueryRefusal } from "../../query/process.ts";
import { contentTypes, type Query, type QueryFormat, queryFormats } from "../../query/protocol.ts";
import { json, privateHeaders, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Documentation } from "../endpoint.ts";
import { answer, invalidBody, refusal } from "./documentation.ts";
import { type JsonBody, withJsonBody } from "./json-body.ts";

/** `Retry-After` when the most allowed queries run, or a file was replaced during one. Seconds. */
const retryAfterSeconds = 1;

/** A longer statement is cut in the log. Characters. */
const sqlCharsMax = 2_000;

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

/** Answers one query. */
export const query = withJsonBody(querySchema, async (context, asked, body) => {
  const { request, server, subject } = asked;
  const wanted = queryOf(body, () => acceptedFormat(request));
  const { format } = wanted;
  server?.timeout(request, 0);
  const startedMs = context.clock.monotonicMs();
  const given = await context.queries.run(wanted, {
    subject,
    signal: request.signal,
    onCut: ({ kind, message }, bytes) =>
      context.log.warn({ subject, format, reason: kind, error: message, bytes }, "query broke off"),
  });
  context.audit.note("query", {
    subject,
    what: { outcome: given.ok ? "answered" : given.refusal.kind, format, statement: statementHash(wanted.sql) },
    figures: { ms: Math.round(context.clock.monotonicMs() - startedMs) },
  });
  context.log.debug({ subject, sql: wanted.sql.slice(0, sqlCharsMax) }, "statement");
  if (given.ok) {
    const headers = { ...privateHeaders, "content-type": contentTypes[format] };
    return new Response(given.body, { headers });
  }
  const { position } = given.refusal;
  const refused = refusalOfQuery(context, given.refusal);
  if (position === undefined) throw refused;
  context.refusals.count(refused.reason);
  return json({ detail: refused.message, position }, refused.status);
});

/**
 * The beginning of the statement's SHA-256, in hex. A statement may hold what identifies a person, so its text stands
 * in the log at level `debug` alone; the hash tells whether two queries are the same one.
 */
const statementHash = (sql: string) => new Bun.CryptoHasher("sha256").update(sql).digest("hex").slice(0, 16);

/** The query in a body; `exact` keeps the digits of its parameters. */
function queryOf({ value, exact }: JsonBody<Static<typeof querySchema>>, accepted: () => QueryFormat): Query {
  const given = isRecord(exact) ? exact["params"] : undefined;
  const parameters = Array.isArray(given) || isRecord(given) ? given : [];
  return { sql: value.sql, parameters, format: value.format ?? accepted() };
}

function refusalOfQuery(context: HttpContext, { kind, message }: QueryRefusal): Refusal {
  const retry = { "retry-after": String(retryAfterSeconds) };
  const isAudited = true;
  switch (kind) {
    case "refused":
    case "rows":
    case "memory":
      return new Refusal(400, { isAudited, reason: `query_${kind}`, text: message });
    case "busy":
      return new Refusal(429, {
        isAudited,
        reason: "query_busy",
        text: "As many queries run as may run at once; try again shortly",
        headers: retry,
      });
    case "time":
      return new Refusal(504, { isAudited, reason: "query_time", text: "The query took too long and was ended" });
    case "interrupted":
      context.log.warn({ error: message }, "a file of a query could not be read");
      return new Refusal(503, {
        isAudited,
        reason: "query_interrupted",
        text: "The query was interrupted; try again",
        headers: retry,
      });
    case "unavailable":
      context.log.warn({ error: message }, "no room or no process for a query");
      return new Refusal(503, {
        isAudited,
        reason: "query_unavailable",
        text: "The service has no room for a query now; try again shortly",
        headers: retry,
      });
    case "gone":
      return new Refusal(503, {
        isAudited,
        reason: "query_gone",
        text: "The query was ended; try again",
        headers: retry,
      });
    case "broken":
      context.log.error({ error: message }, "query failed");
      return new Refusal(500, { isAudited, reason: "internal", text: "Internal error" });
    default:
      return unreachable(kind);
  }
}

/**
 * The format that the client prefers, by `Accept`.
 * @throws Refusal 406 when none is available
 */
function acceptedFormat(request: Request): QueryFormat {
  // An empty header counts as a missing one.
  const ranges = (request.headers.get("accept")?.trim() || "*/*")
    .split(",")
    .map((range) => {
      const [type = "", ...options] = range.split(";").map((part) => part.trim().toLowerCase());
      const quality = options.find((option) => option.startsWith("q="));
      return { type, quality: quality === undefined ? 1 : Number(quality.slice(2)) };
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality);
  for (const { type } of ranges) {
    const format = queryFormats.find((each) => isIn(contentTypes[each].split(";", 1)[0] ?? "", type));
    if (format !== undefined) return format;
  }
  throw new Refusal(406, {
    reason: "not_acceptable",
    text: `The answer can be ${queryFormats.map((format) => contentTypes[format]).join(", ")}`,
  });
}

/** Whether a media type matches a range such as `text/*`. */
const isIn = (type: string, range: string) =>
  range === "*/*" || range === type || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)));

/** The rows of a query as JSON. */
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

/** Why a statement was refused or failed. */
const queryRefusalSchema = Type.Object(
  {
    detail: Type.String(),
    position: Type.Optional(Type.Integer({ description: "How many characters of the SQL precede the error" })),
  },
  { $id: "QueryRefusal" },
);

/** Documentation of the endpoint. */
export const queryDocumentation: Documentation = {
  summary: "Query Events",
  description:
    "Sees every event acknowledged before the call. An answer that passes a limit after its first rows breaks off: the transfer fails. Needs the scope `query`.",
  operationId: "queryEvents",
  tag: "Analytics",
  body: querySchema,
  answers: {
    200: {
      description: "The rows, sent as they are found",
      content: {
        "application/json": queryAnswerSchema,
        [contentTypes.ndjson]: undefined,
        [contentTypes.csv]: undefined,
        [contentTypes.parquet]: undefined,
      },
    },
    400: answer(
      "The statement is not allowed, fails, or needs more rows or memory than a query may have",
      queryRefusalSchema,
    ),
    406: refusal("`Accept` names none of the formats"),
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or has a Content-Encoding"),
    422: invalidBody("The body is not valid"),
    429: refusal("Too many queries are running; Retry-After says when to try again"),
    503: refusal("Not now; Retry-After says when"),
    504: refusal("The query took too long"),
  },
};
