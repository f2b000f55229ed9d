/** `GET /api/v1/analytics/health`: whether every shard accepts and keeps its promises. */
import { healthSchema } from "../../stats/health.ts";
import { json } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Documentation } from "../endpoint.ts";
import { answer } from "./documentation.ts";

/** 200 while the status is `ok`, else 503. */
export function health(context: HttpContext): Response {
  const given = context.health();
  return json(given, given.status === "ok" ? 200 : 503);
}

/** Documentation of the endpoint. */
export const healthDocumentation: Documentation = {
  summary: "Get Analytics Health",
  operationId: "getHealth",
  tag: "Analytics",
  answers: {
    200: answer("Every shard accepts; `warnings` says what a person should look at", healthSchema),
    503: answer("Starting, degraded or stopping; `problems` says what is wrong and what to do", healthSchema),
  },
};
