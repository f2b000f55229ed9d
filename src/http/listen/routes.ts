/** Makes Elysia routes from rows of the table of endpoints. */
import type { Server } from "bun";
import { Overloaded } from "../../base/errors.ts";
import type { HttpContext } from "../context.ts";
import type { Application } from "../edge/application.ts";
import type { Endpoint } from "../endpoint.ts";

/** What Elysia passes to a handler. */
type Routed = { request: Request; server: Server<unknown> | null };

type Handler = (routed: Routed) => Response | Promise<Response>;

/** Adds a route whose body Elysia does not read. */
export function addRoute(app: Application, { method, path }: Endpoint, handler: Handler): void {
  // Elysia removes one final slash from a route.
  const route = path.length > 1 && path.endsWith("/") ? `${path}/` : path;
  app.route(method, route, ({ request, server }) => handler({ request, server }), { parse: "none" });
}

/**
 * The handler of an endpoint, for requests with the right scope. A remembered token is checked without waiting for a
 * promise.
 */
export function admitted(
  context: HttpContext,
  { scope, admits, handle }: Pick<Endpoint, "scope" | "admits" | "handle">,
): Handler {
  if (scope === undefined || admits === "handler")
    return ({ request, server }) => handle(context, { request, server, principal: null, subject: null });
  return ({ request, server }) => {
    if (!context.isAccepting()) throw new Overloaded("stopping");
    const principal = context.auth.authorize(request, scope);
    return principal instanceof Promise
      ? principal.then((known) => handle(context, { request, server, principal: known, subject: known.subject }))
      : handle(context, { request, server, principal, subject: principal.subject });
  };
}
