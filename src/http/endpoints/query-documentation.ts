/** Documentation of the two endpoints for queries. */
import { Type } from "@sinclair/typebox";
import { contentTypes, queryFormats } from "../../query/protocol.ts";
import type { Documentation } from "../endpoint.ts";
import { answer, invalidBody, refusal } from "./documentation.ts";
import { querySchema } from "./query.ts";

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

const answers = {
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
  429: refusal("Too many queries are running; Retry-After says when to try again"),
  503: refusal("Not now; Retry-After says when"),
  504: refusal("The query took too long"),
};

const told =
  "Sees every event acknowledged before the call. An answer that passes a limit after its first rows breaks off: the transfer fails. Needs the scope `query`.";

/** Documentation of the endpoint for queries in bodies. */
export const queryDocumentation: Documentation = {
  summary: "Query Events",
  description: told,
  operationId: "queryEvents",
  tag: "Analytics",
  body: querySchema,
  answers: {
    ...answers,
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or has a Content-Encoding"),
    422: invalidBody("The body is not valid"),
  },
};

/** Documentation of the endpoint for queries in URLs. */
export const queryByUrlDocumentation: Documentation = {
  summary: "Query Events By URL",
  description: `The same for programs that can only open a URL, such as spreadsheets and notebooks. ${told} The token is never in the URL: it is the bearer token, or the user name of Basic.`,
  operationId: "queryEventsByUrl",
  tag: "Analytics",
  parameters: Type.Object({
    ...querySchema.properties,
    format: Type.Optional(
      Type.Union(
        queryFormats.map((format) => Type.Literal(format)),
        { description: querySchema.properties.format.description ?? "" },
      ),
    ),
  }),
  answers: {
    ...answers,
    414: refusal("The URL is longer than 8,192 characters: send this with POST"),
    422: invalidBody("A parameter is missing or not valid"),
  },
};
