/** `GET /metrics`: the scrape, in the text format of Prometheus. */
import { privateHeaders } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Asked, Documentation } from "../endpoint.ts";
import { refusal } from "./documentation.ts";

/**
 * The metrics as they are now.
 * @throws Refusal 401 or 403 where only tokens with `stats:read` get them; Overloaded while their keys are not known
 */
export async function prometheus(context: HttpContext, { request }: Asked): Promise<Response> {
  if (context.metricsAccess === "token") await context.auth.authorize(request, "stats:read");
  return new Response(await context.metrics(), {
    headers: { ...privateHeaders, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

/** Documentation of the endpoint. */
export const prometheusDocumentation: Documentation = {
  summary: "Get Prometheus Metrics",
  description: "With `MILLRACE_METRICS=token` it needs a token with `stats:read`; with `off` it is 404.",
  operationId: "getMetrics",
  tag: "Operation",
  answers: {
    200: { description: "Prometheus text", content: { "text/plain": undefined } },
    401: refusal("No valid token, where one is needed"),
    403: refusal("The token lacks the scope, where one is needed"),
    404: refusal("The service shows no metrics"),
  },
};
