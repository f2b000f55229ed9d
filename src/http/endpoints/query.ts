/** `POST /api/v1/analytics/query`: one SELECT over everything acknowledged, its rows as they come. */
import type { Server } from "bun";
import { Overloaded } from "../../base/errors.ts";
import { unreachable } from "../../base/invariant.ts";
import { answerOf, type Issue } from "../../event/parse/issue.ts";
import { isRecord, parseJson } from "../../event/parse/parse.ts";
import { parameterValuesMax } from "../../query/parameters.ts";
import type { QueryRefusal } from "../../query/process.ts";
import { contentTypes, type Query, type QueryFormat, queryFormats } from "../../query/protocol.ts";
import { invalid, json, Refusal } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import { encodingOf, readBody, requireJson } from "../edge/body.ts";

/** Seconds after which a client may ask again when as many queries run as may, or a file was replaced under one. */
const retryAfterSeconds = 1;

/**
 * Answers one query; `server` is told that this request may be silent for long.
 * @throws Refusal or Overloaded
 */
export async function query(context: HttpContext, request: Request, server: Server<unknown> | null): Promise<Response> {
  if (!context.isAccepting()) throw new Overloaded("stopping");
  const { subject } = await context.auth.authorize(request, "query");
  requireJson(request);
  if (encodingOf(request) !== "identity")
    throw new Refusal(415, { reason: "unsupported_encoding", text: "The body of a query cannot be packed" });
  const bytes = await readBody(request, context);
  requireFewValues(bytes);
  const body = parseJson(bytes);
  const read = body.ok ? queryOf(body, () => acceptedFormat(request)) : body;
  if (!read.ok) {
    context.refusals.count("invalid");
    return invalid(answerOf(read.issues));
  }
  server?.timeout(request, 0);
  const answer = await context.queries.run(read.query, {
    subject,
    signal: request.signal,
    onCut: ({ kind, message }, bytes) =>
      context.log.warn({ subject, format: read.query.format, reason: kind, error: message, bytes }, "query broke off"),
  });
  const reason = answer.ok ? undefined : answer.refusal.kind;
  context.log.info({ subject, format: read.query.format, reason }, answer.ok ? "query answered" : "query refused");
  if (answer.ok) {
    const headers = { "content-type": contentTypes[read.query.format], "cache-control": "no-store" };
    return new Response(answer.body, { headers });
  }
  const { position } = answer.refusal;
  const refusal = refusalOfQuery(context, answer.refusal);
  if (position === undefined) throw refusal;
  context.refusals.count(refusal.reason);
  return json({ detail: refusal.message, position }, refusal.status);
}

function refusalOfQuery(context: HttpContext, { kind, message }: QueryRefusal): Refusal {
  const retry = { "retry-after": String(retryAfterSeconds) };
  switch (kind) {
    case "refused":
    case "rows":
    case "memory":
      return new Refusal(400, { reason: `query_${kind}`, text: message });
    case "busy":
      return new Refusal(429, {
        reason: "query_busy",
        text: "As many queries run as may run at once; try again shortly",
        headers: retry,
      });
    case "time":
      return new Refusal(504, { reason: "query_time", text: "The query took too long and was ended" });
    case "interrupted":
      context.log.warn({ error: message }, "a file of a query could not be read");
      return new Refusal(503, {
        reason: "query_interrupted",
        text: "The query was interrupted; try again",
        headers: retry,
      });
    case "unavailable":
      context.log.warn({ error: message }, "no room or no process for a query");
      return new Refusal(503, {
        reason: "query_unavailable",
        text: "The service has no room for a query now; try again shortly",
        headers: retry,
      });
    case "gone":
      return new Refusal(503, { reason: "query_gone", text: "The query was ended; try again", headers: retry });
    case "broken":
      context.log.error({ error: message }, "query failed");
      return new Refusal(500, { reason: "internal", text: "Internal error" });
    default:
      return unreachable(kind);
  }
}

/**
 * Numbers that keep their digits are read slowly, on the thread that serves everybody (800 KB of them took 771 ms), so that a
 * body may hold no more values than a query's parameters. Read natively, a body of 1 MiB takes 10 ms.
 * @throws Refusal 413 for a body of more
 */
function requireFewValues(bytes: Uint8Array): void {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    // What is wrong with it is told by who reads it.
    if (error instanceof SyntaxError) return;
    throw error;
  }
  const rest: unknown[] = [value];
  for (let values = 0; rest.length > 0; values++) {
    if (values + rest.length > parameterValuesMax)
      throw new Refusal(413, {
        reason: "too_large",
        text: `The parameters of a query may hold ${parameterValuesMax} values at most, those in lists among them`,
      });
    const next = rest.pop();
    if (typeof next === "object" && next !== null) for (const member of Object.values(next)) rest.push(member);
  }
}

type ReadQuery = { ok: true; query: Query } | { ok: false; issues: Issue[] };

/** Reads the body of a query; `exact` has the digits of its parameters. */
function queryOf(body: { value: unknown; exact: unknown }, accepted: () => QueryFormat): ReadQuery {
  const { value, exact } = body;
  if (!isRecord(value) || !isRecord(exact)) {
    const msg = "Input should be a valid dictionary or object to extract fields from";
    return { ok: false, issues: [{ type: "model_attributes_type", loc: ["body"], msg, input: exact }] };
  }
  const { sql, format } = value;
  const parameters = exact["params"] ?? [];
  const chosen = format ?? undefined;
  const known = queryFormats.find((each) => each === chosen);
  const issues: Issue[] = [];
  const add = (field: string, type: string, msg: string, more: Partial<Issue> = {}) =>
    issues.push({ type, loc: ["body", field], msg, input: exact[field], ...more });
  if (!Object.hasOwn(value, "sql")) add("sql", "missing", "Field required", { input: exact });
  else if (typeof sql !== "string") add("sql", "string_type", "Input should be a valid string");
  const isList = Array.isArray(parameters);
  if (!isList && !isRecord(parameters)) add("params", "dict_type", "Input should be a valid dictionary or list");
  if (chosen !== undefined && known === undefined) {
    const expected = `${queryFormats.slice(0, -1).map(quoted).join(", ")} or ${quoted(queryFormats.at(-1) ?? "")}`;
    add("format", "enum", `Input should be ${expected}`, { ctx: { expected } });
  }
  if (issues.length > 0 || typeof sql !== "string" || !(isList || isRecord(parameters))) return { ok: false, issues };
  return { ok: true, query: { sql, parameters, format: known ?? accepted() } };
}

const quoted = (text: string) => `'${text}'`;

/**
 * The format that the client likes best, by `Accept`.
 * @throws Refusal 406 where none can be given
 */
function acceptedFormat(request: Request): QueryFormat {
  // An empty one says as little as none.
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

/** Whether a media type lies in a range such as `text/*`. */
const isIn = (type: string, range: string) =>
  range === "*/*" || range === type || (range.endsWith("/*") && type.startsWith(range.slice(0, -1)));
