/** What happens to a request before its endpoint, and to errors that an endpoint throws. */
import { Elysia } from "elysia";
import { messageOf } from "../../base/errors.ts";
import { Refusal, refusalOf, refused } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import type { MethodsOf } from "../endpoints.ts";
import { isHost, rememberingLast } from "./target.ts";
import { otherRoutes, refusalOfOther } from "./unknown-paths.ts";

type EdgeContext = Pick<AcceptContext, "audit" | "auth" | "cors" | "log" | "refusals">;

/** Answers a request, or throws an error that the application answers. */
export type Handler = (request: Request) => Response | Promise<Response>;

/**
 * An application without endpoints; `methodsOf` says which it gets. It refuses unknown paths, and answers errors,
 * including those of the framework and the runtime, as JSON without details.
 */
export function application(context: EdgeContext, methodsOf: MethodsOf) {
  const { cors } = context;
  const refuse = (refusal: Refusal, request: Request): Response => {
    context.refusals.count(refusal.reason);
    const { reason, status, isAudited, subject } = refusal;
    if (!isAudited)
      context.audit.note("refusal", { subject: subject ?? context.auth.subjectOf(request), what: { reason, status } });
    return refused(refusal);
  };
  const readable = (answer: Response, request: Request): Response =>
    cors === undefined ? answer : cors.answered(request, answer);
  const other = (request: Request): Response => {
    const refusal = wrongHost(request) ?? refusalOfOther(request, methodsOf);
    // A preflight passes for any plain path, so that a page can read the 404 that its request gets.
    const preflight = refusal.status === 400 ? undefined : cors?.preflight(request);
    return readable(preflight instanceof Response ? preflight : refuse(preflight ?? refusal, request), request);
  };
  return new Elysia({
    serve: { error: (error: unknown) => failed(context, error), routes: otherRoutes(other) },
  }).onError(({ error, code, request }) => {
    const known = code === "NOT_FOUND" ? refusalOfOther(request, methodsOf) : refusalOf(error);
    return readable(known === undefined ? failed(context, error) : refuse(known, request), request);
  });
}

/** What `application` makes; routes are added to it. */
export type Application = ReturnType<typeof application>;

/**
 * The handler of a route: it refuses a wrong `Host`, and says which pages may read its answers. Not Elysia's `wrap`,
 * which makes all its functions again for each request.
 */
export function atEdge({ cors }: Pick<EdgeContext, "cors">, handle: Handler): Handler {
  const judged: Handler = (request) => {
    const refusal = wrongHost(request);
    if (refusal !== undefined) throw refusal;
    return handle(request);
  };
  if (cors === undefined) return judged;
  return (request) => {
    const answer = judged(request);
    return answer instanceof Promise
      ? answer.then((response) => cors.answered(request, response))
      : cors.answered(request, answer);
  };
}

/** Nearly all requests name the same one. */
const isKnownHost = rememberingLast(isHost);

/** The refusal of an invalid `Host`. HTTP/1.0 may omit it; if HTTP/1.1 does, the runtime refuses the request. */
function wrongHost(request: Request): Refusal | undefined {
  const host = request.headers.get("host");
  if (host === null || isKnownHost(host)) return undefined;
  const text = "The Host header must be a name or an address, and a port at most";
  return new Refusal(400, { reason: "host_invalid", text });
}

/** The answer to an unexpected error, which is logged here and answered without its details. */
function failed(context: EdgeContext, error: unknown): Response {
  context.refusals.count("internal");
  context.log.error(
    { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined },
    "request failed",
  );
  return refused(new Refusal(500, { reason: "internal", text: "Internal error" }));
}
