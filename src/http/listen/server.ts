/** The server: all endpoints on one address. */
import { AddressRefused, messageOf } from "../../base/errors.ts";
import { invariant } from "../../base/invariant.ts";
import type { HttpContext } from "../context.ts";
import { application } from "../edge/application.ts";
import { endpoints, methodsAmong } from "../endpoints.ts";
import { addRoute } from "./routes.ts";

/** A listening server. */
type HttpServer = {
  /** The bound address, `http://HOST:PORT`. */
  address: string;
  port: number;
  /** Stops listening and closes open connections. */
  stop(): Promise<void>;
};

/** A connection without any data for this long is closed. Seconds. */
const idleSeconds = 30;

/**
 * Starts to listen, with all endpoints that this service has.
 * @throws AddressRefused when the address cannot be had
 */
export function listen(context: HttpContext, { host: hostname, port }: { host: string; port: number }): HttpServer {
  const served = endpoints.filter(({ isServed }) => isServed?.(context) ?? true);
  const app = application(context, methodsAmong(served));
  for (const endpoint of served) addRoute(app, context, endpoint);
  try {
    app.listen({
      hostname,
      port,
      // Elysia's default is true: a second server could then bind to the port and get half of the requests.
      reusePort: false,
      // Never the runtime's error page, which shows source code and paths.
      development: false,
      idleTimeout: idleSeconds,
      // The limit is enforced for each request, with an answer; the server's own limit would close the connection
      // without one.
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
