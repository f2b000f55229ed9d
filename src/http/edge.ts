/** What every accepting thread does with a request before its endpoint, and with whatever an endpoint throws. */
import { Elysia } from "elysia";
import { messageOf } from "../base/errors.ts";
import { Refusal, refusalOf, refused } from "./answers.ts";
import type { AcceptContext } from "./context.ts";
import { refusalOfStranger, strangerRoutes } from "./strangers.ts";
import { isHost } from "./target.ts";

/**
 * An application without endpoints. It refuses a wrong `Host` and unknown paths, and answers errors, also those of the framework and of
 * the runtime, as JSON without details.
 */
export const edge = (context: Pick<AcceptContext, "refusals" | "log">) =>
  new Elysia({
    serve: {
      error: (error: unknown) => answerError(context, error),
      routes: strangerRoutes((request: Request) =>
        answerError(context, wrongHost(request) ?? refusalOfStranger(request)),
      ),
    },
  })
    .wrap((handle) => (request: Request) => {
      const refusal = wrongHost(request);
      return refusal === undefined ? handle(request) : answerError(context, refusal);
    })
    .onError(({ error, code, request }) =>
      answerError(context, code === "NOT_FOUND" ? refusalOfStranger(request) : error),
    );

/** The refusal of a `Host` that is not one. HTTP/1.0 may leave it out; where HTTP/1.1 does, the runtime refuses the request. */
function wrongHost(request: Request): Refusal | undefined {
  const host = request.headers.get("host");
  if (host === null || isHost(host)) return undefined;
  const text = "The Host header must be a name or an address, and a port at most";
  return new Refusal(400, { reason: "host_invalid", text });
}

/** The answer to whatever an endpoint threw; what nobody foresaw is logged here and answered without its details. */
function answerError(context: Pick<AcceptContext, "refusals" | "log">, error: unknown): Response {
  const known = refusalOf(error);
  if (known !== undefined) {
    context.refusals.count(known.reason);
    return refused(known);
  }
  context.refusals.count("internal");
  context.log.error(
    { error: messageOf(error), stack: error instanceof Error ? error.stack : undefined },
    "request failed",
  );
  return refused(new Refusal(500, { reason: "internal", text: "Internal error" }));
}
