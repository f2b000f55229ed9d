/**
 * Requests for a path that is not served.
 *
 * The runtime's router compares a path as it was sent, and each served path has its own route there. A request that
 * reaches these routes therefore has another path, or another spelling of a served one. A proxy that allows or denies
 * paths may have read it differently, so it is refused, never served. In `Request.url` dot segments are resolved and
 * backslashes replaced; in the parameters of a route they are not.
 */
import { Refusal } from "../answers.ts";
import type { MethodsOf } from "../endpoints.ts";
import { isPlainSegment, plainPathOf } from "./target.ts";

/** A request from the runtime's router, with the segments of its path as they were sent, with escapes decoded. */
type RoutedRequest = Request & { params?: Readonly<Record<string, string>> };

/**
 * Deepest path whose dot segments are recognised: up to here they are 400, past it 404. Served paths have at most five
 * segments.
 */
const depthMax = 16;

/** Routes that answer every request that no other route takes. */
export function otherRoutes(answer: (request: RoutedRequest) => Response): Record<string, typeof answer> {
  const routes: Record<string, typeof answer> = { "/*": answer };
  for (let depth = 1, path = ""; depth <= depthMax; depth++) {
    path += `/:s${depth}`;
    routes[path] = answer;
    // Elysia removes one final slash from a route.
    routes[`${path}//`] = answer;
  }
  return routes;
}

/**
 * The refusal of a path that is not served as it was sent: 400 if it is not in plain form, 405 for another method,
 * otherwise 404.
 */
export function refusalOfOther({ url, method, params = {} }: RoutedRequest, methodsOf: MethodsOf): Refusal {
  const segments = Object.values(params);
  const path = segments.every(isPlainSegment) ? plainPathOf(url) : undefined;
  const allow = path === undefined ? undefined : methodsOf(path);
  // A path without parameters is `/`, by a method that is not served there, or was longer than any served one before it
  // was resolved.
  const isResolved = segments.length === 0 && (path === "/" ? allow?.includes(method) : allow !== undefined);
  if (path === undefined || isResolved === true)
    return new Refusal(400, {
      reason: "path_not_plain",
      text: "The path must be in plain form: without escapes, empty segments, dot segments or backslashes",
    });
  return allow === undefined
    ? new Refusal(404, { reason: "not_found", text: "Not Found" })
    : new Refusal(405, { reason: "method_not_allowed", text: "Method Not Allowed", headers: { allow } });
}
