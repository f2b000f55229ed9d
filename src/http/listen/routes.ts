/** Rows of the table of endpoints to routes of Elysia. */
import type { Server } from "bun";
import { Overloaded } from "../../base/errors.ts";
import type { AcceptContext } from "../context.ts";
import type { Application } from "../edge/application.ts";
import type { Endpoint, Handle } from "../endpoint.ts";

/** What Elysia hands over. */
type Routed = { request: Request; server: Server<unknown> | null };

type Handler = (routed: Routed) => Response | Promise<Response>;

/** Adds a route whose body is left alone. */
export function addRoute(app: Application, { method, path }: Endpoint, handler: Handler): void {
  app.route(method, path, ({ request, server }) => handler({ request, server }), { parse: "none" });
}

/**
 * The handler of an endpoint, for requests that may ask it; a token that is remembered costs no turn of the event loop.
 */
export function admitted<Context extends AcceptContext>(
  context: Context,
  { scope, handle }: { scope: Endpoint["scope"]; handle: Handle<Context> },
): Handler {
  if (scope === undefined) return ({ request, server }) => handle(context, { request, server, subject: null });
  return ({ request, server }) => {
    if (!context.isAccepting()) throw new Overloaded("stopping");
    const principal = context.auth.authorize(request, scope);
    return principal instanceof Promise
      ? principal.then(({ subject }) => handle(context, { request, server, subject }))
      : handle(context, { request, server, subject: principal.subject });
  };
}
