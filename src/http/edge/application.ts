/** What happens to a request before its endpoint, and to errors that an endpoint throws. */
import { Elysia } from "elysia";
import { messageOf } from "../../base/errors.ts";
import { Refusal, refusalOf, refused } from "../answers.ts";
import type { AcceptContext } from "../context.ts";
import type { MethodsOf } from "../endpoints.ts";
import { isHost } from "./target.ts";
import { otherRoutes, refusalOfOther } from "./unknown-paths.ts";

type EdgeContext = Pick<AcceptContext, "audit" | "auth" | "cors" | "log" | "refusals">;

/**
 * An application without endpoints; `methodsOf` says which it gets. It refuses a wrong `Host` and unknown paths, and
 * answers errors, including those of the framework and the runtime, as JSON without details.
 */
export function application(context: EdgeContext, methodsOf: MethodsOf) {
  const refuse = (refusal: Refusal, request: Request): Response => {
    context.refusals.count(refusal.reason);
    const { reason, status, isAudited, subject } = refusal;
    if (!isAudited)
      context.audit.note("refusal", { subject: subject ?? context.auth.subjectOf(request), what: { reason, status } });
    return refused(refusal);
  };
  const { cors } = context;
  const other = (request: Request): Response => {
    const refusal = wrongHost(request) ?? refusalOfOther(request, methodsOf);
    // A preflight passes for any plain path, so that a page can read the 404 that its request gets.
    const preflight = refusal.status === 400 ? undefined : cors?.preflight(request);
    const answer = preflight instanceof Response ? preflight : refuse(preflight ?? refusal, request);
    return cors === undefined ? answer : cors.answered(request, answer);
  };
  return new Elysia({
    serve: { error: (error: unknown) => failed(context, error), routes: otherRoutes(other) },
  })
    .wrap((handle) => {
      const judged = (request: Request) => {
        const refusal = wrongHost(request);
        return refusal === undefined ? handle(request) : refuse(refusal, request);
      };
      if (cors === undefined) return judged;
      return (request: Request) => {
        // The framework's type of `handle` says another thing than it returns.
        const answer: unknown = judged(request);
        if (answer instanceof Promise) return answer.then((response: Response) => cors.answered(request, response));
        return answer instanceof Response ? cors.answered(request, answer) : answer;
      };
    })
    .onError(({ error, code, request }) => {
      const known = code === "NOT_FOUND" ? refusalOfOther(request, methodsOf) : refusalOf(error);
      return known === undefined ? failed(context, error) : refuse(known, request);
    });
}

/** What `application` makes; routes are added to it. */
export type Application = ReturnType<typeof application>;

/** The refusal of an invalid `Host`. HTTP/1.0 may omit it; if HTTP/1.1 does, the runtime refuses the request. */
function wrongHost(request: Request): Refusal | undefined {
  const host = request.headers.get("host");
  if (host === null || isHost(host)) return undefined;
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
