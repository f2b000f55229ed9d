/** `GET /metrics`: the scrape, in the text format of Prometheus. */
import { privateHeaders } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Documentation } from "../endpoint.ts";

/** The metrics as they are now. */
export async function prometheus(context: HttpContext): Promise<Response> {
  return new Response(await context.metrics(), {
    headers: { ...privateHeaders, "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}

/** Documentation of the endpoint. */
export const prometheusDocumentation: Documentation = {
  summary: "Get Prometheus Metrics",
  operationId: "getMetrics",
  tag: "Operation",
  answers: { 200: { description: "Prometheus text", content: { "text/plain": undefined } } },
};
