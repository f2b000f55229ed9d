/** `GET /api/v1/analytics/health`: whether every shard accepts and keeps its promises. */
import { Type } from "@sinclair/typebox";
import { healthSchema } from "../../stats/health.ts";
import { json, refusalOf } from "../answers.ts";
import type { HttpContext } from "../context.ts";
import type { Asked, Documentation } from "../endpoint.ts";
import { answer } from "./documentation.ts";

/** 200 while the status is `ok`, else 503. Whoever may not see the details gets the status alone. */
export async function health(context: HttpContext, { request }: Asked): Promise<Response> {
  const given = context.health();
  const { status } = given;
  return json((await seesDetails(context, request)) ? given : { status }, status === "ok" ? 200 : 503);
}

/**
 * A token that is not valid, or cannot be verified now, is as good as none here: whoever checks whether the service
 * lives must learn that.
 */
async function seesDetails({ metricsAccess, auth }: HttpContext, request: Request): Promise<boolean> {
  if (metricsAccess !== "token") return metricsAccess === "open";
  try {
    await auth.authorize(request, "stats:read");
    return true;
  } catch (error) {
    if (refusalOf(error) !== undefined) return false;
    throw error;
  }
}

/** All of it, or the status alone. */
const answerSchema = Type.Union([healthSchema, Type.Pick(healthSchema, ["status"], { $id: "AnalyticsHealthStatus" })]);

/** Documentation of the endpoint. */
export const healthDocumentation: Documentation = {
  summary: "Get Analytics Health",
  description:
    "Needs no token. With `MILLRACE_METRICS=token` only a token with `stats:read` gets more than the status, and with `off` nobody does.",
  operationId: "getHealth",
  tag: "Analytics",
  answers: {
    200: answer("Every shard accepts; `warnings` says what a person should look at", answerSchema),
    503: answer("Starting, degraded or stopping; `problems` says what is wrong and what to do", answerSchema),
  },
};
