/**
 * `POST` and `GET /api/v1/analytics/query`: one SELECT over everything acknowledged. GET is for programs that can only
 * open a URL; it takes the members of POST's body as parameters, `params` as JSON.
 */
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { invariant } from "../../base/invariant.ts";
import type { Issue } from "../../event/parse/issue.ts";
import { issuesOf } from "../../event/parse/issues-of.ts";
import { isRecord, parseJson } from "../../event/parse/parse.ts";
import { type Query, type QueryFormat, queryFormats } from "../../query/protocol.ts";
import type { HttpContext } from "../context.ts";
import { urlParameters } from "../edge/url-parameters.ts";
import type { Handle } from "../endpoint.ts";
import { answerInvalid, type JsonBody, withJsonBody } from "./json-body.ts";
import { answerQuery } from "./query-answer.ts";
import { acceptedFormat } from "./query-format.ts";

/** A query, as a client writes it. */
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

/** Answers a query in a body. */
export const query = withJsonBody(querySchema, (context, asked, body) =>
  answerQuery(
    context,
    asked,
    queryOf(body, () => acceptedFormat(asked.request)),
  ),
);

/** Answers a query in a URL. */
export const queryByUrl: Handle<HttpContext> = async (context, asked) => {
  const { request } = asked;
  const { params, ...plain } = urlParameters(request, ["sql", "params", "format"]);
  const parsed = parametersOf(params);
  const value = params === undefined || !parsed.ok ? plain : { ...plain, params: parsed.value };
  const place = { loc: ["query"], value, exact: value };
  const issues = [...issuesOf(querySchema, place), ...(parsed.ok ? [] : parsed.issues)];
  if (issues.length > 0) return answerInvalid(context, asked, issues);
  invariant(Value.Check(querySchema, value), "parameters without issues fit the schema");
  const exact = { params: parsed.ok ? parsed.exact : null };
  const wanted = queryOf({ value, exact }, () => acceptedFormat(request));
  return await answerQuery(context, asked, wanted);
};

type Parameters = { ok: true; value: unknown; exact: unknown } | { ok: false; issues: Issue[] };

/** The values of a statement's parameters in a URL. An empty string and `null` stand for none, as in a body. */
function parametersOf(text = ""): Parameters {
  if (text === "" || text.trim() === "null") return { ok: true, value: null, exact: null };
  const parsed = parseJson(Buffer.from(text));
  if (parsed.ok) return parsed;
  const issues = parsed.issues.map((issue) => ({ ...issue, loc: ["query", "params", ...issue.loc.slice(1)] }));
  return { ok: false, issues };
}

/** The query of a client; `exact` keeps the digits of its parameters. */
function queryOf({ value, exact }: JsonBody<Static<typeof querySchema>>, accepted: () => QueryFormat): Query {
  const given = isRecord(exact) ? exact["params"] : undefined;
  const parameters = Array.isArray(given) || isRecord(given) ? given : [];
  return { sql: value.sql, parameters, format: value.format ?? accepted() };
}
