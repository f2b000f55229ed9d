/** Runs one query and answers it, with its rows streamed or with why there are none. */
import { unreachable } from "../../base/invariant.ts";
import type { QueryRefusal } from "../../query/process.ts";
import { contentTypes, type Query } from "../../query/protocol.ts";
import { json, privateHeaders, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Asked } from "../endpoint.ts";

/** `Retry-After` when the most allowed queries run, or a file was replaced during one. Seconds. */
const retryAfterSeconds = 1;

/** A longer statement is cut in the log. Characters. */
const sqlCharsMax = 2_000;

/**
 * Answers one query.
 * @throws Refusal when there is no answer
 */
export async function answerQuery(context: HttpContext, asked: Asked, wanted: Query): Promise<Response> {
  const { request, server, subject } = asked;
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
}

/**
 * The beginning of the statement's SHA-256, in hex. A statement may hold what identifies a person, so its text stands
 * in the log at level `debug` alone; the hash tells whether two queries are the same one.
 */
const statementHash = (sql: string) => new Bun.CryptoHasher("sha256").update(sql).digest("hex").slice(0, 16);

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
      return new Refusal(504, {
        isAudited,
        reason: "query_time",
        text: "The query took too long and was ended. Ask for less, such as a shorter time range, or raise MILLRACE_QUERY_SECONDS",
      });
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
