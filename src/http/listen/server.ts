/** The main thread's server: endpoints, their documentation, and binding, for all threads. */
import { AddressRefused, messageOf, Overloaded } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import { statsAnswer } from "../../stats/answer.ts";
import { json } from "../answers.ts";
import type { AcceptContext, HttpContext } from "../context.ts";
import { edge } from "../edge/application.ts";
import { documentation, documented } from "../endpoints/document.ts";
import { compact, erase, importLines, quarantine } from "../endpoints/erase.ts";
import { answerFile, pageFiles } from "../endpoints/openapi-page.ts";
import { query } from "../endpoints/query.ts";
import { track } from "../endpoints/track.ts";
import { root } from "../endpoints.ts";

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

/** A request that sends nothing for so long is cut. Seconds. */
const idleSeconds = 30;

/**
 * Starts to listen, with all endpoints.
 * @throws AddressRefused when the address cannot be had
 */
export function listen(context: HttpContext, options: ListenOptions): HttpServer {
  const app = application(context, options.version);
  for (const [path, file] of pageFiles)
    app.get(path, ({ request }) => answerFile(file, request), { detail: { hide: true } });
  return bind(app, options);
}

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
      // Never the runtime's page for an error, which shows sources and paths of the machine.
      development: false,
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
  edge(context)
    .use(documentation(version))
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
    .post(`${root}/quarantine`, ({ request }) => quarantine(context, request), {
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
