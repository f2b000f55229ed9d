/** Makes Elysia routes from rows of the table of endpoints. */
import type { Server } from "bun";
import { Overloaded } from "../../base/errors.ts";
import type { HttpContext } from "../context.ts";
import { type Application, atEdge, type Handler } from "../edge/application.ts";
import type { Endpoint } from "../endpoint.ts";

/** Adds the route of an endpoint. Elysia does not read its body. */
export function addRoute(app: Application, context: HttpContext, endpoint: Endpoint): void {
  const { method, path } = endpoint;
  // Elysia removes one final slash from a route.
  const route = path.length > 1 && path.endsWith("/") ? `${path}/` : path;
  // Not the server that Elysia offers to handlers: it makes a property of it for each request.
  const handler = atEdge(
    context,
    admitted(context, endpoint, () => app.server),
  );
  app.route(method, route, ({ request }) => handler(request), { parse: "none" });
}

/**
 * The handler of an endpoint, for requests with the right scope. A remembered token is checked without waiting for a
 * promise.
 */
function admitted(
  context: HttpContext,
  { scope, admits, handle }: Pick<Endpoint, "scope" | "admits" | "handle">,
  serverOf: () => Server<unknown> | null,
): Handler {
  if (scope === undefined || admits === "handler")
    return (request) => handle(context, { request, server: serverOf(), principal: null, subject: null });
  return (request) => {
    if (!context.isAccepting()) throw new Overloaded("stopping");
    const principal = context.auth.authorize(request, scope);
    return principal instanceof Promise
      ? principal.then((known) =>
          handle(context, { request, server: serverOf(), principal: known, subject: known.subject }),
        )
      : handle(context, { request, server: serverOf(), principal, subject: principal.subject });
  };
}
