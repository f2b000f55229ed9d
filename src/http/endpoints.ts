/**
 * Every endpoint. A new one is a row here, and a file in `endpoints/` where it has code: the routes, the methods that a
 * 405 names and the OpenAPI document come from this table.
 */
import type { HttpContext } from "./context.ts";
import type { Endpoint } from "./endpoint.ts";
import { clientScript } from "./endpoints/client-script.ts";
import { compact, compactDocumentation } from "./endpoints/compact.ts";
import { documentOf } from "./endpoints/document.ts";
import { erase, eraseDocumentation } from "./endpoints/erase.ts";
import { health, healthDocumentation } from "./endpoints/health.ts";
import { importPiece } from "./endpoints/import.ts";
import { livez, livezDocumentation } from "./endpoints/livez.ts";
import { openApiPageFiles } from "./endpoints/openapi-page.ts";
import { pageFiles } from "./endpoints/page.ts";
import { prometheus, prometheusDocumentation } from "./endpoints/prometheus.ts";
import { quarantine } from "./endpoints/quarantine.ts";
import { query, queryByUrl } from "./endpoints/query.ts";
import { queryByUrlDocumentation, queryDocumentation } from "./endpoints/query-documentation.ts";
import { redrive } from "./endpoints/redrive.ts";
import { stats, statsDocumentation } from "./endpoints/stats.ts";
import { tail, tailDocumentation } from "./endpoints/tail.ts";
import { batchDocumentation, eventDocumentation, track } from "./endpoints/track.ts";
import { vendorEndpoints } from "./endpoints/vendors/paths.ts";

const root = "/api/v1/analytics";

/** The table. A path is compared as it was sent, so another spelling of it is not served. */
export const endpoints: readonly Endpoint[] = [
  {
    method: "POST",
    path: root,
    scope: "events:write",
    handle: track("event"),
    documentation: eventDocumentation,
  },
  {
    method: "POST",
    path: `${root}/batch`,
    scope: "events:write",
    handle: track("batch"),
    documentation: batchDocumentation,
  },
  {
    method: "POST",
    path: `${root}/query`,
    scope: "query",
    handle: query,
    documentation: queryDocumentation,
  },
  {
    method: "GET",
    path: `${root}/query`,
    scope: "query",
    handle: queryByUrl,
    documentation: queryByUrlDocumentation,
  },
  {
    method: "GET",
    path: `${root}/tail`,
    scope: "query",
    handle: tail,
    documentation: tailDocumentation,
  },
  {
    method: "POST",
    path: `${root}/erase`,
    scope: "admin",
    handle: erase,
    documentation: eraseDocumentation,
  },
  {
    method: "POST",
    path: `${root}/compact`,
    scope: "admin",
    handle: compact,
    documentation: compactDocumentation,
  },
  {
    method: "POST",
    path: `${root}/import`,
    scope: "admin",
    handle: importPiece,
    documentation: undefined,
  },
  {
    method: "POST",
    path: `${root}/quarantine`,
    scope: "admin",
    handle: quarantine,
    documentation: undefined,
  },
  {
    method: "POST",
    path: `${root}/redrive`,
    scope: "admin",
    handle: redrive,
    documentation: undefined,
  },
  {
    method: "GET",
    path: `${root}/stats`,
    scope: "stats:read",
    handle: stats,
    documentation: statsDocumentation,
  },
  {
    method: "GET",
    path: `${root}/health`,
    scope: undefined,
    handle: health,
    documentation: healthDocumentation,
  },
  {
    method: "GET",
    path: "/livez",
    scope: undefined,
    handle: livez,
    documentation: livezDocumentation,
  },
  {
    method: "GET",
    path: "/metrics",
    scope: undefined,
    isServed: ({ metricsAccess }) => metricsAccess !== "off",
    handle: prometheus,
    documentation: prometheusDocumentation,
  },
  ...vendorEndpoints,
  {
    method: "GET",
    path: "/millrace.js",
    scope: undefined,
    handle: (context, { request }) => clientScript(context, request),
    documentation: undefined,
  },
  ownPage("/openapi/json", () => documentOf(endpoints)),
  ...[...openApiPageFiles].map(([path, answer]) => ownPage(path, (_context, request) => answer(request))),
  ...pageFiles.map(({ path, answer }) => ownPage(path, answer)),
];

/** A page that a person reads in a browser: no token, and not in the OpenAPI document. */
function ownPage(
  path: string,
  answer: (context: HttpContext, request: Request) => Response | Promise<Response>,
): Endpoint {
  return {
    method: "GET",
    path,
    scope: undefined,
    handle: (context, { request }) => answer(context, request),
    documentation: undefined,
  };
}

/** The methods of a path, as `Allow` names them; undefined if it leads to no endpoint. */
export type MethodsOf = (path: string) => string | undefined;

/** The methods of each path of these endpoints, as `Allow` names them. */
export const methodsIn = (served: readonly Endpoint[]): ReadonlyMap<string, string> =>
  new Map(
    [...Map.groupBy(served, ({ path }) => path)].map(([path, rows]) => [
      path,
      rows.map(({ method }) => (method === "GET" ? "GET, HEAD" : method)).join(", "),
    ]),
  );

/** Finds the methods of a path among these endpoints, also of a path that fills in parameters. */
export function methodsAmong(served: readonly Endpoint[]): MethodsOf {
  const methods = methodsIn(served);
  const patterns = [...methods]
    .filter(([path]) => path.includes("/:"))
    .map(([path, allow]) => ({ pattern: new RegExp(`^${path.replace(/:[a-z]+/g, "[^/]+")}$`), allow }));
  return (path) => methods.get(path) ?? patterns.find(({ pattern }) => pattern.test(path))?.allow;
}
