/** The HTTP edge: endpoints, their documentation, and one place where errors become answers. */
import { Elysia } from "elysia";
import { AddressRefused, messageOf, Overloaded } from "../base/errors.ts";
import { invariant } from "../base/invariant.ts";
import { statsAnswer } from "../stats/answer.ts";
import { json, Refusal, refusalOf, refused } from "./answers.ts";
import type { AcceptContext, HttpContext } from "./context.ts";
import { documentation, documented } from "./openapi.ts";
import { query } from "./query.ts";
import { track } from "./track.ts";
import { compact, erase, importLines } from "./upkeep.ts";

/** Where to listen, and whether other threads listen there too. */
type Binding = { host: string; port: number; isShared: boolean };

/** How to listen, and the version to tell. */
type ListenOptions = Binding & { version: string };

/** A listening server. */
export type HttpServer = {
  /** As it was bound: `http://HOST:PORT`. */
  address: string;
  port: number;
  /** Ends the listening; open connections are closed. */
  stop(): Promise<void>;
};

/** Where the endpoints are. */
export const root = "/api/v1/analytics";

/** Methods of each path, to tell 405 from 404. */
const methods: Readonly<Record<string, string>> = {
  [root]: "POST",
  [`${root}/batch`]: "POST",
  [`${root}/query`]: "POST",
  [`${root}/erase`]: "POST",
  [`${root}/compact`]: "POST",
  [`${root}/import`]: "POST",
  [`${root}/stats`]: "GET, HEAD",
  [`${root}/health`]: "GET, HEAD",
  "/livez": "GET, HEAD",
  "/metrics": "GET, HEAD",
  "/openapi": "GET, HEAD",
  "/openapi/json": "GET, HEAD",
};

/** A request that sends nothing for so long is cut. Seconds. */
const idleSeconds = 30;

/**
 * Starts to listen, with all endpoints.
 * @throws AddressRefused when the address cannot be had
 */
export const listen = (context: HttpContext, options: ListenOptions): HttpServer =>
  bind(application(context, options.version), options);

/** What binding needs of an application: its type has all of its endpoints in it. */
type Bindable = {
  listen(options: Record<string, unknown>): unknown;
  stop(closeActiveConnections: boolean): Promise<unknown>;
  readonly server: { readonly port?: number | undefined } | null;
};

/**
 * Starts to listen with an application.
 * @throws AddressRefused when the address cannot be had
 */
export function bind(app: Bindable, { host: hostname, port, isShared }: Binding): HttpServer {
  try {
    app.listen({
      hostname,
      port,
      // Otherwise a second server on the port would be let in, and get half of the requests.
      reusePort: isShared,
      idleTimeout: idleSeconds,
      // The limit is enforced per request, with an answer; the server's own would close the connection without one.
      maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    });
  } catch (error) {
    throw new AddressRefused(`cannot listen on ${hostname}:${port}: ${messageOf(error)}`, { cause: error });
  }
  const { server } = app;
  invariant(typeof server?.port === "number", "a server that listens has a port");
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return {
    address: `http://${host}:${server.port}`,
    port: server.port,
    stop: async () => {
      await app.stop(true);
    },
  };
}

const application = (context: HttpContext, version: string) =>
  new Elysia()
    .use(documentation(version))
    .onError(({ error, code, request }) => answerError(context, { error, code, request }))
    .post(root, ({ request }) => track(context, request, "event"), { parse: "none", detail: documented.track })
    .post(`${root}/batch`, ({ request }) => track(context, request, "batch"), {
      parse: "none",
      detail: documented.batch,
    })
    .post(`${root}/query`, ({ request, server }) => query(context, request, server), {
      parse: "none",
      detail: documented.query,
    })
    .post(`${root}/erase`, ({ request, server }) => erase(context, request, server), {
      parse: "none",
      detail: documented.erase,
    })
    .post(`${root}/compact`, ({ request, server }) => compact(context, request, server), {
      parse: "none",
      detail: documented.compact,
    })
    .post(`${root}/import`, ({ request, server }) => importLines(context, request, server), {
      parse: "none",
      detail: { hide: true },
    })
    .get(`${root}/stats`, ({ request }) => stats(context, request), { detail: documented.stats })
    .get(`${root}/health`, () => health(context), { detail: documented.health })
    .get("/livez", alive, { detail: documented.livez })
    .get("/metrics", () => metrics(context), { detail: documented.metrics });

/** How many events there are, by category and hour, every acknowledged one among them. */
export async function stats(context: AcceptContext, request: Request): Promise<Response> {
  if (!context.isAccepting()) throw new Overloaded("stopping");
  await context.auth.authorize(request, "stats:read");
  return json(statsAnswer(context.boards(), context.clock.nowMs(), context.limits));
}

function health(context: HttpContext): Response {
  const answer = context.health();
  return json(answer, answer.status === "ok" ? 200 : 503, { "cache-control": "no-store" });
}

/** The process runs, whatever its disk and its shards do; also while it stops. */
export const alive = () => json({ status: "alive" }, 200, { "cache-control": "no-store" });

async function metrics(context: HttpContext): Promise<Response> {
  return new Response(await context.metrics(), {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

/** The answer to whatever an endpoint threw; what nobody foresaw is logged here and answered without its details. */
export function answerError(
  context: Pick<HttpContext, "refusals" | "log">,
  failed: { error: unknown; code: string | number; request: Request },
): Response {
  const { error, code, request } = failed;
  const known = code === "NOT_FOUND" ? noRoute(request) : refusalOf(error);
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

function noRoute(request: Request): Refusal {
  const allow = methods[new URL(request.url).pathname];
  return allow === undefined
    ? new Refusal(404, { reason: "not_found", text: "Not Found" })
    : new Refusal(405, { reason: "method_not_allowed", text: "Method Not Allowed", headers: { allow } });
}
