/** `POST /api/v1/analytics/erase`: removes events and answers with the receipt. */
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { invariant } from "../../base/invariant.ts";
import { erasureRequestSchema } from "../../store/catalog/erasures.ts";
import { json } from "../answers.ts";
import type { Documentation } from "../endpoint.ts";
import { answer, invalidBody, refusal } from "./documentation.ts";
import { withJsonBody } from "./json-body.ts";
import { upkeepOf } from "./upkeep-of.ts";

/** Each form of the request may also ask for a dry run. */
const erasureBodySchema = Type.Union(
  erasureRequestSchema.anyOf.map(({ properties }) =>
    Type.Object(
      { ...properties, dry_run: Type.Optional(Type.Boolean({ description: "Only count the events", default: false })) },
      { additionalProperties: false },
    ),
  ),
);

/**
 * Erases events and answers with the receipt, once no byte of them is left; with `dry_run`, only counts them. If the
 * client disconnects before the erasure is recorded, it is cancelled.
 */
export const erase = withJsonBody(erasureBodySchema, async (context, { request, server, subject }, { value }) => {
  const { dry_run: isDryRun = false, ...asked } = value;
  invariant(Value.Check(erasureRequestSchema, asked), "the body of an erasure is a request and `dry_run`");
  // Many large segments take minutes.
  server?.timeout(request, 0);
  const { signal } = request;
  const upkeep = upkeepOf(context);
  // Not the value: it identifies a person. The line of the finished erasure has the receipt's hash of it.
  const [by = ""] = Object.keys(asked);
  context.audit.note("act", { subject, what: { act: isDryRun ? "count what would be erased" : "erase", by } });
  if (isDryRun) {
    const { events, notSearched } = await upkeep.forecastErasure(asked, signal);
    return json({ dry_run: true, would_erase: events, not_searched: notSearched });
  }
  const { receipt, notSearched } = await upkeep.erase(asked, subject, signal);
  return json({
    id: receipt.id,
    erased: receipt.events,
    erased_at: new Date(receipt.erasedAtMs).toISOString(),
    by: receipt.by,
    request_hash: receipt.requestHash,
    catalog_version: receipt.catalogVersion,
    not_searched: notSearched,
  });
});

/** The receipt of an erasure. */
const erasureSchema = Type.Object(
  {
    id: Type.String({ format: "uuid" }),
    erased: Type.Integer({ description: "How many events were removed, each counted once" }),
    erased_at: Type.String({ format: "date-time", description: "When the last byte of them was gone" }),
    by: Type.Union([Type.String(), Type.Null()], { description: "Subject of the token; null: from the command line" }),
    request_hash: Type.String({ description: "SHA-256 of the body as compact JSON, in hex" }),
    catalog_version: Type.Integer({ description: "The first catalog without them" }),
    not_searched: Type.Array(Type.String(), {
      description:
        "What could not be searched, and may hold such events: damaged files, by their paths; with `where`, `refused` for refused events that could not be mapped and have no columns, and files in journal/refused",
    }),
  },
  { $id: "Erasure" },
);

/** What a dry run of an erasure counted. */
const erasureForecastSchema = Type.Object(
  {
    dry_run: Type.Literal(true),
    would_erase: Type.Integer({ description: "Events that the same request without `dry_run` would remove now" }),
    not_searched: Type.Array(Type.String(), { description: "What could not be searched, as in the receipt" }),
  },
  { $id: "ErasureForecast" },
);

/** Documentation of the endpoint. */
export const eraseDocumentation: Documentation = {
  summary: "Erase Events",
  description:
    "Removes events from journals, segments, rollups and id logs, and answers when no byte of them is left in the data folder. With `dry_run` it only counts them. The body names exactly one of `session_id`, `client_id`, `subject`, `user_id`, `anonymous_id`, `person` and `where`. A `person` is a user, with the events of each anonymous id that belongs to this user, also from before they were known; or an anonymous id or a client id without a user. It is decided once, over all events accepted before the request. An SQL condition is BOOLEAN, without subqueries and without functions such as now() or random(); it has the time and the memory of a query. If the client disconnects before the erasure is recorded, nothing is removed. Needs the scope `admin`.",
  operationId: "eraseEvents",
  tag: "Operation",
  body: erasureBodySchema,
  answers: {
    200: answer("The receipt, or what a dry run counted", Type.Union([erasureSchema, erasureForecastSchema])),
    400: refusal("The condition is not allowed, fails, or needs more time or memory than it may have"),
    413: refusal("The body is too large"),
    415: refusal("The body is not JSON, or has a Content-Encoding"),
    422: invalidBody("The body is not valid"),
    503: refusal("Not finished yet; what was begun continues by itself. Retry-After says when to try again"),
  },
};
